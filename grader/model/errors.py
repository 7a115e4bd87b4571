"""Whose fault a failure is: the types by which the exit code and the report tell them apart."""

from __future__ import annotations


class GraderFault(Exception):
    """A fault of the grader's own: exit code 3, and never a student's zero."""


class UsageFault(Exception):
    """The tutor's input cannot be used: exit code 2. The message says what to change."""
