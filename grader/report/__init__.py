"""Views of finished reports: console, HTML pages and the JSON summary. They show marks and never compute one.

May import: ``model``, ``moderation``, ``safe_text``, ``storage``.
"""
