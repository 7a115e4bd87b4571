"""The network as it ran beside the one that the lab asks for, row by row, and where the two part.

No mark is made here. The checks have judged already, and a row counts as a difference only where the check that looks
at it took points; what a check lets pass is never shown as wrong. A pooling and a flatten may be left out, and ReLU,
pooling and dropout behind a layer may come in any order.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grader.checks.network import Network, executed_network
from grader.model.evidence import Operation, Tracing
from grader.report.html.operation_row import Step, step


@dataclass(frozen=True)
class Place:
    """One layer of the lab's network. ``checks`` are the items that ask for it; nothing asks for what is optional."""

    name: str
    kind: str
    checks: tuple[str, ...] = ()

    @property
    def is_optional(self) -> bool:
        """Whether no check asks for this layer."""
        return not self.checks


_RELU, _ORDER, _LOG_SOFTMAX = "structure.relu", "structure.order", "output.log_softmax"
_SHAPES = ("forward.shape", "forward.batch")
_CONV, _LINEAR = ("structure.conv", _ORDER), ("structure.linear", _ORDER)


PLACES = (
    Place("convolution 1", "conv", _CONV),
    Place("ReLU", "relu", (_RELU,)),
    Place("pooling", "pool"),
    Place("convolution 2", "conv", _CONV),
    Place("ReLU", "relu", (_RELU,)),
    Place("pooling", "pool"),
    Place("dropout", "dropout", ("structure.dropout_conv",)),
    Place("flatten", "reshape"),
    Place("fully connected 1", "linear", _LINEAR),
    Place("ReLU", "relu", (_RELU,)),
    Place("dropout", "dropout", ("structure.dropout_fc",)),
    Place("fully connected 2", "linear", _LINEAR),
    Place("log-softmax", "log_softmax", (_LOG_SOFTMAX,)),
)
"""The lab's network, in the order in which its example runs."""
_CONV1, _CONV2, _FC1, _FC2, _END = 0, 3, 8, 11, 12
_ANSWERS = 10
"""Scores that the last layer gives, one a digit."""
_MIXING = "does not keep one row for each image"
_SQUASHING = frozenset({"activation", "softmax"})


class State(StrEnum):
    """How a row compares; the last three are differences."""

    SAME = "same"
    ALSO = "also"
    """Runs in addition, which is allowed."""
    OPEN = "open"
    """Not there, and not held against anybody."""
    UNREACHED = "unreached"
    """The pass stopped before it."""
    MISFIT = "misfit"
    """The right layer, whose sizes do not fit."""
    MISSING = "missing"
    OTHER = "other"
    EXTRA = "extra"


_DIFFERENCES = frozenset({State.MISSING, State.OTHER, State.EXTRA})


@dataclass(frozen=True)
class Row:
    """``place`` of the lab's network (None: it has no such layer) beside ``step`` of the student's (None: not run)."""

    state: State
    place: Place | None
    step: Step | None
    remark: str = ""

    @property
    def is_different(self) -> bool:
        """Whether the two networks part here."""
        return self.state in _DIFFERENCES

    @property
    def is_marked(self) -> bool:
        """Whether something is to be mended here."""
        return self.is_different or self.state is State.MISFIT


@dataclass(frozen=True)
class Comparison:
    """All rows, and the first that is marked: ``first`` is its place among the ``rows`` (None: there is none).

    ``summary`` says the same in a sentence. ``hidden`` rows were left out for length, ``parameters`` counts those of
    the whole path.
    """

    rows: tuple[Row, ...]
    first: int | None
    summary: str
    hidden: int
    parameters: int


def compare(trace: Tracing, lost: Collection[str], *, most: int = 80) -> Comparison:
    """The network of ``trace`` beside the lab's; ``lost`` are the items that did not earn all their points."""
    network = executed_network(trace)
    rows = _Alignment(network, trace, lost).listed()
    first = next((at for at, row in enumerate(rows) if row.is_marked), None)
    return Comparison(
        rows=rows[:most],
        first=first if first is not None and first < most else None,
        summary=_summary(rows, first, network, lost),
        hidden=max(len(rows) - most, 0),
        parameters=sum(one.parameters for one in network.path),
    )


