"""Output in the tutor's terminal: progress, the summary of a run, the differences between two runs.

May import: ``model``, ``moderation``, ``report``, ``safe_text``, ``sandbox``, ``storage``.
"""
