"""The values that the page shows of one entry: what the student wrote, what the grader says, and what can be given."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from grader.model import Result
from grader.model.submission import CodePiece
from grader.moderation.comment_bank import bank
from grader.moderation.desk import Desk
from grader.moderation.offers import is_unsure, proposal
from grader.moderation.queue import is_open
from grader.moderation.session import ACCEPTED, MARKED_BLIND, NOTHING_ANSWERED
from grader.report.formats import name_and_number
from grader.report.highlighting import pieces
from grader.report.html.observed_view import observed
from grader.report.html.student_page import lost_checks
from grader.review.page.actions import ACCEPT, FULL, HALF, NONE, choices, version
from grader.review.page.listing import Listed, Listing
from grader.storage import records

_KEYS = {FULL: "1", HALF: "5", NONE: "0", ACCEPT: "a"}
_STANDARD = frozenset({ACCEPTED, MARKED_BLIND, NOTHING_ANSWERED})
_NAMED_LINE = re.compile(r"\b[Ll]ines? (\d{1,6})\b")


@dataclass(frozen=True)
class Choice:
    """Points that one key gives."""

    key: str
    word: str
    points: Decimal


@dataclass(frozen=True)
class Row:
    """An item with its choices. ``offer`` is what is proposed or stands, and ``version`` names the decision."""

    result: Result
    choices: tuple[Choice, ...]
    offer: Decimal | None
    is_open: bool
    is_unsure: bool
    version: str


def row_of(result: Result) -> Row:
    """The row of one result."""
    given = tuple(Choice(_KEYS[word], word, points) for word, points in choices(result).items())
    return Row(result, given, proposal(result), is_open(result), is_unsure(result), version(result))


def entry_view(
    folder: Path, desk: Desk, listing: Listing, listed: Listed, names: Mapping[str, str] | None
) -> dict[str, Any]:
    """The values for ``desk_entry.html``."""
    report, results = desk.report(listed.entry.student), listing.results(listed)
    stored = None if listing.is_blind else records.read_evidence(folder, report.student)
    first = results[0]
    others = report.answer_results if first.answer is not None else report.code_results
    code = stored.submission.code if stored is not None and stored.submission is not None else ()
    seen: dict[str, Any] = {}
    if stored is not None and first.answer is None:
        seen = observed(stored.evidence, lost_checks(report.code_results), ())
    return seen | {
        "listed": listed,
        "who": name_and_number(report) if names is None else (names[report.student], ""),
        "rows": [row_of(result) for result in results],
        "whole": [] if listing.is_blind else [row_of(result) for result in (results if len(results) > 1 else others)],
        "answer": tuple(pieces(first.answer.text, first.answer.spans)) if first.answer is not None else (),
        "bank": bank([desk.decisions], first.id, standard=_STANDARD),
        "report": report,
        "is_blind": listing.is_blind,
        "has_page": not listing.is_blind and names is None,
        "code": [] if first.answer is not None else [_listed_lines(piece, _named(results)) for piece in code],
    }


@dataclass(frozen=True)
class CodeLine:
    """A line of the script; ``is_named`` if a message about the entry names it."""

    number: int
    text: str
    is_named: bool


def _named(results: Sequence[Result]) -> frozenset[int]:
    """The numbers of the lines that the messages name."""
    texts = (text for result in results for text in (result.message, result.expected, result.seen))
    return frozenset(int(number) for text in texts for number in _NAMED_LINE.findall(text))


def _listed_lines(piece: CodePiece, named: frozenset[int]) -> list[CodeLine]:
    return [CodeLine(at, text, at in named) for at, text in enumerate(piece.text.splitlines(), start=1)]
