"""How well the marker agrees with people: the ``mark-answers`` command and its figures.

May import: ``answers.marker``, ``model``.
"""
