"""The local page for reviewing: a small server on this computer, for one tutor or several at once.

May import: ``model``, ``moderation``, ``report``, ``report.html``, ``safe_text``, ``storage``.
"""
