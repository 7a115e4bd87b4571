"""Reads what teachers set, or refuses it with a reason: the marking scheme ``rubric.toml`` and a late policy.

May import: ``lab4``, ``model``.
"""
