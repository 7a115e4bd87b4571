"""What in an answer limits how its words may be marked, before and beside the key.

A request to the marker, another language, a statement that is taken back, and a reference to something else. Each
changes what is marked, or sends the answer to a tutor; what the rest earns is decided by the key
(:mod:`grader.answers.marker.answer_marking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from decimal import Decimal

from grader.answers.marker.cleaning import requests, without, without_request_words
from grader.answers.marker.finding import NOTHING_CLAIMED, Marked, finding
from grader.answers.marker.language import is_foreign
from grader.answers.marker.references import references
from grader.answers.marker.taken_back import TakenBack, taken_back
from grader.model import Status

Mark = Callable[[str], Marked]
"""Marks a text by the key alone."""
OTHER_LANGUAGE = (
    "This answer is in another language than English, or in words that the marker does not know, "
    "so a tutor should read it."
)
TAKEN_BACK = "The answer takes this back, or gives it as a wrong belief of others."
PERHAPS_TAKEN_BACK = "The answer denies a statement; a tutor should read what it says itself."
IGNORED = "Text addressed to the marker was ignored."
UNSURE, DOUBTFUL, SURE = 0.4, 0.5, 0.85
"""Confidences: of a mark that a tutor has to look at, and of a settled one."""


def with_caveats(text: str, mark: Mark, english: Collection[str] | None) -> Marked:
    """The finding on an answer; ``english`` are stems of English words, None where the language does not matter."""
    asking = requests(text)
    if asking:
        return _without_requests(text, asking, lambda rest: _with_language(rest, mark, english))
    return _with_language(text, mark, english)


def _without_requests(text: str, asking: Iterable[tuple[int, int]], mark: Mark) -> Marked:
    """The finding on the rest; it is settled only if what else is in the sentences of the requests changes no mark."""
    rest, whole = mark(without(text, asking)), mark(without_request_words(text))
    message = f"{rest.finding.message} {IGNORED}"
    if whole.finding.awarded != rest.finding.awarded:
        rule = f"{IGNORED} With the rest of its sentence, the mark would be {whole.finding.awarded}."
        return rest.doubted(UNSURE, message, rule)
    return replace(rest, finding=replace(rest.finding, message=message), rules=(*rest.rules, IGNORED))


def _with_language(text: str, mark: Mark, english: Collection[str] | None) -> Marked:
    if english is None:
        return _with_references(text, mark)
    if is_foreign(text, english):
        return mark(text).doubted(UNSURE, OTHER_LANGUAGE)
    return _with_references(text, lambda rest: _with_statements(rest, mark))


def _with_references(text: str, mark: Mark) -> Marked:
    """The finding on what the answer says itself; if that is not enough for the full mark, a tutor follows it."""
    pointing = references(text)
    if not pointing:
        return mark(text)
    found = mark(without(text, [(reference.start, reference.end) for reference in pointing]))
    named = " and ".join(f'"{reference.words}"' for reference in pointing[:3])
    if found.finding.status is Status.PASSED:
        return replace(found, rules=(*found.rules, f"The answer needs nothing of what it points to ({named})."))
    return found.doubted(UNSURE, f"The answer points to something else ({named}); a tutor should look there.")


def _with_statements(text: str, mark: Mark) -> Marked:
    denied = taken_back(text)
    if not denied:
        return mark(text)
    if not all(statement.is_certain for statement in denied):
        return mark(text).doubted(DOUBTFUL, PERHAPS_TAKEN_BACK)
    rest = without(text, [statement.whole for statement in denied])
    said, left = mark(_only(text, denied)), mark(rest)
    if left.finding.awarded and not said.finding.awarded:  # the answer says something itself
        return left
    if left.finding.awarded:
        return left.doubted(DOUBTFUL, PERHAPS_TAKEN_BACK)
    if said.finding.status is Status.FAILED:  # a wrong statement denied may be a right one
        return mark(text).doubted(DOUBTFUL, PERHAPS_TAKEN_BACK)
    is_all = left.finding.status is Status.FAILED or NOTHING_CLAIMED.fullmatch(rest)
    sure = SURE if said.finding.awarded and is_all else DOUBTFUL
    return Marked(finding(Decimal(0), sure, TAKEN_BACK, said.finding.spans), text, (*said.rules, TAKEN_BACK))


def _only(text: str, kept: Iterable[TakenBack]) -> str:
    """The text with everything but these statements overwritten."""
    ends = [0, *(end for statement in kept for end in statement.statement), len(text)]
    return without(text, zip(ends[::2], ends[1::2], strict=True))
