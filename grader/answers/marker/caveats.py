"""What in an answer limits how its words may be marked, before and beside the key.

A request to the marker, another language, a statement that is taken back, and a reference to something else. Each
changes what is marked, or sends the answer to a tutor; what the rest earns is decided by the key
(:mod:`grader.answers.marker.answer_marking`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from decimal import Decimal

from grader.answers.marker.cleaning import requests, without
from grader.answers.marker.finding import NOTHING_CLAIMED, finding
from grader.answers.marker.language import is_foreign
from grader.answers.marker.references import references
from grader.answers.marker.taken_back import TakenBack, taken_back
from grader.model import AnswerFinding, Status

Mark = Callable[[str], AnswerFinding]
"""Marks a text by the key alone."""
OTHER_LANGUAGE = "This answer is in another language than English, so a tutor should read it."
TAKEN_BACK = "The answer takes this back, or gives it as a wrong belief of others."
PERHAPS_TAKEN_BACK = "The answer denies a statement; a tutor should read what it says itself."
IGNORED = "Text addressed to the marker was ignored."
UNSURE, DOUBTFUL, SURE = 0.4, 0.5, 0.85
"""Confidences: of a mark that a tutor has to look at, and of a settled one."""


def with_caveats(text: str, mark: Mark, english: Collection[str] | None) -> AnswerFinding:
    """The finding on an answer; ``english`` are stems of English words, None where the language does not matter."""
    asking = requests(text)
    if asking:
        return _without_requests(text, asking, lambda rest: _with_language(rest, mark, english))
    return _with_language(text, mark, english)


def limits(text: str, english: Collection[str]) -> Iterator[str]:
    """What limits the marking of an answer in words, as sentences."""
    if requests(text):
        yield IGNORED
    if is_foreign(text, english):
        yield OTHER_LANGUAGE
    for reference in references(text):
        yield f'The answer points to something else ("{reference.words}").'
    if taken_back(text):
        yield "The answer takes a statement back, or gives it as a wrong belief."


def _without_requests(text: str, asking: Iterable[tuple[int, int]], mark: Mark) -> AnswerFinding:
    """The finding on the rest; it is settled only if the requests, read as an answer, change no mark."""
    rest, whole = mark(without(text, asking)), mark(text)
    if whole.awarded > rest.awarded:
        return _doubted(rest, UNSURE, f"{rest.message} {IGNORED}")  # the answer may be in the same sentence
    return replace(rest, message=f"{rest.message} {IGNORED}")


def _with_language(text: str, mark: Mark, english: Collection[str] | None) -> AnswerFinding:
    if english is None:
        return _with_references(text, mark)
    if is_foreign(text, english):
        return _doubted(mark(text), UNSURE, OTHER_LANGUAGE)
    return _with_references(text, lambda rest: _with_statements(rest, mark))


def _with_references(text: str, mark: Mark) -> AnswerFinding:
    """The finding on what the answer says itself; if that is not enough for the full mark, a tutor follows it."""
    pointing = references(text)
    if not pointing:
        return mark(text)
    found = mark(without(text, [(reference.start, reference.end) for reference in pointing]))
    if found.status is Status.PASSED:
        return found
    named = " and ".join(f'"{reference.words}"' for reference in pointing[:3])
    return _doubted(found, UNSURE, f"The answer points to something else ({named}); a tutor should look there.")


def _with_statements(text: str, mark: Mark) -> AnswerFinding:
    denied = taken_back(text)
    if not denied:
        return mark(text)
    rest = without(text, [statement.whole for statement in denied])
    said, left = mark(_only(text, denied)), mark(rest)
    if any(statement.is_limited for statement in denied):
        return _doubted(left, DOUBTFUL, PERHAPS_TAKEN_BACK)
    if left.awarded:  # the answer says something itself
        return _doubted(left, DOUBTFUL, PERHAPS_TAKEN_BACK) if said.awarded else left
    if said.status is Status.FAILED:  # a wrong statement denied may be a right one
        return _doubted(mark(text), DOUBTFUL, PERHAPS_TAKEN_BACK)
    is_all = said.awarded and (left.status is Status.FAILED or NOTHING_CLAIMED.fullmatch(rest))
    return finding(Decimal(0), SURE if is_all else DOUBTFUL, TAKEN_BACK, said.spans)


def _only(text: str, kept: Iterable[TakenBack]) -> str:
    """The text with everything but these statements overwritten."""
    ends = [0, *(end for statement in kept for end in statement.statement), len(text)]
    return without(text, zip(ends[::2], ends[1::2], strict=True))


def _doubted(found: AnswerFinding, most: float, message: str) -> AnswerFinding:
    """The finding as a proposal for a tutor, with a confidence of at most ``most``."""
    return replace(finding(found.awarded, min(most, found.confidence), message, found.spans), is_structural=True)
