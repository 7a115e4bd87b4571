"""The local page for reviewing: a small server on this computer, for one tutor or several at once.

May import: ``model``, ``moderation``, ``report``, ``report.html``, ``review``, ``safe_text``, ``storage``.
"""
