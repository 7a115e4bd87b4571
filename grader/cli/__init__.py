"""The command line: its options, its commands, and ``doctor``.

May import: ``data``, ``model``, ``sandbox``, ``worker.isolate``.
"""
