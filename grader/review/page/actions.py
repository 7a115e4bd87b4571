"""What tutors do on the page: decide, comment, undo. Every action is on disk before its answer is sent."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from threading import Lock

import msgspec

from grader.model import Decision, Result
from grader.model.quantities import quantity
from grader.moderation.desk import Desk, Given
from grader.moderation.offers import Refused, is_unsure, points_from, proposal
from grader.moderation.session import ACCEPTED, MARKED_BLIND
from grader.report.formats import points
from grader.review.page.listing import Listed, Listing

_MOST_TEXT = 2000
"""Characters of a reason or a comment."""
FULL, HALF, NONE, ACCEPT = "full", "half", "none", "accept"
"""Words that may stand for points."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request of the page about the entry ``key``, by the tutor ``author``.

    ``points`` are those of each item, as a number or one of the words above. ``seen`` names the decision of each item
    that the page showed, as :func:`version` does.
    """

    key: str
    author: str
    points: dict[str, str] = {}
    seen: dict[str, str] = {}
    text: str = ""


class Actions:
    """The actions on the ``desk``, from several threads. ``lock`` is held during each, and while the desk is read."""

    def __init__(self, desk: Desk, listing: Listing) -> None:
        self.lock = Lock()
        self.listing = listing
        self._desk = desk
        self._made: defaultdict[str, list[tuple[str, tuple[Decision, ...]]]] = defaultdict(list)

    def decide(self, asked: Asked) -> str:
        """Give points, and return a sentence about it. Raises Refused, with nothing saved, where that cannot be done."""
        listed, author = self._entry(asked), _author(asked)
        results = {result.id: result for result in self._desk.report(listed.entry.student).results}
        given = [self._given(listed, results, item, text, asked.seen) for item, text in asked.points.items() if text]
        if not given:
            raise Refused("No points were chosen, so nothing was saved.")
        is_accepted = set(asked.points.values()) == {ACCEPT}
        usual = MARKED_BLIND if self.listing.is_blind else ACCEPTED if is_accepted else ""
        self._write(listed, given, author, _text(asked) or usual)
        if len(given) > 1:
            return f"Saved: {quantity(len(given), 'item')}."
        return f"Saved: {points(given[0].points or Decimal(0))} of {points(given[0].shown.available)}."

    def comment(self, asked: Asked) -> str:
        """Add a comment, which changes no mark. Of several items, the first gets it."""
        listed, author, text = self._entry(asked), _author(asked), _text(asked)
        if not text:
            raise Refused("An empty comment was not saved.")
        result = self.listing.results(listed)[0]
        self._write(listed, [Given(listed.entry.student, result, None)], author, text)
        return "The comment was saved."

    def undo(self, asked: Asked) -> tuple[str, str]:
        """Take back the last action of this tutor since the server was started: a sentence, and the key of its entry."""
        steps = self._made[_author(asked)]
        if not steps:
            raise Refused("There is nothing to undo in this session.")
        key, made = steps[-1]
        self._desk.withdraw(made)
        steps.pop()
        return ("Undone: the comment." if made[0].new is None else "Undone: the entry is as before."), key

    def made(self) -> Sequence[Decision]:
        """All decisions and comments that were made here, without those undone."""
        return [decision for steps in self._made.values() for _, made in steps for decision in made]

    def _entry(self, asked: Asked) -> Listed:
        self._desk.refresh()
        listed = self.listing.find(asked.key)
        if listed is None:
            raise Refused("This entry is gone: another session has decided it. Load the page again.")
        return listed

    def _given(
        self, listed: Listed, results: Mapping[str, Result], item: str, text: str, seen: Mapping[str, str]
    ) -> Given:
        if item not in results:
            raise Refused(f"The submission has no item {item[:50]}.")
        shown = {result.id: result for result in self.listing.results(listed)}.get(item, results[item])
        amount = _points(text, shown)
        if version(shown) != seen.get(item, ""):  # somebody has decided since; the desk says who, and refuses
            shown = replace(shown, decision=None)
        return Given(listed.entry.student, shown, amount)

    def _write(self, listed: Listed, given: Sequence[Given], author: str, reason: str) -> None:
        made = self._desk.write(given, author=author, reason=reason, is_blind=self.listing.is_blind)
        self._made[author].append((listed.key, made))


def version(result: Result) -> str:
    """Names the decision on a result, so that a page can say which one it shows; empty if there is none."""
    made = result.decision
    return f"{made.time} {made.author} {made.new}" if made is not None else ""


def choices(result: Result) -> dict[str, Decimal]:
    """The points that one key gives: by the words above; accepting only where that is allowed."""
    half = result.available / 2
    found = {FULL: result.available, HALF: half, NONE: Decimal(0)}
    offer = proposal(result)
    return found | ({ACCEPT: offer} if offer is not None and not is_unsure(result) else {})


def _points(text: str, result: Result) -> Decimal:
    if text not in (FULL, HALF, NONE, ACCEPT):
        return points_from(text, result)
    given = choices(result).get(text)
    if given is None:
        raise Refused("Nothing can be accepted here: give points.")
    return given


def _author(asked: Asked) -> str:
    if not asked.author.strip():
        raise Refused("Type your name first: it is saved with each decision.")
    return asked.author.strip()[:_MOST_TEXT]


def _text(asked: Asked) -> str:
    return " ".join(asked.text.split())[:_MOST_TEXT]
