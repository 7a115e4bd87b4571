"""Marking one answer against the key: what it says, what that earns, and how sure that is.

May import: ``lab4``, ``model``, ``rubric``, ``storage``.
"""
