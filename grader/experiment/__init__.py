"""Reads the experiment's table of runs, trains one of its lines again, and makes findings on the table and that run.

May import: ``answers.finding.observations``, ``checks``, ``lab4``, ``model``, ``safe_text``,
``source``, ``storage.fingerprints``, ``storage.once``.
"""
