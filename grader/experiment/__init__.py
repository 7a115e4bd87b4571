"""The experiment of Part 2: reads the table of runs, trains one of its lines again, and makes findings of both.

May import: ``answers.finding.observations``, ``checks``, ``lab4``, ``model``, ``safe_text``,
``source``, ``storage.fingerprints``.
"""
