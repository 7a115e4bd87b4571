"""Shows what each tutor of a run did and has left, and how far two tutors agree on the same entries."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.answers.evaluation.tables import EXACT, KAPPA, grouped, print_figures
from grader.model import PART1
from grader.model.quantities import quantity
from grader.moderation.agreement import second_readings
from grader.moderation.desk import Desk
from grader.moderation.finished_run import FinishedRun
from grader.moderation.tutor_figures import TutorFigures, tutor_figures
from grader.moderation.worklist import DISPUTED, Scope, groups_of
from grader.report.formats import visible


def show_tutors(console: Console, finished: FinishedRun) -> None:
    """Print a table of the tutors, one of the agreement by question, and how many entries they decided differently."""
    desk = Desk(finished)
    table = Table(title="Tutors", title_justify="left", box=None, header_style="bold")
    for heading in ("", "left", "decisions", "minutes", "accepted", "mean change"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    figures = {one.tutor: one for one in tutor_figures(desk.decisions)}
    for tutor in dict.fromkeys((*desk.tutors, *figures)):
        left = str(_left(desk, tutor)) if tutor in desk.tutors else "–"
        table.add_row(Text(visible(tutor)), left, *_cells(figures.get(tutor)))
    console.print(table)
    order = list(dict.fromkeys(result.id for report in finished.automatic for result in report.results))
    readings = [one for one in second_readings(desk.decisions) if one.part in order]  # the rubric may have changed
    if readings:
        by_item = sorted(grouped(readings, lambda one: one.part), key=lambda group: order.index(group[0]))
        rows = [("all", readings), *((item.removeprefix(PART1), group) for item, group in by_item)]
        print_figures(console, "Two tutors on the same entries, blind", rows, KAPPA, EXACT)
    disputed = sum(result.is_disputed for report in desk.reports for result in report.results)
    if disputed:
        differ = quantity(disputed, "entry waits", "entries wait")
        console.print(f"{differ} because tutors differ; they come first in the review.")


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
