"""How much each layer, ReLU and dropout matters: what a replay without it gives.

An operation that stands in the graph and changes next to nothing is there for the count alone. What counts as nothing
is measured on valid networks; see docs/calibration.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grader.measure.anatomy import Anatomy
from grader.measure.network import Network, bypassing
from grader.measure.replay import TORCH_ERRORS, Here, Replacement, Replay, results_in
from grader.measure.weights import fresh_state
from grader.model.evidence import LEAST_EFFECT, WEIGHTED, Operation
from grader.model.pruning import uncut

IMAGES, FEW_IMAGES = 16, 8
MOST_SECONDS = 1.5
"""CPU seconds; the lab's own network takes 0.03."""
DRAWS = 8
"""Weights under which a ReLU is looked at: with few channels it may let everything through by chance."""


def effects_of(network: Network, seeds: Iterator[int]) -> dict[int, float]:
    """By index of an operation of the training anatomy, how much it matters (``Operation.effect``).

    ``seeds`` are for chance in it. What cannot be run without an operation has no entry, and what is left after
    MOST_SECONDS has none; outputs that are all alike tell nothing of any operation.
    """
    ends = time.process_time() + MOST_SECONDS
    if network.graph.training.output is None:
        return {}
    effects: dict[int, float] = {}
    still = bypassing(network.training, {"dropout"})
    base = _outputs(network, still)
    if not _spread(base) > 0:
        return {}
    for operation in network.training.operations:
        node = network.training.nodes[operation.index]
        if node < 0 or time.process_time() > ends:
            continue
        with suppress(*TORCH_ERRORS):
            if operation.kind in WEIGHTED:
                effects[operation.index] = _change(base, _outputs(network, {**still, node: _of_another_image}))
            elif operation.kind == "dropout":
                alone = bypassing(network.training, {"dropout"}, but={operation.index})
                changes = (_change(base, _outputs(network, alone, seed=next(seeds))) for _ in range(2))
                effects[operation.index] = max(changes)
    return effects | _of_relus(network, still, ends)


