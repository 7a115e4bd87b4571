"""The marking scheme: ``rubric.toml`` becomes a :class:`grader.model.Rubric`, or is refused.

May import: ``lab4``, ``model``.
"""
