"""What a tutor reads in the terminal: progress, the summary of a run, the difference of two runs.

May import: ``model``, ``moderation``, ``report``, ``safe_text``, ``storage``.
"""
