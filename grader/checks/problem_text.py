"""The words for a problem in a sentence: the exception, and the line or cell in which it was raised."""

from __future__ import annotations

from grader.model.evidence import Problem


def place(problem: Problem) -> str:
    """``in task1_cnn.py, line 12`` or ``in cell 3, line 4``; empty when unknown."""
    if problem.cell > 0 and problem.line > 0:
        return f"in cell {problem.cell}, line {problem.line}"
    if problem.line > 0:
        return f"in {problem.file}, line {problem.line}" if problem.file else f"in line {problem.line}"
    return ""


def at(problem: Problem) -> str:
    """The place of a problem with a space before it, for the end of a sentence; empty when unknown."""
    where = place(problem)
    return f" {where}" if where else ""


def cause(problem: Problem) -> str:
    """The exception as one short clause: its type and its message."""
    message = problem.message.strip().rstrip(".")
    if problem.exception and not message.startswith(problem.exception):
        return f"{problem.exception}: {message}" if message else problem.exception
    return message
