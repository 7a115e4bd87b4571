"""Marks one answer against the key: which ideas it states, what they earn, and how sure the mark is.

May import: ``lab4``, ``model``, ``rubric``, ``storage``.
"""
