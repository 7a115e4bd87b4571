"""The text of the chosen script as a tutor reads it on the page of a submission."""

from __future__ import annotations

from grader.model import Submission
from grader.model.submission import CodePiece
from grader.source.script import SourceProblem, read_script

MOST_CODE = 100_000
"""Characters that are kept. A script of this lab has 3,000 to 10,000."""


def script_text(submission: Submission) -> tuple[CodePiece, ...]:
    """The beginning of the script, a piece for each code cell of a notebook; empty if there is none to read."""
    if submission.script is None:
        return ()
    try:
        script = read_script(submission.root, submission.script)
    except (SourceProblem, OSError):
        return ()
    is_cut = len(script.text) > MOST_CODE
    lines = [*script.text[:MOST_CODE].split("\n"), *(["…"] if is_cut else [])]
    if not script.cells:
        return (CodePiece("\n".join(lines)),)
    ends = [first - 1 for _, first in script.cells[1:]] + [len(lines)]
    pieces = (
        CodePiece("\n".join(lines[first - 1 : end]).rstrip("\n"), cell)
        for (cell, first), end in zip(script.cells, ends, strict=True)
    )
    return tuple(piece for piece in pieces if piece.text)
