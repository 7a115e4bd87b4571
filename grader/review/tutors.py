"""What each tutor of a run did and has left, and how far two tutors agree on the same entries."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console

from grader.answers.evaluation.tables import EXACT, KAPPA, Figures, figures_of, grouped, print_table
from grader.model import PART1
from grader.model.quantities import quantity
from grader.moderation.agreement import second_readings
from grader.moderation.desk import Desk
from grader.moderation.finished_run import FinishedRun
from grader.moderation.tutor_figures import TutorFigures, tutor_figures
from grader.moderation.worklist import DISPUTED, Scope, groups_of
from grader.report.formats import visible


def show_tutors(console: Console, finished: FinishedRun) -> None:
    """Print the tables about the tutors, and how many entries they decided differently."""
    desk = Desk(finished)
    for table in tables_of(desk):
        print_table(console, table)
    if told := differences(desk):
        console.print(told)


def tables_of(desk: Desk) -> Iterator[Figures]:
    """A table of the tutors and, if two have read the same entries, one of their agreement by question."""
    headings = ("left", "decisions", "minutes", "accepted", "mean change")
    figures = {one.tutor: one for one in tutor_figures(desk.decisions)}
    lefts = {tutor: str(_left(desk, tutor)) for tutor in desk.tutors}
    tutors = dict.fromkeys((*lefts, *figures))
    rows = ((visible(tutor), lefts.get(tutor, "–"), *_cells(figures.get(tutor))) for tutor in tutors)
    yield Figures("Tutors", headings, tuple(rows))
    order = list(dict.fromkeys(result.id for report in desk.reports for result in report.results))
    readings = [one for one in second_readings(desk.decisions) if one.part in order]  # the rubric may have changed
    if readings:
        by_item = sorted(grouped(readings, lambda one: one.part), key=lambda group: order.index(group[0]))
        named = [("all", readings), *((item.removeprefix(PART1), group) for item, group in by_item)]
        yield figures_of("Two tutors on the same entries, blind", named, KAPPA, EXACT)


def differences(desk: Desk) -> str:
    """A sentence about entries that tutors decided differently; empty without any."""
    disputed = sum(result.is_disputed for report in desk.reports for result in report.results)
    differ = quantity(disputed, "entry", "entries")
    return f"Tutors differ on {differ}, first in the review." if disputed else ""


def _left(desk: Desk, tutor: str) -> int:
    """How many entries wait for a tutor, without those that everybody sees because tutors differ."""
    groups = groups_of(desk.seen_by(tutor).reports, Scope())
    return sum(desk.is_dealt_to(tutor, entry) for group in groups if group.id != DISPUTED for entry in group.entries)


def _cells(figures: TutorFigures | None) -> tuple[str, str, str, str]:
    if figures is None:
        return "0", "–", "–", "–"
    accepted = "–" if figures.accepted is None else f"{figures.accepted:.0%}"
    change = "–" if figures.change is None else f"{figures.change:+.2f}"
    return str(figures.count), f"{figures.minutes:.0f}", accepted, change
