"""Which answers and experiments a student has written. It does not check whether they are right."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from grader.experiment.table import LARGEST, read_table
from grader.lab4.files import ANSWERS, EXPERIMENTS
from grader.model.experiment import Experiment
from grader.source.decoding import readable
from grader.source.notebooks import Cell, read_notebook

_ANCHOR = re.compile(r"<!--\s*lab4:\s*(\w+)\s*-->")
_COMMENT = re.compile(r"<!--(?:(?!<!--).)*?-->", re.DOTALL)
_PLACEHOLDER = re.compile(r"(?:write )?your answer here[.*_\s]*", re.IGNORECASE)
_NAME = re.compile(r"(?:q|answer-)(?P<part>\w+)")
"""The names of parts that anchors, nbgrader ids and cell ids use."""


class State(enum.StrEnum):
    """The state of one answer."""

    ANSWERED = "answered"
    BLANK = "blank"
    NOT_FOUND = "not found"


@dataclass(frozen=True)
class Written:
    """The state of each part in the order of the lab sheet. ``problem`` says why nothing could be read."""

    states: Mapping[str, State] = field(default_factory=dict)
    problem: str = ""

    def parts(self, state: State) -> tuple[str, ...]:
        """The parts in ``state``."""
        return tuple(part for part, found in self.states.items() if found is state)

    @property
    def missing(self) -> str:
        """The parts without an answer, as a sentence part; empty if all are answered."""
        lacking = ((state, self.parts(state)) for state in (State.BLANK, State.NOT_FOUND))
        return "; ".join(f"{state}: {', '.join(parts)}" for state, parts in lacking if parts)


def look_at_answers(folder: Path, parts: Sequence[str]) -> Written:
    """Find the answers to ``parts`` in the notebook in ``folder`` and see which contain text of the student."""
    path = folder / ANSWERS
    if not parts:
        return Written()
    if not path.is_file():
        return Written(problem=f"{ANSWERS} is not in this folder.")
    try:
        notebook = read_notebook(readable(path.read_bytes(), utf16="", otherwise=lambda _: "utf-8"))
        if not (notebook.cells or notebook.is_whole):
            raise ValueError("no notebook")
    except (OSError, ValueError, RecursionError):
        return Written(problem=f"{ANSWERS} cannot be read; save it again from Jupyter.")
    states = dict.fromkeys(parts, State.NOT_FOUND)
    for part, text in _answers(notebook.cells):
        if states.get(part, State.ANSWERED) is not State.ANSWERED:
            is_blank = not _PLACEHOLDER.sub(" ", _COMMENT.sub(" ", text)).strip(" \t\r\n*_#>-")
            states[part] = State.BLANK if is_blank else State.ANSWERED
    return Written(states)


def look_at_experiments(folder: Path) -> Experiment | None:
    """The table of experiments in ``folder``; None if it is missing or cannot be opened."""
    try:
        with (folder / EXPERIMENTS).open("rb") as stream:
            return read_table(stream.read(LARGEST + 1), EXPERIMENTS)
    except OSError:
        return None


def _answers(cells: Sequence[Cell]) -> Iterator[tuple[str, str]]:
    """(part, text) for each answer; a cell with several anchors contains several answers."""
    for cell in cells:
        name = str(cell.grade_id or cell.content.get("id", ""))
        head, *rest = _ANCHOR.split(cell.source)
        named = ((name, head),) if not rest else zip(rest[::2], rest[1::2], strict=True)
        for key, text in named:
            if found := _NAME.fullmatch(key):
                yield found["part"], text
