"""Tutors' decisions: what waits for one, where they are kept, and a run with its decisions applied.

May import: ``model``, ``safe_text``, ``storage``, ``submissions``.
"""
