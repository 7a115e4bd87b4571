"""The fuzzer's targets: what is handed in, what must hold for it, and how examples are drawn and tried."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis.strategies import SearchStrategy

from tests.fuzz import archives, strategies
from tests.fuzz.corpus import CARRIERS
from tests.fuzz.handed_in import Files, write
from tests.fuzz.properties import Place, grow_linearly, mark_everywhere, read_delivery
from tests.fuzz.strategies import of_one_student

Tried = Callable[[Place], None]
"""Called after each example that holds."""


@dataclass(frozen=True)
class Target:
    """``files`` draws what is handed in. ``check`` reads it in its place and raises if something does not hold."""

    files: SearchStrategy[Files]
    check: Callable[[Place], None]


HANDED_IN = {
    "scripts": Target(of_one_student(strategies.scripts()), read_delivery),
    "notebooks": Target(of_one_student(strategies.notebooks()), read_delivery),
    "documents": Target(of_one_student(strategies.documents()), read_delivery),
    "archives": Target(of_one_student(archives.archives()), read_delivery),
    "tables": Target(of_one_student(strategies.tables()), read_delivery),
    "deliveries": Target(strategies.deliveries(), read_delivery),
    "answers": Target(strategies.answers(), mark_everywhere),
}
"""By the kind of what is handed in."""
BLOWN_UP = {f"long {name}": Target(strategies.blow_ups(name), grow_linearly) for name in CARRIERS}
"""Files of up to 1 MB with one repeated fragment, by the carrier's name."""


def explore(target: Target, place: Place, *, examples: int, seed: int, tried: Tried = lambda place: None) -> None:
    """Try so many examples of ``target``, the same ones for the same ``seed``.

    Raises what the first one that fails raises, after hypothesis has made it smaller; its files are then in ``place``.
    """
    can_shrink = target.check is not grow_linearly  # which would take minutes

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples,
        deadline=None,
        database=None,
        print_blob=False,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink) if can_shrink else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(target.files)
    def holds(files: Files) -> None:
        write(place.cleared(), files)
        target.check(place)
        tried(place)

    holds()
