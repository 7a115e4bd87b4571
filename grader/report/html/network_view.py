"""A row-by-row comparison of the student's network, as it ran, with the network that the lab asks for.

No mark is made here. A row is a difference only where the check for it took points, so nothing that a check accepted is
shown as wrong. Pooling and flatten may be left out. ReLU, pooling and dropout after a layer may come in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.checks.executed_network import ExecutedNetwork, executed_network
from grader.lab4.network import CONV, LINEAR, LOG_SOFTMAX, ORDER, PLACES, RELU, Place
from grader.model.evidence import Operation, Tracing
from grader.report.html.operation_row import Step, step

_CONV1, _CONV2, _FC1, _FC2, _END = 0, 3, 8, 11, 12
_ANSWERS = 10
"""Scores of the last layer, one for each digit."""
_SHAPES = ("forward.shape", "forward.batch")
_MIXING = "does not keep one row for each image"
_SQUASHING = frozenset({"activation", "softmax"})


class State(StrEnum):
    """How the two sides of a row compare; the last three are differences."""

    SAME = "same"
    ALSO = "also"
    """An additional operation, which is allowed."""
    OPEN = "open"
    """Left out, at no cost."""
    UNREACHED = "unreached"
    """The pass stopped before it."""
    MISFIT = "misfit"
    """The right layer with the wrong sizes."""
    MISSING = "missing"
    OTHER = "other"
    EXTRA = "extra"


_DIFFERENCES = frozenset({State.MISSING, State.OTHER, State.EXTRA})


@dataclass(frozen=True)
class Row:
    """``place`` in the lab's network (None: no such layer), and ``step`` of the student's network (None: not run)."""

    state: State
    place: Place | None
    step: Step | None
    problem: str = ""

    @property
    def is_different(self) -> bool:
        """Whether the two networks differ here."""
        return self.state in _DIFFERENCES

    @property
    def is_marked(self) -> bool:
        """Whether the student should change something here."""
        return self.is_different or self.state is State.MISFIT


@dataclass(frozen=True)
class Comparison:
    """All rows. ``first`` is the index in ``rows`` of the first marked row (None: no such row).

    ``summary`` is the comparison in one sentence. ``hidden`` counts rows that were left out for length, ``parameters``
    the parameters of the whole path.
    """

    rows: tuple[Row, ...]
    first: int | None
    summary: str
    hidden: int
    parameters: int


def compare(trace: Tracing, lost: Collection[str], *, most: int = 80) -> Comparison:
    """Compare the network of ``trace`` with the lab's; ``lost`` are the items that did not earn all their points."""
    network = executed_network(trace)
    rows = _Alignment(network, trace, lost).listed()
    first = next((at for at, row in enumerate(rows) if row.is_marked), None)
    return Comparison(
        rows=rows[:most],
        first=first if first is not None and first < most else None,
        summary=_summary(rows, first, network, lost),
        hidden=max(len(rows) - most, 0),
        parameters=sum(operation.parameters for operation in network.path),
    )


def _weighted_places(network: ExecutedNetwork) -> dict[int, int]:
    """The place of each operation, by index, that matches one of the four weighted layers: as many as keep the order.

    Among equals, the first two convolutions and the first and the last fully connected layer are preferred.
    """
    convs, linears = network.convs, network.linears
    favourites = {}
    favourites.update({(_CONV1, layer.index): 1 for layer in convs[:1]})
    favourites.update({(_CONV2, layer.index): 1 for layer in convs[1:2]})
    favourites.update({(_FC1, layer.index): 1 for layer in linears[:1]})
    if network.is_complete:
        favourites.update({(_FC2, layer.index): 2 for layer in linears[-1:]})
    wanted = [(_CONV1, convs), (_CONV2, convs), (_FC1, linears), (_FC2, linears)]
    # Dynamic programming: the best choice for the first places among the first n weighted operations.
    best: list[tuple[int, dict[int, int]]] = [(0, {})] * (len(network.weighted) + 1)
    for place, layers in wanted:
        fitting = {layer.index for layer in layers}
        longer = [best[0]]
        for at, operation in enumerate(network.weighted):
            choice = max(best[at + 1], longer[at], key=lambda scored: scored[0])
            if operation.index in fitting:
                score, chosen = best[at]
                score += 10 + favourites.get((place, operation.index), 0)
                if score > choice[0]:
                    choice = score, {**chosen, operation.index: place}
            longer.append(choice)
        best = longer
    return best[-1][1]


