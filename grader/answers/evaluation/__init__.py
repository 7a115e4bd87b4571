"""Evaluates the marker: ``mark-answers`` with its agreement with marks by people, and ``explain`` for one answer.

May import: ``answers.marker``, ``model``, ``safe_text``.
"""
