"""Reads the marking scheme ``rubric.toml`` as a :class:`grader.model.Rubric`, or refuses it with a reason.

May import: ``lab4``, ``model``.
"""
