"""A number with its noun, in the singular or the plural, for messages and reports."""

from __future__ import annotations


def quantity(count: int, noun: str, plural: str = "") -> str:
    """``1 student``, ``3 students``; pass ``plural`` when it is more than an added s."""
    return f"{count} {noun if count == 1 else plural or noun + 's'}"
