"""Stages ``build`` and ``record``: from ``Net`` to a graph of the operations that it runs.

May import: ``model``.
"""
