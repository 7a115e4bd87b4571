"""Measuring as a service: plain bytes in, plain bytes out, for a process beside this one or on another machine.

It may import ``model`` and ``measure``. What a student's kit holds has no use for it.

May import: ``measure``, ``model``.
"""
