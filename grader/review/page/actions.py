"""What tutors do on the page: decide, comment, undo. Every action is on disk before its answer is sent."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from threading import Lock

import msgspec

from grader.model import Decision, Report, Result
from grader.model.quantities import quantity
from grader.moderation.decisions import ACCEPTED, MARKED_BLIND, STEP
from grader.moderation.desk import READ_TWICE, Desk, Given
from grader.moderation.offers import Refused, is_unsure, points_from, proposal
from grader.moderation.worklist import FLAGS_HIDDEN
from grader.report.formats import points
from grader.review.page.listing import Listed, Listing, Question
from grader.review.page.together import together
from grader.storage.json_files import encodable

_MOST_TEXT = 2000
"""Characters of a reason or a comment."""
_DIGEST = 16
FULL, HALF, NONE, ACCEPT = "full", "half", "none", "accept"
"""Words that may stand for points."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request of the page about the entry ``key``, by the tutor ``author``.

    ``points`` are those of each item, as a number or one of the words above. ``seen`` names the decision of each item
    that the page showed, as :func:`version` does. ``also`` are the keys of like entries that get the same points.
    ``flag`` is the id of the flag that was looked at.
    """

    key: str
    author: str
    points: dict[str, str] = {}
    seen: dict[str, str] = {}
    also: tuple[str, ...] = ()
    text: str = ""
    flag: str = ""


class Actions:
    """The actions on the ``desk``, from several threads. ``lock`` is held during each, and while the desk is read."""

    def __init__(self, desk: Desk, listing: Listing) -> None:
        self.lock = Lock()
        self.listing = listing
        self._desk = desk
        self._listings: dict[str, Listing] = {}
        self._made: defaultdict[str, list[tuple[str, tuple[Decision, ...]]]] = defaultdict(list)

    def listing_of(self, author: str) -> Listing:
        """The entries as a tutor sees them: without the decisions of another tutor that are hidden from him."""
        marks = self._desk.seen_by(author)
        if marks is self._desk:
            return self.listing
        return self._listings.setdefault(author, self.listing.seen_as(marks))

    def find(self, key: str) -> tuple[Question, Listed] | None:
        """The entry with this key and its question, as anybody sees it; None if there is none."""
        found = (listing.find(key) for listing in (self.listing, *self._listings.values()))
        return next(filter(None, found), None)

    # ---- what a tutor does -------------------------------------------------------------------------------------------

    def decide(self, asked: Asked) -> str:
        """Give points, and return a sentence about it. Raises Refused, with nothing saved, if that cannot be done."""
        (question, listed), author = self._entry(asked), self._author(asked)
        chosen = {item: text for item, text in asked.points.items() if text}
        if not chosen:
            raise Refused("No points were chosen, so nothing was saved.")
        own = [self._given(author, listed, item, text, asked.seen.get(item, "")) for item, text in chosen.items()]
        like, decided = self._like(author, question, listed, own, asked.also)
        given = [*own, *like]
        is_accepted = set(chosen.values()) == {ACCEPT} and all(one.points == proposal(one.shown) for one in given)
        usual = MARKED_BLIND if self.is_blind else ACCEPTED if is_accepted else ""
        self._write(listed, given, author, _text(asked) or usual)
        if len(own) > 1:
            return f"Saved: {quantity(len(own), 'item')}."
        for_all = f" for {quantity(len(given), 'entry', 'entries')}" if like else ""
        stays = f" {quantity(decided, 'decision')} of others stayed." if decided else ""
        return f"Saved: {points(own[0].points or Decimal(0))} of {points(own[0].shown.available)}{for_all}.{stays}"

    def comment(self, asked: Asked) -> str:
        """Add a comment, which changes no mark. Of several items, the first gets it."""
        (_, listed), author, text = self._entry(asked), self._author(asked), _text(asked)
        if not text:
            raise Refused("An empty comment was not saved.")
        if listed.entry.flag:
            raise Refused("A flag takes no comment, so nothing was saved.")
        result = self.listing_of(author).results(listed)[0]
        self._write(listed, [Given(listed.entry.student, result, None)], author, text)
        return "The comment was saved."

    def look(self, asked: Asked) -> str:
        """Save that the tutor has looked at a flag of the student, which changes no mark."""
        (_, listed), author = self._entry(asked), self._author(asked)
        if not self.listing.has_flags:
            raise Refused(FLAGS_HIDDEN)
        made = self._desk.look(listed.entry.student, asked.flag, author=author, reason=_text(asked))
        self._made[author].append((listed.key, made))
        return "Saved: you have looked at the flag."

    def undo(self, asked: Asked) -> tuple[str, str]:
        """Take back the last action of this tutor since the server was started: a sentence, and its entry's key."""
        steps = self._made[self._author(asked)]
        if not steps:
            raise Refused("There is nothing to undo in this session.")
        key, made = steps[-1]
        removed = self._desk.withdraw(made)
        steps.pop()
        if made[0].new is None:
            return f"Undone: {'looked at' if made[0].flag else 'the comment'}.", key
        told = [f"Undone: {quantity(len(removed), 'decision')}."] if removed else []
        if len(removed) < len(made):
            told.append(f"{quantity(len(made) - len(removed), 'decision')} not undone. {READ_TWICE}")
        return " ".join(told), key

    # ---- summary -----------------------------------------------------------------------------------------------------

    @property
    def is_blind(self) -> bool:
        """Whether this is an audit of settled answers, in which nothing may reveal the grader's marks."""
        return self.listing.is_blind

    @property
    def left(self) -> int:
        """Number of open entries."""
        return self.listing.left

    @property
    def made(self) -> Sequence[Decision]:
        """All decisions and comments that were made here, without those undone."""
        return [decision for steps in self._made.values() for _, made in steps for decision in made]

    @property
    def reports(self) -> Sequence[Report]:
        """All reports of the run, with the decisions applied."""
        return self._desk.reports

    def changed_students(self) -> frozenset[str]:
        """The students whose decisions differ from the start, whoever made them."""
        return self._desk.changed_students()

    def keep_comments(self) -> None:
        """Write the run's file of what tutors wrote, to be offered again."""
        self._desk.keep_comments()

    # ---- internal ----------------------------------------------------------------------------------------------------

    def _entry(self, asked: Asked) -> tuple[Question, Listed]:
        self._desk.refresh()
        found = self.listing_of(self._author(asked)).find(asked.key)
        if found is None:
            raise Refused("This entry is gone: another session has decided it. Load the page again.")
        return found

    def _author(self, asked: Asked) -> str:
        if not asked.author.strip():
            raise Refused("Type your name first: it is saved with each decision.")
        return self._desk.named(asked.author[:_MOST_TEXT])

    def _given(self, author: str, listed: Listed, item: str, text: str, seen: str) -> Given:
        results = self._desk.seen_by(author).report(listed.entry.student).results
        entry = self.listing_of(author).results(listed)
        shown = next((result for result in (*entry, *results) if result.id == item), None)
        if shown is None:
            raise Refused(f"The submission has no item {item[:50]}.")
        if version(shown) != seen:  # somebody has decided or asked since; the desk says who, and refuses
            shown = replace(shown, decision=None, readings=(), asked=None)
        return Given(listed.entry.student, shown, _points(text, shown))

    def _like(
        self, author: str, question: Question, listed: Listed, own: Sequence[Given], keys: Sequence[str]
    ) -> tuple[list[Given], int]:
        """The same points for the entries ``keys``, and how many of them somebody has decided since."""
        listing = self.listing_of(author)
        offered = {one.key: one for like in together(listing, question, listed) for one in like.entries}
        decided = {one.key for one in question.entries if not one.is_open}
        if not decided.union(offered).issuperset(keys) or (keys and len(own) > 1):
            raise Refused("These entries are not alike, so nothing was saved. Load the page again.")
        chosen = [offered[key] for key in dict.fromkeys(keys) if key in offered]
        student = listed.entry.student
        given = [Given(one.entry.student, listing.results(one)[0], own[0].points, like=student) for one in chosen]
        return given, len(decided.intersection(keys))

    def _write(self, listed: Listed, given: Sequence[Given], author: str, reason: str) -> None:
        made = self._desk.write(given, author=author, reason=reason, is_blind=self.is_blind)
        self._made[author].append((listed.key, made))


def version(result: Result) -> str:
    """Names the decisions on a result and the request, so that a page can say what it shows; empty without any."""
    made = result.readings if result.is_disputed else filter(None, (result.decision,))
    named = "; ".join(f"{one.time} {one.author} {one.new}" for one in made)
    if result.asked is None:
        return named
    words = hashlib.sha256(encodable(result.asked.reason).encode()).hexdigest()[:_DIGEST]
    return f"{named} asked {result.asked.time} {words}"


def choices(result: Result) -> dict[str, Decimal]:
    """The points that one key gives: by the words above; accepting only where that is allowed."""
    found = {FULL: result.available, HALF: result.available / 2, NONE: Decimal(0)}
    offer = proposal(result)
    if offer is not None and not is_unsure(result):
        found[ACCEPT] = offer
    return {word: amount for word, amount in found.items() if amount % STEP == 0}


def _points(text: str, result: Result) -> Decimal:
    if text not in (FULL, HALF, NONE, ACCEPT):
        return points_from(text, result)
    given = choices(result).get(text)
    if given is None:
        raise Refused("This cannot be given with one key here: press p, and type the points.")
    return given


def _text(asked: Asked) -> str:
    return " ".join(asked.text.split())[:_MOST_TEXT]
