"""The wire format between a worker process and its parent: evidence frames and messages.

May import: ``model``.
"""
