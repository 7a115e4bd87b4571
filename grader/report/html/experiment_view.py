"""The experiment on a student's page: the results of its checks, the lines of the table, and the observations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from grader.experiment.reference_surface import reference_surface
from grader.lab4.items import EXPERIMENT_TITLES
from grader.model import Report, Result, Status
from grader.model.experiment import Experiment, Rerun, Trial
from grader.report.html.experiment_chart import ExperimentChart, experiment_chart

MOST_LINES = 30
"""Lines of the table that a page shows."""
_OBSERVATIONS = "experiment.observations"
_RERUN = "experiment.rerun"
_NOT_CHECKED = ("–", "not checked")
_WORDS = {
    Status.PASSED: ("✓", "fine"),
    Status.SKIPPED: _NOT_CHECKED,
}
_LOOK_AGAIN = ("!", "look again")
_FOR_A_TUTOR = ("→", "for your tutor")


@dataclass(frozen=True)
class ListedItem:
    """One item of the experiment. ``sign`` and ``word`` are shown instead of a status when it carries no points."""

    result: Result
    sign: str
    word: str


@dataclass(frozen=True)
class ExperimentView:
    """``trials`` are the lines that are shown, ``hidden`` counts the others; ``again`` is the line trained again.

    ``paragraph`` has the student's observations, empty when there are none. ``is_blank``: only the template's own table
    was handed in, and the experiment carries no points.
    """

    is_marked: bool
    is_blank: bool
    items: tuple[ListedItem, ...]
    trials: tuple[Trial, ...]
    hidden: int
    again: Rerun | None
    paragraph: str
    chart: ExperimentChart | None


def split_off(items: Sequence[Result]) -> tuple[tuple[Result, ...], tuple[Result, ...]]:
    """The items of the network, and those of the experiment, which follow them."""
    tried = tuple(item for item in items if item.id in EXPERIMENT_TITLES)
    return tuple(items[: len(items) - len(tried)]), tried


def experiment_view(report: Report, found: Experiment | None, marked: Sequence[Result]) -> ExperimentView | None:
    """The experiment that was ``found``; its items are ``marked``, or carry no points. None when there is none."""
    items = tuple(marked) or report.unmarked
    if not items or any(item.status is Status.ERROR for item in items):
        return None
    trials = found.trials if found is not None else ()
    again = found.rerun if found is not None and found.rerun is not None and found.rerun.total else None
    paragraph = next((item.seen for item in items if item.id == _OBSERVATIONS), "")
    drawn = [trial for trial in trials if trial.epochs > 0 and 0 <= trial.accuracy <= 1]
    return ExperimentView(
        is_marked=bool(marked),
        is_blank=not (marked or trials or paragraph or (found is not None and found.problems)),
        items=tuple(_listed(item, again) for item in items if marked or trials or item.status is not Status.SKIPPED),
        trials=_shown(trials, again),
        hidden=max(0, len(trials) - MOST_LINES),
        again=again,
        paragraph=paragraph,
        chart=experiment_chart(drawn, reference_surface().trials) if drawn else None,
    )


def _listed(item: Result, again: Rerun | None) -> ListedItem:
    is_for_a_tutor = item.id == _OBSERVATIONS and bool(item.seen)
    if item.id == _RERUN and again is None:
        return ListedItem(item, *_NOT_CHECKED)
    return ListedItem(item, *(_FOR_A_TUTOR if is_for_a_tutor else _WORDS.get(item.status, _LOOK_AGAIN)))


def _shown(trials: Sequence[Trial], again: Rerun | None) -> tuple[Trial, ...]:
    """The first lines, and always the one that was trained again."""
    shown = list(trials[:MOST_LINES])
    if again is not None and again.trial not in shown:
        shown[-1] = again.trial
    return tuple(shown)
