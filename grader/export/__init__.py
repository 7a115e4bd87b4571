"""Write the files that a learning platform takes back, from a run and from a file of the platform.

One module for each platform. :mod:`grader.export.selection` says whose marks leave the grader, and
:mod:`grader.export.outcome` what the tutor is told. No mark is computed here, and nothing in the run is changed.

May import: ``model``, ``moderation``, ``report``, ``safe_text``, ``storage``, ``submissions``.
"""
