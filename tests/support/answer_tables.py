"""Load the tables of answers in ``tests/answers``."""

from __future__ import annotations

import tomllib
from typing import Any, NamedTuple

from tests.support.places import TESTS


class Row(NamedTuple):
    """An answer and the mark that it deserves, as the key writes marks: "0", "0.5", "1"."""

    part: str
    mark: str
    answer: str


def _table(name: str) -> dict[str, dict[str, Any]]:
    return tomllib.loads((TESTS / "answers" / name).read_text(encoding="utf-8"))


def _rows(name: str) -> tuple[Row, ...]:
    return tuple(
        Row(part, mark, answer)
        for part, marks in _table(name).items()
        for mark, answers in marks.items()
        for answer in answers
    )


VARIANTS = _rows("variants.toml")
"""Answers of our own, none of them from the answers that the key was developed on."""
WORDINGS = _rows("wordings.toml")
"""Contrasts, denials, sizes, typing errors and roles: what words alone would get wrong."""
ANSWERS: dict[str, str] = _table("sheet.toml")["answers"]
"""An answer for each of the 13 parts."""
QUESTIONS: dict[str, str] = _table("sheet.toml")["questions"]
"""The questions as they are handed out, those of 6 and 7 as a whole as well."""
