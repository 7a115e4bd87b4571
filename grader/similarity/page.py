"""Shows the strongest pairs side by side, with what they share marked, as one page beside a run's other pages."""

from __future__ import annotations

import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from grader.lab4.items import PART1_TITLES
from grader.model import Report, Run, Status
from grader.report.formats import WORDS, name_and_number
from grader.report.highlighting import Piece, pieces
from grader.report.html.rendering import environment
from grader.similarity.comparison import CHANCE, LEAST_WORKS, Comparison, Pair, Shared
from grader.similarity.things import CODE, Span, Work
from grader.similarity.work import EXPERIMENT, NETWORK, OBSERVATIONS
from grader.storage.json_files import write_file
from grader.storage.run_folder import SIMILARITY_PAGE_FILE, page_path

_TITLES = {
    **{part: f"{part}. {title}" for part, title in PART1_TITLES.items()},
    OBSERVATIONS: "Observations",
    CODE: "Code",
    NETWORK: "Operations of the network",
    EXPERIMENT: "Experiment",
}
_MOST_REASONS = 6
"""Things that are named for a place; all are marked in the texts."""
_MOST_LINES = 60
"""Lines of a text on the page: those with marks and one on each side of them."""
_MOST_CHARACTERS = 6000
_LEAST_TOLD = 4.0
"""Bits of a kind that the list of pairs names."""
_LEAST_BITS = 0.3
"""Bits of a thing that is marked; less is what most of the cohort has."""


@dataclass(frozen=True)
class Side:
    """One student's text at a place, in pieces, and the status of the answer if it is one."""

    pieces: tuple[Piece, ...]
    status: str


@dataclass(frozen=True)
class Place:
    """What a pair shares at one place: the bits, the reasons in words, and both texts."""

    title: str
    bits: float
    reasons: tuple[str, ...]
    sides: tuple[Side, Side]


@dataclass(frozen=True)
class Row:
    """A pair as the page shows it."""

    number: int
    people: tuple[tuple[str, str], tuple[str, str]]
    pages: tuple[str, str]
    bits: float
    is_above: bool
    kinds: tuple[str, ...]
    places: tuple[Place, ...]


def render(comparison: Comparison, reports: Mapping[str, Report], run: Run) -> str:
    """The page; ``reports`` by student say names and the status of answers."""
    works = comparison.works
    groups = [[name_and_number(reports[works[at].student])[0] for at in group] for group in comparison.groups]
    values = {
        "run": run,
        "count": len(works),
        "line": comparison.line,
        "chance": CHANCE,
        "least": LEAST_WORKS,
        "rows": [_row(number, pair, works, reports) for number, pair in enumerate(comparison.pairs, start=1)],
        "above": sum(pair.is_above for pair in comparison.pairs),
        "groups": [group for group in groups if len(group) > 2],
    }
    return environment().get_template("similarity.html").render(values)


def write_page(folder: Path, comparison: Comparison, reports: Mapping[str, Report], run: Run) -> Path:
    """Write the page into the run at ``folder``. Returns its path."""
    path = folder / SIMILARITY_PAGE_FILE
    write_file(path, render(comparison, reports, run).encode())
    return path


def _row(number: int, pair: Pair, works: Sequence[Work], reports: Mapping[str, Report]) -> Row:
    first, second = works[pair.first], works[pair.second]
    told = [entry for entry in pair.shared if entry.bits >= _LEAST_BITS]
    by_place: dict[str, list[Shared]] = {}
    for entry in told:
        by_place.setdefault(entry.thing.place, []).append(entry)
    places = [
        Place(
            _TITLES.get(place, place),
            sum(entry.bits for entry in shared),
            tuple(_reasons(shared)),
            (_side(first, place, shared, reports), _side(second, place, shared, reports)),
        )
        for place, shared in by_place.items()
    ]
    kinds: defaultdict[str, float] = defaultdict(float)
    for entry in told:
        kinds[entry.thing.kind.value] += entry.bits
    return Row(
        number,
        (name_and_number(reports[first.student]), name_and_number(reports[second.student])),
        (quote(page_path(first.student)), quote(page_path(second.student))),
        pair.bits,
        pair.is_above,
        tuple(kind for kind in sorted(kinds, key=lambda kind: -kinds[kind])[:3] if kinds[kind] >= _LEAST_TOLD),
        tuple(sorted(places, key=lambda place: -place.bits)),
    )


def _reasons(shared: Sequence[Shared]) -> Iterator[str]:
    """Sentences on the most telling things: what it is, and how many have it."""
    by_kind: dict[str, list[Shared]] = {}
    for entry in shared:
        by_kind.setdefault(entry.thing.kind.value, []).append(entry)
    for kind, entries in by_kind.items():
        if entries[0].thing.length > 1:
            holders = min(entry.holders for entry in entries)
            yield f"{kind}; the rarest of them are in {holders} works of the cohort"
            continue
        listed = ", ".join(f"{' '.join(e.thing.content)} ({e.holders} works)" for e in entries[:_MOST_REASONS])
        more = f" and {len(entries) - _MOST_REASONS} more" if len(entries) > _MOST_REASONS else ""
        yield f"{kind}: {listed}{more}"


def _side(work: Work, place: str, shared: Iterable[Shared], reports: Mapping[str, Report]) -> Side:
    spans = [span for entry in shared for span in work.things[entry.thing]]
    text, spans = _excerpt(work.texts[place], spans)
    results = reports[work.student].answer_results
    status = next((result.status for result in results if result.part == place), None)
    return Side(tuple(pieces(text, spans)), "" if status in (None, Status.PASSED) else WORDS[status])


def _excerpt(text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """The lines of ``text`` with something in ``spans``, and one on each side of them, with the spans in them."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)
    wanted: set[int] = set()
    for start, end in spans:
        first, last = bisect.bisect_right(starts, start) - 1, bisect.bisect_left(starts, end) - 1
        wanted.update(range(max(first - 1, 0), min(last + 2, len(lines))))
    kept, moved, before = "", list[Span](), -1
    for at in sorted(wanted)[:_MOST_LINES]:
        if at > before + 1:
            kept += "…\n"
        shift = len(kept) - starts[at]
        end_of_line = starts[at] + len(lines[at])
        moved += [
            (max(start, starts[at]) + shift, min(end, end_of_line) + shift)
            for start, end in spans
            if start < end_of_line and end > starts[at]
        ]
        kept += lines[at] + "\n"
        before = at
    kept += "…" if before < len(lines) - 1 else ""
    return kept.rstrip("\n")[:_MOST_CHARACTERS], moved
