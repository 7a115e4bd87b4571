"""Notes that relate the questions of Part 1 to the student's own network: one sentence for each part."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from math import prod

from grader.checks.executed_network import ExecutedNetwork, executed_network
from grader.lab4.items import PART1_TITLES
from grader.model import Criterion
from grader.model.evidence import Evidence, Operation
from grader.model.quantities import quantity

_NAME = re.compile(r"[A-Za-z_][\w.]{0,29}", re.ASCII)
_ORDINALS = ("first", "second")


def notes(evidence: Evidence | None, criteria: Iterable[Criterion]) -> dict[str, str]:
    """A sentence for each of Lab 4's questions that the network, as it ran, illustrates. It changes no mark."""
    if evidence is None:
        return {}
    known = {criterion.id for criterion in criteria if criterion.title == PART1_TITLES.get(criterion.id)}
    return {part: note for part, note in _notes(executed_network(evidence.trace)) if part in known}


def _notes(network: ExecutedNetwork) -> Iterator[tuple[str, str]]:
    pools = [step for step in network.path if step.kind == "pool" and _has_maps(step.shape_in, step.shape_out)]
    convs = [conv for conv in network.convs if _has_maps(conv.shape_out)]
    drops = [step for step in network.path if step.drops_some]
    if pools:
        before, after = pools[0].shape_in, pools[0].shape_out
        factor = prod(before[2:]) / prod(after[2:])
        change = f"from {_area(before)} to {_area(after)}"
        yield "5", f"In your network the first pooling reduces maps {change}: {factor:.3g} times fewer values."
    if convs:
        first = convs[0]
        name, area, places = _name(first, 0), _area(first.shape_out), prod(first.shape_out[2:])
        counts = [f"{_name(conv, at)} has {quantity(conv.shape_out[1], 'filter')}" for at, conv in enumerate(convs[:2])]
        yield "7a", f"In your network {' and '.join(counts)}."
        yield "7c", f"In your network {name} is applied {area} = {places} times for each filter."
        yield "7d", f"In your network {name} gives {places} values for each filter, one at a time."
        yield "7e", f"In your network {name} fills {quantity(first.shape_out[1], 'map')} of {area}."
    if drops:
        chances = sorted({f"{100 * (drop.probability or 0):.3g} %" for drop in drops})
        yield "8", f"While your network trains, its dropout sets {' or '.join(chances)} of the values to zero."


def _has_maps(*shapes: tuple[int, ...]) -> bool:
    """Whether these are shapes of feature maps, (N, C, H, W), none of them empty."""
    return all(len(shape) == 4 and prod(shape[1:]) > 0 for shape in shapes)


def _area(shape: tuple[int, ...]) -> str:
    return f"{shape[2]} x {shape[3]}"


def _name(conv: Operation, at: int) -> str:
    return f"`{conv.layer}`" if _NAME.fullmatch(conv.layer) else f"the {_ORDINALS[at]} convolution"
