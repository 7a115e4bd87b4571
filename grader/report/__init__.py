"""Views of finished reports: the console's and the HTML pages'. They show marks and never compute one.

May import: ``model``, ``moderation``, ``safe_text``, ``storage``.
"""
