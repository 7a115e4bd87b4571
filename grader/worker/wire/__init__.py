"""The bytes between a worker and its parent: evidence frames and messages.

May import: ``model``.
"""
