"""The experiment of Part 2: reading the table of what was tried, training one line of it again, and judging both.

May import: ``answers.finding.observations``, ``checks``, ``lab4``, ``model``, ``safe_text``,
``source``, ``storage.fingerprints``.
"""