class _Alignment:
    """Builds the rows of a comparison, one section after another between the recognised weighted layers."""

    def __init__(self, network: ExecutedNetwork, trace: Tracing, lost: Collection[str]) -> None:
        self._network = network
        self._batch = trace.batch
        self._lost = lost
        self._weighted = _weighted_places(network)
        self._has_missing_flatten = any(repair.kind == "flatten-missing" for repair in trace.repairs)

    def listed(self) -> tuple[Row, ...]:
        rows: list[Row] = []
        section: list[Operation] = []
        start = -1
        for operation in self._network.path:
            if operation.index in self._weighted:
                rows += self._section(section, start, self._weighted[operation.index])
                start, section = self._weighted[operation.index], []
                rows.append(self._recognised(operation, start))
            else:
                section.append(operation)
        rows += self._section(section, start, len(PLACES))
        return tuple(rows)

    def _section(self, operations: Sequence[Operation], start: int, end: int) -> list[Row]:
        """The rows of the operations between two recognised layers, and of the places between them that stay empty."""
        filled = self._filled(operations, start, end)
        rows = [
            (filled.get(operation.index, -1), self._recognised(operation, filled[operation.index]))
            if operation.index in filled
            else (-1, self._additional(operation, start, end))
            for operation in operations
        ]
        reached = max((place for place, _ in rows), default=-1) if end == len(PLACES) else end
        for place in range(start + 1, end):
            if place not in filled.values():
                at = max((at for at, (other, _) in enumerate(rows) if 0 <= other < place), default=-1)
                rows.insert(at + 1, (place, self._unfilled(place, is_reached=place < reached)))
        return [row for _, row in rows]

    def _filled(self, operations: Sequence[Operation], start: int, end: int) -> dict[int, int]:
        """The place of each operation that fills one: the first that does what is asked, else a substitute."""
        filled: dict[int, int] = {}
        for place in range(start + 1, end):
            free = [operation for operation in operations if operation.index not in filled]
            fitting = [operation for operation in free if operation.kind == PLACES[place].kind]
            if place == _END:
                fitting = fitting or self._substitutes(free)
            elif PLACES[place].kind == "relu":
                has_cost_points = start >= 0 and RELU in self._lost
                fitting = fitting or [other for other in free if other.kind in _SQUASHING and has_cost_points]
            elif PLACES[place].kind == "dropout":
                fitting = [dropout for dropout in fitting if dropout.drops_some] or fitting
            elif PLACES[place].kind == "reshape":
                fitting = [reshape for reshape in fitting if len(reshape.shape_out) == 2] or fitting
            if fitting:
                filled[fitting[0].index] = place
        return filled

    def _substitutes(self, operations: list[Operation]) -> list[Operation]:
        """The operations in the place of the log-softmax that replace it, or compute it by other means."""
        if LOG_SOFTMAX in self._lost:
            return [operation for operation in operations if operation.kind in {*_SQUASHING, "relu"}]
        return operations[-1:] if self._network.is_complete else []

    def _recognised(self, ran: Operation, place: int) -> Row:
        asked = PLACES[place]
        for state, problem in ((State.OTHER, self._fault(ran, place)), (State.MISFIT, self._misfit(ran, place))):
            if problem:
                return Row(state, asked, step(ran, self._batch), problem)
        return Row(State.SAME, asked, step(ran, self._batch))

    def _misfit(self, ran: Operation, place: int) -> str:
        """What is wrong with the sizes of an operation; empty when they cost no points."""
        if place == _FC2 and self._has_lost(*_SHAPES) and ran.shape_out and ran.shape_out[-1] != _ANSWERS:
            return f"gives {ran.shape_out[-1]} scores for {_ANSWERS} digits"
        if ran.expected is not None and len(ran.shape_in) > 1 and self._has_lost(*_SHAPES):
            return f"is declared for {ran.expected} inputs and gets {ran.shape_in[1]}"
        return _MIXING if self._mixes_images(ran) else ""

    def _fault(self, ran: Operation, place: int) -> str:
        """Why an operation that fills a place is not what is asked for; empty when it is."""
        asked = PLACES[place]
        if not self._has_lost(*asked.checks):
            return ""
        if ran.kind == "dropout" and not ran.drops_some:
            return "zeroes everything" if ran.drops_everything else "never drops anything"
        if place == _END and ran.kind == "log_softmax":
            return "runs over the batch" if ran.dim == 0 else ""
        return "" if ran.kind == asked.kind else "is a different function"

    def _mixes_images(self, ran: Operation) -> bool:
        is_changed = bool(ran.shape_in and ran.shape_out) and ran.shape_in[0] == self._batch != ran.shape_out[0]
        return ran.kind == "reshape" and is_changed and self._has_lost(*_SHAPES)

    def _has_lost(self, *checks: str) -> bool:
        return any(check in self._lost for check in checks)

    def _additional(self, ran: Operation, start: int, end: int) -> Row:
        """The row of an operation that fills no place."""
        is_after_last = start >= _FC2 or (self._network.is_complete and end == len(PLACES))
        if self._mixes_images(ran):
            return Row(State.MISFIT, None, step(ran, self._batch), _MIXING)
        problem = ""
        if ran in self._network.weighted:
            group = self._network.convs if ran in self._network.convs else self._network.linears
            problem = "is one layer too many" if len(group) > 2 else "is in a different place in the lab's network"
            problem = problem if self._has_lost(*CONV, *LINEAR) else ""
        elif ran.kind == "dropout" and ran.drops_some and (start < 0 or is_after_last):
            problem = "does not belong here" if ORDER in self._lost else ""
        elif ran.kind == "log_softmax" and not is_after_last:
            problem = "comes too early" if ORDER in self._lost else ""
        elif ran.kind in _SQUASHING and start >= 0:
            checks = (LOG_SOFTMAX, RELU) if is_after_last else (RELU,)
            problem = "does not belong here" if self._has_lost(*checks) else ""
        elif ran.kind == "relu" and is_after_last:
            problem = "does not belong here" if RELU in self._lost else ""
        return Row(State.EXTRA if problem else State.ALSO, None, step(ran, self._batch), problem)

    def _unfilled(self, place: int, *, is_reached: bool) -> Row:
        asked = PLACES[place]
        if not self._network.is_complete and not is_reached:
            return Row(State.UNREACHED, asked, None)
        has_cost_points = self._has_lost(*asked.checks) or (asked.kind == "reshape" and self._has_missing_flatten)
        return Row(State.MISSING if has_cost_points else State.OPEN, asked, None)


