"""Prints agreement in the terminal: of a file with known marks, or of a run and its tutors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.answers.evaluation.agreement import Agreement, Comparison, agreement
from grader.answers.evaluation.proposals import BANDS, line_on, proposals_of, rightness
from grader.answers.marker.finding import SHOWN_FROM

Rows = Sequence[tuple[str, Sequence[Comparison]]]
Columns = Mapping[str, Callable[[Agreement], str]]


@dataclass(frozen=True)
class Figures:
    """A table as it is shown, in the terminal or on a page: each of ``rows`` begins with what it is about."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


COUNT: Columns = {"answers": lambda figures: str(figures.count)}
KAPPA: Columns = {"kappa": lambda figures: "–" if figures.kappa is None else f"{figures.kappa:.3f}"}
EXACT: Columns = {"exact": lambda figures: _share(figures.exact)}
WITHIN: Columns = {"within half": lambda figures: _share(figures.within_half)}
SETTLED: Columns = {
    "review": lambda figures: _share(figures.sent),
    "settled exact": lambda figures: _share(figures.exact_unsent),
    "full at 0": lambda figures: str(figures.full_at_zero),
    "full at half": lambda figures: str(figures.full_at_half),
    "over-marked": lambda figures: str(figures.over_marked),
}


def grouped(comparisons: Iterable[Comparison], name: Callable[[Comparison], str]) -> list[tuple[str, list[Comparison]]]:
    """The answers in groups of the same name, in the order in which the names appear."""
    groups: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault(name(comparison), []).append(comparison)
    return list(groups.items())


def figures_of(title: str, rows: Rows, *columns: Columns) -> Figures:
    """A table with a line for each group of answers; ``columns`` are those after the count."""
    headings = {heading: figure for column in (COUNT, *columns) for heading, figure in column.items()}
    agreements = ((name, agreement(comparisons)) for name, comparisons in rows)
    cells = ((name, *(figure(found) for figure in headings.values())) for name, found in agreements)
    return Figures(title, tuple(headings), tuple(cells))


def print_figures(console: Console, title: str, rows: Rows, *columns: Columns) -> None:
    """Print what :func:`figures_of` makes."""
    print_table(console, figures_of(title, rows, *columns))


def print_table(console: Console, figures: Figures) -> None:
    """Print a table."""
    table = _table(figures.title, figures.headings)
    for row in figures.rows:
        table.add_row(*map(Text, row))
    console.print(table)


def print_proposals(console: Console, comparisons: Sequence[Comparison]) -> None:
    """Print how many proposals are right, by part and by confidence, and below which confidence too few are."""
    proposals = proposals_of(comparisons)
    if not proposals:
        return
    table = _table("Right proposals, by confidence", [*(f"{low:g} to {high:g}" for low, high in BANDS), "all"])
    for name, group in [("all parts", proposals), *grouped(proposals, lambda answer: answer.part)]:
        table.add_row(name, *(str(rightness(group, low, high)) for low, high in (*BANDS, (0.0, 1.0))))
    console.print(table)
    console.print(line_on(proposals))
    console.print(f"No proposal is shown below {SHOWN_FROM:g}.")


def _table(title: str, headings: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", box=None, header_style="bold")
    table.add_column("", no_wrap=True)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
