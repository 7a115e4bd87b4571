"""Tutors' decisions: the queue of open results, the file of decisions, and runs with their decisions applied.

May import: ``answers.evaluation``, ``answers.marker``, ``model``, ``safe_text``, ``storage``, ``submissions``.
"""
