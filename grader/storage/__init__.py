"""Files of a run: its folder, the records of each student, results.json, marks.csv, digests of code,
and values that are kept in memory for a run.

May import: ``model``, ``safe_text``.
"""
