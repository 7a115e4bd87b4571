"""What students' works have in common that chance does not explain: evidence for a person, never a mark.

:mod:`grader.similarity.work` takes the things of a work that may be shared, :mod:`grader.similarity.comparison` weighs
them and compares the works, and :mod:`grader.similarity.page` shows the pairs. Reads only what a run has stored, runs
nothing, and changes neither marks nor flags.

May import: ``answers.marker``, ``lab4``, ``model``, ``moderation``, ``report``, ``report.html``, ``safe_text``,
``source.notebooks``, ``storage``, ``submissions.script_text``.
"""