def _weighted_places(network: Network) -> dict[int, int]:
    """Which operation, by index, is which of the four weighted layers: as many of them as keep the order.

    Among equals the first two convolutions win, the first fully connected layer and the last one.
    """
    convs, linears = network.convs, network.linears
    favourites = {}
    favourites.update({(_CONV1, one.index): 1 for one in convs[:1]})
    favourites.update({(_CONV2, one.index): 1 for one in convs[1:2]})
    favourites.update({(_FC1, one.index): 1 for one in linears[:1]})
    if network.is_complete:
        favourites.update({(_FC2, one.index): 2 for one in linears[-1:]})
    wanted = [(_CONV1, convs), (_CONV2, convs), (_FC1, linears), (_FC2, linears)]
    # The best choice for the first places, by the operation that comes last in it.
    best: list[tuple[int, dict[int, int]]] = [(0, {})] * (len(network.weighted) + 1)
    for place, layers in wanted:
        fitting = {one.index for one in layers}
        longer = [best[0]]
        for at, one in enumerate(network.weighted):
            choice = max(best[at + 1], longer[at], key=lambda scored: scored[0])
            if one.index in fitting:
                score, chosen = best[at]
                score += 10 + favourites.get((place, one.index), 0)
                if score > choice[0]:
                    choice = score, {**chosen, one.index: place}
            longer.append(choice)
        best = longer
    return best[-1][1]


class _Alignment:
    """The rows of one comparison, stretch by stretch between the weighted layers that were recognised."""

    def __init__(self, network: Network, trace: Tracing, lost: Collection[str]) -> None:
        self._network = network
        self._batch = trace.batch
        self._lost = lost
        self._weighted = _weighted_places(network)
        self._has_missing_flatten = any(repair.kind == "flatten-missing" for repair in trace.repairs)

    def listed(self) -> tuple[Row, ...]:
        rows: list[Row] = []
        stretch: list[Operation] = []
        start = -1
        for one in self._network.path:
            if one.index in self._weighted:
                rows += self._stretch(stretch, start, self._weighted[one.index])
                start, stretch = self._weighted[one.index], []
                rows.append(self._recognised(one, start))
            else:
                stretch.append(one)
        rows += self._stretch(stretch, start, len(PLACES))
        return tuple(rows)

    def _stretch(self, operations: Sequence[Operation], start: int, end: int) -> list[Row]:
        """Rows of what ran between two recognised layers, with the places between them that nothing fills."""
        filled = self._filled(operations, start, end)
        rows = [
            (filled.get(one.index, -1), self._recognised(one, filled[one.index]))
            if one.index in filled
            else (-1, self._beside(one, start, end))
            for one in operations
        ]
        reached = max((place for place, _ in rows), default=-1) if end == len(PLACES) else end
        for place in range(start + 1, end):
            if place not in filled.values():
                at = max((at for at, (other, _) in enumerate(rows) if 0 <= other < place), default=-1)
                rows.insert(at + 1, (place, self._unfilled(place, is_reached=place < reached)))
        return [row for _, row in rows]

    def _filled(self, operations: Sequence[Operation], start: int, end: int) -> dict[int, int]:
        """Which operation fills which place: the first that does what is asked, else one that stands in for it."""
        filled: dict[int, int] = {}
        for place in range(start + 1, end):
            free = [one for one in operations if one.index not in filled]
            fitting = [one for one in free if one.kind == PLACES[place].kind]
            if place == _END:
                fitting = fitting or self._stand_ins(free)
            elif PLACES[place].kind == "relu":
                is_judged = start >= 0 and _RELU in self._lost
                fitting = fitting or [one for one in free if one.kind in _SQUASHING and is_judged]
            elif PLACES[place].kind == "dropout":
                fitting = [one for one in fitting if one.drops_some] or fitting
            elif PLACES[place].kind == "reshape":
                fitting = [one for one in fitting if len(one.shape_out) == 2] or fitting
            if fitting:
                filled[fitting[0].index] = place
        return filled

    def _stand_ins(self, operations: list[Operation]) -> list[Operation]:
        """What stands where the log-softmax should, or makes one by other means."""
        if _LOG_SOFTMAX in self._lost:
            return [one for one in operations if one.kind in {*_SQUASHING, "relu"}]
        return operations[-1:] if self._network.is_complete else []

    def _recognised(self, one: Operation, place: int) -> Row:
        asked = PLACES[place]
        for state, remark in ((State.OTHER, self._fault(one, place)), (State.MISFIT, self._misfit(one, place))):
            if remark:
                return Row(state, asked, step(one, self._batch), remark)
        return Row(State.SAME, asked, step(one, self._batch))

    def _misfit(self, one: Operation, place: int) -> str:
        """What does not fit in the sizes of an operation; empty when nothing cost points for it."""
        if place == _FC2 and self._has_lost(*_SHAPES) and one.shape_out and one.shape_out[-1] != _ANSWERS:
            return f"gives {one.shape_out[-1]} scores for {_ANSWERS} digits"
        if one.expected is not None and len(one.shape_in) > 1 and self._has_lost(*_SHAPES):
            return f"is declared for {one.expected} inputs and given {one.shape_in[1]}"
        return _MIXING if self._mixes_images(one) else ""

    def _fault(self, one: Operation, place: int) -> str:
        """Why an operation that fills a place is not what is asked for; empty when it is."""
        asked = PLACES[place]
        if not self._has_lost(*asked.checks):
            return ""
        if one.kind == "dropout" and not one.drops_some:
            return "zeroes everything" if one.drops_everything else "never drops anything"
        if place == _END and one.kind == "log_softmax":
            return "runs over the batch" if one.dim == 0 else ""
        return "" if one.kind == asked.kind else "is another function"

    def _mixes_images(self, one: Operation) -> bool:
        is_changed = bool(one.shape_in and one.shape_out) and one.shape_in[0] == self._batch != one.shape_out[0]
        return one.kind == "reshape" and is_changed and self._has_lost(*_SHAPES)

    def _has_lost(self, *checks: str) -> bool:
        return any(check in self._lost for check in checks)

    def _beside(self, one: Operation, start: int, end: int) -> Row:
        """A row of what ran without filling a place."""
        is_behind_last = start >= _FC2 or (self._network.is_complete and end == len(PLACES))
        if self._mixes_images(one):
            return Row(State.MISFIT, None, step(one, self._batch), _MIXING)
        remark = ""
        if one in self._network.weighted:
            group = self._network.convs if one in self._network.convs else self._network.linears
            remark = "is one layer more than the lab's" if len(group) > 2 else "stands in another place than the lab's"
            remark = remark if self._has_lost(*_CONV, *_LINEAR) else ""
        elif one.kind == "dropout" and one.drops_some and (start < 0 or is_behind_last):
            remark = "does not belong here" if _ORDER in self._lost else ""
        elif one.kind == "log_softmax" and not is_behind_last:
            remark = "comes too early" if _ORDER in self._lost else ""
        elif one.kind in _SQUASHING and start >= 0:
            judges = (_LOG_SOFTMAX, _RELU) if is_behind_last else (_RELU,)
            remark = "does not belong here" if self._has_lost(*judges) else ""
        elif one.kind == "relu" and is_behind_last:
            remark = "does not belong here" if _RELU in self._lost else ""
        return Row(State.EXTRA if remark else State.ALSO, None, step(one, self._batch), remark)

    def _unfilled(self, place: int, *, is_reached: bool) -> Row:
        asked = PLACES[place]
        if not self._network.is_complete and not is_reached:
            return Row(State.UNREACHED, asked, None)
        is_held = self._has_lost(*asked.checks) or (asked.kind == "reshape" and self._has_missing_flatten)
        return Row(State.MISSING if is_held else State.OPEN, asked, None)


