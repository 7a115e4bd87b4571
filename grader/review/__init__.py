"""What tutors do in the terminal: the reviewing session, and learning from its decisions.

May import: ``answers.evaluation``, ``answers.marker``, ``model``, ``moderation``, ``report``, ``report.console``,
``safe_text``, ``storage``.
"""
