"""Runs a reviewing session in the terminal: what each key does, and what is written at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from grader.model import Decision, Report, Result
from grader.model.command_lines import command_line
from grader.model.quantities import quantity
from grader.moderation.finished_run import Pages, load_run, write_views
from grader.moderation.offers import Refused, is_unsure, points_from
from grader.moderation.queue import queue_of
from grader.moderation.session import ACCEPTED, MARKED_BLIND, Review
from grader.report.console.summary import queue_words, short_id
from grader.report.formats import points
from grader.review.keyboard import Keys, Pressed
from grader.review.screen import Screen

_YES = "y"


@dataclass(frozen=True)
class Dialogue:
    """The loop of a session: shows entries on ``screen``, reads ``keys``, and changes ``review``."""

    review: Review
    screen: Screen
    keys: Keys

    def run(self) -> None:
        """Run until the tutor quits or the input ends. Each decision is on disk before the next key is read."""
        message, shown = "", None
        while True:
            self.review.refresh()
            if self.keys.is_single:
                self.screen.show(self.review, message)
            else:
                if message:
                    self.screen.print(message)
                if shown is None or shown != (self.review.entry,):
                    self.screen.print("")
                    self.screen.show(self.review)
                shown = (self.review.entry,)
            pressed = self.keys.key()
            if pressed is None or pressed.key == "q":
                return
            try:
                message = self._do(pressed)
            except Refused as refused:
                message = str(refused)

    def _do(self, pressed: Pressed) -> str:
        """Do what the key stands for, and return a message about it. Raises Refused when it cannot be done."""
        match pressed.key:
            case "a":
                return self._accept(pressed.rest)
            case "c":
                return self._change(pressed.rest)
            case "0":
                return self._give_nothing()
            case "w":
                self.review.comment(pressed.rest or self._sentence("Comment"))
                return "The comment was saved."
            case "f":
                return self._saved(self.review.look(pressed.rest))
            case "s":
                self.review.skip()
                return "Skipped; it stays open."
            case "n":
                self.review.next_group()
                return "The rest stays open."
            case "u":
                return self._undo()
            case "v":
                return self._view()
            case "?":
                self.screen.help()
                return self._pause()
            case "" | "\n" | "\r" | " " | "\x1b":
                return ""
        return f"{pressed.key} is not a key here; ? shows all keys."

    def _accept(self, typed: str) -> str:
        result = self.review.single()
        if not (is_unsure(result) or typed):
            return self._saved(self.review.accept())
        given, _ = self._points(typed, "The grader is unsure. Type the points to accept them: ", result)
        return self._saved(self.review.accept(given))

    def _change(self, typed: str) -> str:
        entry = self.review.entry
        if entry is not None and len(entry.items) > 1 and not typed:
            self.review.separate()
            return f"Read the file that the reason names; its {len(entry.items)} parts come one by one."
        result = self.review.single()
        given, reason = self._points(typed, f"Points, 0 to {points(result.available)}: ", result)
        asked = MARKED_BLIND if self.review.is_blind else ""
        return self._saved(self.review.give(given, reason or asked or self._sentence("Reason")))

    def _points(self, typed: str, prompt: str, result: Result) -> tuple[Decimal, str]:
        """The points that were ``typed`` with the key, else at ``prompt``, and the reason behind them.

        The prompt comes again until the points can be given, so that no rest of them is taken for keys. Raises Refused
        for an empty line, and for points that were typed with the key and cannot be given.
        """
        while True:
            answer = typed or self._answer(prompt).strip()
            if not answer:
                raise Refused("No points were typed, so nothing was saved.")
            number, _, reason = answer.partition(" ")
            try:
                return points_from(number, result), reason.strip()
            except Refused as refused:
                if typed:
                    raise
                self.screen.print(str(refused))

    def _give_nothing(self) -> str:
        entry = self.review.entry
        if entry is not None and len(entry.items) > 1:
            self.screen.ask(f"Give no points for all {len(entry.items)} parts? Press {_YES} for yes: ")
            pressed = self.keys.key()
            if pressed is None or pressed.key.lower() != _YES:
                return "Nothing was changed."
        return self._saved(self.review.give_nothing())

    def _undo(self) -> str:
        made = self.review.undo().made
        if not made:
            return "Back at the entry that you left open."
        return f"Undone: {self._described(made)}"

    def _view(self) -> str:
        self.screen.show(self.review, is_cut=False)
        return self._pause()

    def _pause(self) -> str:
        if self.keys.is_single:
            self.screen.ask("Press any key to go back. ")
            self.keys.key()
        return ""

    def _answer(self, prompt: str) -> str:
        self.screen.ask(prompt)
        line = self.keys.line()
        if line is None:
            raise Refused("Nothing was changed.")
        return line

    def _sentence(self, what: str) -> str:
        """What the tutor types, or one of the sentences that were used before on the item, by its digit."""
        offered = self.review.offered()
        self.screen.offer(offered)
        line = self._answer(f"{what}, or a digit: " if offered else f"{what}: ").strip()
        is_digit = line.isascii() and line.isdecimal() and 1 <= int(line) <= len(offered)
        return offered[int(line) - 1] if is_digit else line

    def _saved(self, made: Sequence[Decision]) -> str:
        return f"Saved: {self._described(made)}"

    def _described(self, made: Sequence[Decision]) -> str:
        name = self.screen.name(self.review.report(made[0])).plain
        if len(made) > 1:
            return f"{name}, no points for all {len(made)} parts"
        (decision,) = made
        if decision.flag:
            return f"{name}: {decision.flag} was looked at"
        given = "a comment" if decision.new is None else f"{points(decision.new)} of {points(decision.available)}"
        return f"{name}, {short_id(decision.item)}: {given}"


class Session(Protocol):
    """What was done to a run, in the terminal or on the page."""

    @property
    def is_blind(self) -> bool:
        """Whether this is an audit of settled answers."""

    @property
    def left(self) -> int:
        """Number of open entries."""

    @property
    def made(self) -> Sequence[Decision]:
        """The decisions and comments, without those undone."""

    @property
    def reports(self) -> Sequence[Report]:
        """All reports of the run, with the decisions applied."""

    def changed_students(self) -> frozenset[str]:
        """The students whose decisions differ from the start of the session, whoever made them."""

    def keep_comments(self) -> None:
        """Write the run's file of what tutors wrote, to be offered again."""


