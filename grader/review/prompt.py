"""A reviewing session in the terminal: which key does what, and what is written when the tutor leaves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.model import Decision
from grader.moderation.decisions import DECISIONS_FILE
from grader.moderation.finished_run import Pages, load_run, write_views
from grader.moderation.queue import queue_of
from grader.moderation.session import ACCEPTED, Refused, Review, points_from
from grader.report.console.summary import command_line, queue_words, short_id
from grader.report.wording import points, quantity
from grader.review.keyboard import Keys, Pressed
from grader.review.screen import Screen
from grader.storage import results_json

_YES = "y"


@dataclass(frozen=True)
class Dialogue:
    """Shows on ``screen``, listens to ``keys``, and tells ``review``."""

    review: Review
    screen: Screen
    keys: Keys

    def hold(self) -> None:
        """Go on until the tutor leaves or the input ends; what was decided by then is on disk."""
        told, shown = "", None
        while True:
            self.review.refresh()
            if self.keys.is_single:
                self.screen.show(self.review, told)
            else:
                if told:
                    self.screen.tell(told)
                if shown is None or shown != (self.review.entry,):
                    self.screen.tell("")
                    self.screen.show(self.review)
                shown = (self.review.entry,)
            pressed = self.keys.key()
            if pressed is None or pressed.key == "q":
                return
            try:
                told = self._do(pressed)
            except Refused as refused:
                told = str(refused)

    def _do(self, pressed: Pressed) -> str:
        """Do what a key says, and say what was done. Raises Refused where nothing was."""
        match pressed.key:
            case "a":
                return self._decided(self.review.accept())
            case "c":
                return self._change(pressed.rest)
            case "0":
                return self._give_nothing()
            case "w":
                self.review.comment(pressed.rest or self._answer("Comment: "))
                return "The comment is kept."
            case "s":
                self.review.skip()
                return "Skipped; it stays open."
            case "n":
                self.review.next_group()
                return "The rest of them stays open."
            case "u":
                return self._undo()
            case "v":
                return self._view()
            case "?":
                self.screen.help()
                return self._pause()
            case "" | "\n" | "\r" | " ":
                return ""
        return f"There is no key {pressed.key}; ? shows them all."

    def _change(self, typed: str) -> str:
        result = self.review.single()
        typed = typed or self._answer(f"Points, 0 to {points(result.available)}: ")
        number, _, reason = typed.strip().partition(" ")
        given = points_from(number, result)
        return self._decided(self.review.give(given, reason.strip() or self._answer("Reason: ")))

    def _give_nothing(self) -> str:
        entry = self.review.entry
        if entry is not None and len(entry.items) > 1:
            self.screen.ask(f"No points for all {len(entry.items)} parts? {_YES} for yes: ")
            pressed = self.keys.key()
            if pressed is None or pressed.key.lower() != _YES:
                return "Nothing was changed."
        return self._decided(self.review.give_nothing())

    def _undo(self) -> str:
        made = self.review.undo().made
        if not made:
            return "Back to where you went on."
        return f"Taken back: {self._told(made)}"

    def _view(self) -> str:
        self.screen.show(self.review, is_cut=False)
        return self._pause()

    def _pause(self) -> str:
        if self.keys.is_single:
            self.screen.ask("Any key goes back. ")
            self.keys.key()
        return ""

    def _answer(self, prompt: str) -> str:
        self.screen.ask(prompt)
        return self.keys.line() or ""

    def _decided(self, made: Sequence[Decision]) -> str:
        return f"Kept: {self._told(made)}"

    def _told(self, made: Sequence[Decision]) -> str:
        name = self.screen.name(made[0].student)
        if len(made) > 1:
            return f"{name}, no points for all {len(made)} parts"
        (one,) = made
        given = "a comment" if one.new is None else f"{points(one.new)} of {points(one.available)}"
        return f"{name}, {short_id(one.item)}: {given}"


def is_behind(folder: Path) -> bool:
    """Whether decisions of the run at ``folder`` are newer than its tables: a session ended without writing them."""
    decided, written = folder / DECISIONS_FILE, folder / results_json.RESULTS_FILE
    return decided.exists() and decided.stat().st_mtime > written.stat().st_mtime


def leave(review: Review, screen: Screen, folder: Path, pages: Callable[[], Pages], *, was_behind: bool) -> None:
    """Write the pages of the changed students and the tables of the run at ``folder`` again, and say what was done.

    When the run ``was_behind`` its decisions, every page is written. ``pages`` are loaded when there is one to write.
    """
    changed = review.changed_students()
    screen.tell("")
    screen.tell(_summary(review))
    if changed or was_behind:
        finished = load_run(folder)  # once more, for the run may have been marked anew since
        count = len(finished.automatic) if was_behind else len(changed)
        screen.tell(f"Writing the pages of {quantity(count, 'student')}, index.html, results.json and marks.csv ...")
        write_views(finished, pages(), students=None if was_behind else changed)
    queue = queue_of(review.reports)
    if queue.count:
        screen.tell(f"Open in this run: {queue_words(queue)}.")
    if review.skipped or review.left:
        screen.tell(f"Go on with: {command_line('review', folder)}")


def _summary(review: Review) -> str:
    decisions = [one for one in review.made if one.new is not None]
    accepted = sum(one.reason == ACCEPTED for one in decisions)
    comments = len(review.made) - len(decisions)
    parts = [quantity(len(decisions), "decision")]
    if decisions:
        parts[0] += f" ({accepted} accepted, {len(decisions) - accepted} of your own)"
    if comments:
        parts.append(quantity(comments, "comment"))
    parts.append(f"{review.skipped} left open")
    return "In this session: " + ", ".join(parts) + "."
