"""The table of students of a large cohort, on pages of its own beside the cohort page, which then has a search."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from grader.model import Status
from grader.report import formats
from grader.report.html.cohort_page import Row

_ON_A_PAGE = 500
_LONGEST = 60
"""Characters of a name in a link to a page of the table."""


@dataclass(frozen=True)
class RosterPage:
    """A page with some rows of the table, in the file ``name``; ``first`` and ``last`` are the names at its ends."""

    name: str
    rows: tuple[Row, ...]

    @property
    def first(self) -> str:
        """The first name on the page."""
        return _short(self.rows[0])

    @property
    def last(self) -> str:
        """The last name on the page."""
        return _short(self.rows[-1])


def _short(row: Row) -> str:
    return formats.shorten(formats.visible(row.name[0]), _LONGEST)


def roster_pages(rows: Sequence[Row], name: str) -> tuple[RosterPage, ...]:
    """The pages of a table that is too long for the page ``name``, each with about as many rows; else none."""
    if len(rows) <= formats.MOST_STUDENTS:
        return ()
    count = -(-len(rows) // _ON_A_PAGE)
    bounds = [len(rows) * number // count for number in range(count + 1)]
    return tuple(
        RosterPage(f"{name}-{number}.html", tuple(rows[start:end]))
        for number, (start, end) in enumerate(itertools.pairwise(bounds), start=1)
    )


def directory(pages: Sequence[RosterPage]) -> Markup:
    """All students for the search of the cohort page, as JSON that can stand in a page."""
    order = list(Status)
    students = [
        [*map(formats.visible, row.name), row.page, order.index(row.status), _total(row), row.waiting, row.classes, at]
        for at, page in enumerate(pages)
        for row in page.rows
    ]
    statuses = [[status.value, formats.SYMBOLS[status], formats.WORDS[status]] for status in order]
    listed = {"statuses": statuses, "pages": [page.name for page in pages], "students": students}
    text = json.dumps(listed, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.translate({ord(sign): f"\\u{ord(sign):04x}" for sign in "<>&"}))


def _total(row: Row) -> str:
    return formats.out_of(row.awarded, row.available) if row.is_marked else "–"
