"""Marks one answer against the key: which ideas it states, what they earn, and how sure the mark is.

May import: ``model``, ``rubric``, ``storage``.
"""
