"""Exceptions that distinguish faults of the grader from unusable input of the tutor."""

from __future__ import annotations


class GraderFault(Exception):
    """A fault of the grader itself: exit code 3. It never costs a student points."""


class UsageFault(Exception):
    """The tutor's input cannot be used: exit code 2. The message says what to change."""
