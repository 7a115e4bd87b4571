"""Stage ``load``: from a student's script to the class ``Net``.

May import: ``model``, ``source``.
"""