def _outputs(network: Network, replaced: dict[int, Replacement], *, seed: int = 0) -> Tensor:
    """The outputs for IMAGES images, in as many passes as the network needs for them."""
    size = network.size(IMAGES)
    torch.manual_seed(seed)
    with torch.no_grad():
        images = network.probes(max(IMAGES // size, 1) * size)
        return torch.cat([network.train(part, replaced=replaced) for part in torch.split(images, size)])


def _of_another_image(here: Here) -> Any:
    """A layer's result, or the first of several, with its images exchanged."""
    first, *rest = results_in(here.result())
    first = first.roll(1, 0) if first.dim() and len(first) > 1 else -first
    return (first, *rest) if rest else first


def _spread(outputs: Tensor) -> float:
    """How much outputs differ from image to image, as a root mean square."""
    values = outputs.double()
    return float((values - values.mean(0)).square().mean().sqrt())


def _change(base: Tensor, changed: Tensor) -> float:
    """Root mean square of the change, over the outputs' spread; 1 for outputs that cannot be compared."""
    if base.shape != changed.shape:
        return 1.0
    change = float((changed.double() - base.double()).square().mean().sqrt()) / _spread(base)
    return min(change, 1e30) if change == change else 1.0


def _of_relus(network: Network, still: dict[int, Replacement], ends: float) -> dict[int, float]:
    """For each ReLU: the change of the outputs when it, and all between the same layers, let everything through.

    Where several meet, one can undo another: relu(x) - relu(-x) is x. There it is the share of the values before them
    that they keep from having any influence together.
    """
    images = network.probes(network.size(FEW_IMAGES))
    found = network.training
    graph = replace(network.graph, training=uncut(network.graph.training))
    flowing = replace(network, graph=graph, replay=Replay(graph))
    effects: dict[int, float] = {}
    for relus in _sections(found.operations):
        meeting = _meeting(found.operations, relus)
        nodes = {found.nodes[relu.index] for relu in relus}
        without = {key: value for key, value in bypassing(found, {"relu"}).items() if key in nodes}
        with suppress(*TORCH_ERRORS):
            if len(meeting) < len(relus):
                change = _change_without(network, still, without)
                effects |= {relu.index: change for relu in relus if relu.index not in meeting}
            for relu in relus:
                source = _root(found, relu)
                if relu.index in meeting and source is not None and source[0] >= 0 and time.process_time() < ends:
                    share = _share_kept_back(flowing, images, source, still, {**still, **without})
                    effects |= {} if share is None else {relu.index: share}
    return effects


def _change_without(network: Network, still: dict[int, Replacement], without: dict[int, Replacement]) -> float:
    """The change of the outputs when ReLUs let everything through, under the first of DRAWS weights with any."""
    change = 0.0
    for draw in range(DRAWS):
        drawn = _drawn(network, draw)
        base = _outputs(drawn, still)
        if _spread(base) > 0:
            change = max(change, _change(base, _outputs(drawn, {**still, **without})))
        if change >= LEAST_EFFECT["relu"]:
            break
    return change


def _drawn(network: Network, draw: int) -> Network:
    """The network with the weights of a draw; the first are its own."""
    if not draw:
        return network
    return replace(network, state=fresh_state(network.graph, seed=network.seed + draw))


def _sections(operations: tuple[Operation, ...]) -> Iterator[list[Operation]]:
    """The ReLUs that the result of each weighted layer meets before the next one."""
    weighted = {operation.index for operation in operations if operation.kind in WEIGHTED}
    for layer in operations:
        if layer.index not in weighted:
            continue
        met, relus = {layer.index}, []
        for operation in operations:
            if (
                operation.index > layer.index
                and not met.isdisjoint(operation.inputs)
                and operation.index not in weighted
            ):
                met.add(operation.index)
                if operation.kind == "relu":
                    relus.append(operation)
        if relus:
            yield relus


def _meeting(operations: tuple[Operation, ...], relus: list[Operation]) -> set[int]:
    """The ReLUs whose results meet in a sum, or the like: side by side they cannot undo each other."""
    relus_before: dict[int, frozenset[int]] = {relu.index: frozenset({relu.index}) for relu in relus}
    meeting: set[int] = set()
    for operation in operations:
        if operation.index in relus_before or operation.kind in WEIGHTED:
            continue
        reaching = [relus_before[at] for at in operation.inputs if at in relus_before]
        relus_before[operation.index] = frozenset[int]().union(*reaching)
        if operation.kind != "reshape" and len(reaching) > 1 and len(relus_before[operation.index]) > 1:
            meeting |= relus_before[operation.index]
    return meeting


def _root(found: Anatomy, relu: Operation) -> tuple[int, int] | None:
    """The result that a ReLU works on, before a change of sign, scale or shape: x, for relu(-x)."""
    source = found.bypasses[relu.index]
    if source is None or source[0] not in found.nodes:
        return source
    at = found.nodes.index(source[0])
    part = source[1]
    while found.operations[at].kind in {"arithmetic", "reshape"} and len(found.operations[at].inputs) == 1:
        if found.operations[at].inputs[0] < 0:
            break
        at, part = found.operations[at].inputs[0], 0
    return found.nodes[at], part


def _share_kept_back(
    network: Network,
    images: Tensor,
    source: tuple[int, int],
    with_relus: dict[int, Replacement],
    without_relus: dict[int, Replacement],
) -> float | None:
    """Of the values of a node's result that have influence without the ReLUs, the share that has none with them.

    The first of DRAWS weights that shows any is enough. None when nothing has influence.
    """
    share: float | None = None
    for draw in range(DRAWS):
        drawn = _drawn(network, draw)
        open_ = _influential(drawn, images, source, without_relus)
        if open_:
            share = max(share or 0.0, 1 - _influential(drawn, images, source, with_relus) / open_)
        if share is not None and share >= LEAST_EFFECT["relu"]:
            break
    return share


def _influential(network: Network, images: Tensor, source: tuple[int, int], replaced: dict[int, Replacement]) -> int:
    """How many values of a node's result the outputs depend on."""
    caught: list[Tensor] = []
    node, part = source
    own = replaced.get(node)

    def catch(here: Here) -> Any:
        result = here.result() if own is None else own(here)
        values = list(result) if isinstance(result, (tuple, list)) else [result]
        caught.append(values[part].detach().requires_grad_())
        values[part] = caught[0].clone()
        return values if len(values) > 1 else values[0]

    outputs = network.train(images, replaced={**replaced, node: catch})
    if not outputs.requires_grad:
        return 0
    weights = torch.randn(outputs.shape, generator=torch.Generator().manual_seed(network.seed))
    (gradient,) = torch.autograd.grad((outputs.float() * weights).sum(), caught, allow_unused=True)
    return 0 if gradient is None else int((gradient != 0).sum())
