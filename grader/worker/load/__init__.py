"""Stage ``load``: find the class ``Net`` in a student's script and make it callable, without running the training.

May import: ``model``, ``source``.
"""