def _summary(rows: Sequence[Row], first: int | None, network: Network, lost: Collection[str]) -> str:
    if first is not None and any(row.is_different for row in rows):
        return _difference(rows, first)
    if first is not None:
        return f"These are the lab's layers in the lab's order, but {_own(rows[first])} {rows[first].remark}."
    if not network.is_complete:
        ran = [row for row in rows if row.step is not None]
        where = f"after {_own(ran[-1])}" if ran else "before its first layer"
        return f"Your pass stops {where}; what comes later could not be compared."
    if any(check in lost for place in PLACES for check in place.checks):
        return "Layer by layer this is the lab's network; what cost points is told at its item above."
    if any(row.state is State.OPEN and row.place and not row.place.is_optional for row in rows):
        return "This is not quite the lab's arrangement, but nothing of that cost points."
    return "No difference: these are the lab's layers in the lab's order."


def _difference(rows: Sequence[Row], at: int) -> str:
    row = rows[at]
    before = next((one for one in reversed(rows[:at]) if one.step is not None), None)
    after = next((one for one in rows[at + 1 :] if one.step is not None), None)
    where = f"After {_own(before)}" if before else "At the start"
    if row.state is State.MISFIT:
        return f"{where}, {_own(row)} {row.remark}."
    if row.state is State.EXTRA:
        return f"{where}, your network runs {_own(row)}, which {row.remark}."
    asked = row.place.name if row.place else ""
    if row.state is State.MISSING and row.place and row.place.kind in {"relu", "dropout"}:
        layer = next((one for one in rows[at + 1 :] if one.step is not None and one.step.is_weighted), None)
        none = f"none before {_own(layer)}" if layer else "none"
        return f"{where}, the lab's network has {_article(asked)}; yours has {none}."
    if row.state is State.MISSING:
        goes_on = f"goes on with {_own(after)}" if after else "ends"
        return f"{where}, the lab's network has {_article(asked)}; yours {goes_on}."
    return f"{where}, the lab's network has {_article(asked)}; yours has {_own(row)}, which {row.remark}."


def _article(noun: str) -> str:
    return noun if noun[-1].isdigit() else f"a {noun}"


def _own(row: Row) -> str:
    """A layer in the student's words, the lab's beside it where they say more."""
    if row.step is None:
        return row.place.name if row.place else ""
    layer = row.step.layer if " " not in row.step.layer else ""
    return f"`{layer or row.step.name}`"
