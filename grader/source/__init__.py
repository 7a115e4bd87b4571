"""Read a script without running it: its text, its statements, its names, and what ``Net`` needs.

May import: ``model``.
"""
