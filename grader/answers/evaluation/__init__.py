"""Evaluates the marker against marks by people: the ``mark-answers`` command and its agreement figures.

May import: ``answers.marker``, ``model``.
"""
