"""The reviewing session in the terminal: keys, screen and dialogue.

May import: ``model``, ``moderation``, ``report``, ``report.console``, ``safe_text``, ``storage``.
"""