def _summary(rows: Sequence[Row], first: int | None, network: ExecutedNetwork, lost: Collection[str]) -> str:
    if first is not None and any(row.is_different for row in rows):
        return _difference(rows, first)
    if first is not None:
        return f"These are the lab's layers in the lab's order, but {_own(rows[first])} {rows[first].problem}."
    if not network.is_complete:
        ran = [row for row in rows if row.step is not None]
        where = f"after {_own(ran[-1])}" if ran else "before its first layer"
        return f"Your forward pass stops {where}; the layers after that could not be compared."
    if any(check in lost for place in PLACES for check in place.checks):
        return "Layer by layer, this is the lab's network. The checks above say what is wrong."
    if any(row.state is State.OPEN and row.place and not row.place.is_optional for row in rows):
        return "Your layers are not arranged exactly as in the lab, but the checks accept them."
    return "No difference: these are the lab's layers in the lab's order."


def _difference(rows: Sequence[Row], at: int) -> str:
    row = rows[at]
    before = next((other for other in reversed(rows[:at]) if other.step is not None), None)
    after = next((other for other in rows[at + 1 :] if other.step is not None), None)
    where = f"After {_own(before)}" if before else "At the start"
    if row.state is State.MISFIT:
        return f"{where}, {_own(row)} {row.problem}."
    if row.state is State.EXTRA:
        return f"{where}, your network runs {_own(row)}, which {row.problem}."
    asked = row.place.name if row.place else ""
    if row.state is State.MISSING and row.place and row.place.kind in {"relu", "dropout"}:
        layer = next((other for other in rows[at + 1 :] if other.step is not None and other.step.is_weighted), None)
        none = f"none before {_own(layer)}" if layer else "none"
        return f"{where}, the lab's network has {_article(asked)}; yours has {none}."
    if row.state is State.MISSING:
        goes_on = f"goes on with {_own(after)}" if after else "ends"
        return f"{where}, the lab's network has {_article(asked)}; yours {goes_on}."
    return f"{where}, the lab's network has {_article(asked)}; yours has {_own(row)}, which {row.problem}."


def _article(noun: str) -> str:
    return noun if noun[-1].isdigit() else f"a {noun}"


def _own(row: Row) -> str:
    """The student's own name of the layer, else the name of its operation."""
    if row.step is None:
        return row.place.name if row.place else ""
    layer = row.step.layer if " " not in row.step.layer else ""
    return f"`{layer or row.step.name}`"
