"""The titles of the written parts that a rubric names: Lab 4's, or numbers until a key says what they ask."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from grader.lab4.items import PART1_IDS, PART1_TITLES
from grader.model.parts import in_order


def titles_of(parts: Iterable[str]) -> Mapping[str, str]:
    """The title of each part, in the order of the sheet."""
    ordered = in_order(parts)
    return PART1_TITLES if ordered == PART1_IDS else {part: f"Question {part}" for part in ordered}
