"""Brings the rubric and the answer key together: which written parts there are, and what they are called."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from grader.answers.finding.paper import LAB4, Paper, paper_of, paper_with, title_of
from grader.answers.marker.key import AnswerKey
from grader.model import Rubric, UsageFault


def with_titles(rubric: Rubric, key: AnswerKey | None) -> Rubric:
    """The rubric with the key's questions as titles of the written parts.

    Raises :class:`UsageFault` if one of the two has a written part that the other lacks. A rubric without Part 1 goes
    with any key.
    """
    if key is None or not rubric.part1:
        return rubric
    given, asked = [criterion.id for criterion in rubric.part1], tuple(key.parts)
    if unknown := [part for part in given if part not in asked]:
        raise UsageFault(
            f"the rubric gives points for {_parts(unknown)}, which the answer key does not have; it has "
            f"{_parts(asked)}. Use the rubric and the key of the same lab (--rubric, --key)."
        )
    if unpaid := [part for part in asked if part not in given]:
        raise UsageFault(
            f"the answer key asks for {_parts(unpaid)}, for which the rubric gives no points; its [part1] has "
            f"{_parts(given)}. Use the rubric and the key of the same lab (--rubric, --key), or give 0 points."
        )
    titled = (replace(c, title=title_of(c.id, key.questions[c.id])) for c in rubric.part1)
    return replace(rubric, part1=tuple(titled))


def paper(rubric: Rubric, key: AnswerKey | None) -> Paper:
    """The paper that the documents of a run answer: the key's, else the one with the rubric's parts, else Lab 4's."""
    if key is not None:
        return paper_of(key.questions)
    return paper_with(criterion.id for criterion in rubric.part1) if rubric.part1 else LAB4


def _parts(ids: Iterable[str]) -> str:
    named = list(ids)
    return f"part {named[0]}" if len(named) == 1 else f"the parts {', '.join(named)}"
