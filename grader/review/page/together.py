"""The open entries that a tutor may mark together with the one shown: equal ones, and nearly equal answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from grader.moderation.likeness import alike_results, differences, is_near
from grader.moderation.worklist import FOR_ALL
from grader.report.highlighting import Piece, pieces
from grader.review.page.listing import Listed, Listing, Question

MOST_NEAR = 8
"""Nearly equal answers that are shown below one."""


@dataclass(frozen=True)
class Together:
    """Open entries that get the same points if the tutor wants it; never the one shown.

    ``text`` is empty for entries that are equal to it, and for code with the same finding. Otherwise it is the nearly
    equal answer: pieces that have counted are words that the one shown lacks, and ``lacks`` are words that it lacks.
    """

    entries: tuple[Listed, ...]
    text: tuple[Piece, ...] = ()
    lacks: tuple[str, ...] = ()


Mask = Callable[[str, str], str]
"""What is shown of a student's text, with as many characters."""


def as_it_is(student: str, text: str) -> str:
    """The whole text."""
    return text


def together(listing: Listing, question: Question, shown: Listed, *, mask: Mask = as_it_is) -> tuple[Together, ...]:
    """The equal entries first, if there are any, then the nearly equal ones in the order of the list."""
    if listing.is_blind or question.id in ("", *FOR_ALL) or len(shown.entry.items) > 1:
        return ()
    waiting = {listed.entry.student: listed for listed in question.entries if _is_free(listed) and listed != shown}
    if not question.groups:
        return _same_finding(listing, shown, waiting)
    own = next(group for group in question.groups if shown.entry.student in group.students)
    found = [Together(entries)] if (entries := _in(waiting, own.students)) else []
    for group in question.groups:
        entries = _in(waiting, group.students)
        if entries and group is not own and is_near(own.text, group.text):
            text, own_text = mask(group.students[0], group.text), mask(own.students[0], own.text)
            lacks = tuple(own_text[start:end] for start, end in differences(group.text, own.text))
            found.append(Together(entries, tuple(pieces(text, differences(own.text, group.text))), lacks))
    return tuple(found[: MOST_NEAR + 1])


def _is_free(listed: Listed) -> bool:
    """Whether it may be marked unread: never where its student has asked for something."""
    return listed.is_open and not listed.is_asked


def _same_finding(listing: Listing, shown: Listed, waiting: dict[str, Listed]) -> tuple[Together, ...]:
    results = {listed.entry.student: listing.results(listed)[0] for listed in (shown, *waiting.values())}
    same = next(students for students in alike_results(results) if shown.entry.student in students)
    entries = _in(waiting, same)
    return (Together(entries),) if entries else ()


def _in(waiting: dict[str, Listed], students: Sequence[str]) -> tuple[Listed, ...]:
    return tuple(waiting[student] for student in students if student in waiting)
