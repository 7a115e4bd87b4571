"""The reviewing session in the terminal: keyboard, screen and prompt.

May import: ``model``, ``moderation``, ``report``, ``report.console``, ``safe_text``, ``storage``.
"""
