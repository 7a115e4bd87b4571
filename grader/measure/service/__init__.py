"""Measuring as a service: plain bytes in, plain bytes out, for a process on this machine or on another one.

The student handout does not contain this package.

May import: ``measure``, ``model``.
"""