def leave(review: Session, screen: Screen, folder: Path, pages: Callable[[], Pages], *, was_outdated: bool) -> None:
    """Write the pages of changed students and the tables of the run at ``folder`` again, and print a summary.

    If the tables of the run ``was_outdated`` before the session, every page is written. ``pages`` is called only when
    there is a page to write.
    """
    changed = review.changed_students()
    screen.print("")
    screen.print(_summary(review))
    if changed or was_outdated:
        finished = load_run(folder)  # again, because the run may have been marked again since
        count = len(finished.automatic) if was_outdated else len(changed)
        screen.print(f"Writing the pages of {quantity(count, 'student')}, index.html, results.json and marks.csv ...")
        write_views(finished, pages(), students=None if was_outdated else changed)
    review.keep_comments()
    queue = queue_of(review.reports)
    if queue.count:
        screen.print(f"Still open in this run: {queue_words(queue)}.")
    if review.left:
        same = "the same command; it shows the same answers."
        screen.print(f"Continue with: {same if review.is_blind else command_line('review', str(folder))}")


def _summary(review: Session) -> str:
    decisions = [entry for entry in review.made if entry.new is not None]
    accepted = sum(decision.reason == ACCEPTED for decision in decisions)
    looks = sum(bool(entry.flag) for entry in review.made)
    comments = len(review.made) - len(decisions) - looks
    parts = [quantity(len(decisions), "decision")]
    if decisions:
        parts[0] += f" ({accepted} accepted, {len(decisions) - accepted} of your own)"
    if comments:
        parts.append(quantity(comments, "comment"))
    if looks:
        parts.append(f"{quantity(looks, 'flag')} looked at")
    parts.append(f"{review.left} left open")
    return "In this session: " + ", ".join(parts) + "."
