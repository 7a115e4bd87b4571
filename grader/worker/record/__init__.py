"""Stages ``build`` and ``record``: build ``Net`` and record the operations of its forward passes as a graph.

May import: ``model``, ``source``.
"""
