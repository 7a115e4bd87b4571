"""The HTML pages: one for each student, one for the cohort.

May import: ``checks``, ``experiment``, ``lab4``, ``model``, ``moderation``, ``report``, ``safe_text``, ``sandbox``,
``storage``, ``submissions.naming``.
"""
