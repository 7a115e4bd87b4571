"""Files of a run: its folder, the records of each student, results.json, marks.csv, and digests of code.

May import: ``model``, ``safe_text``.
"""
