"""Measure the effect of each layer, ReLU and dropout: how much the outputs change in a replay without it.

An operation with almost no effect earns nothing although it is in the graph. The thresholds were measured on valid
networks; see docs/calibration.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grader.measure.classified_program import ClassifiedProgram
from grader.measure.network import RunnableNetwork, bypassing
from grader.measure.replay import TORCH_ERRORS, ReplacedCall, Replacement, Replay, results_in
from grader.measure.weights import fresh_state
from grader.model.evidence import LEAST_EFFECT, WEIGHTED, Operation
from grader.model.pruning import uncut

IMAGES, FEW_IMAGES = 16, 8
MOST_SECONDS = 1.5
"""Limit in CPU seconds; the lab's network takes 0.03."""
DRAWS = 8
"""Sets of weights under which a ReLU is tested; with few channels, all its inputs may be positive by chance."""


def effects_of(network: RunnableNetwork, seeds: Iterator[int]) -> dict[int, float]:
    """The effect of each operation of the training program (``Operation.effect``), by index.

    ``seeds`` are for random numbers in the network. An operation has no entry if the network does not run without it,
    or if MOST_SECONDS have passed. If the outputs are the same for all images, the result is empty.
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


def _outputs(network: RunnableNetwork, replaced: dict[int, Replacement], *, seed: int = 0) -> Tensor:
    """The outputs for IMAGES images, in as many passes as the batch size of the network requires."""
    size = network.size(IMAGES)
    torch.manual_seed(seed)
    with torch.no_grad():
        images = network.probes(max(IMAGES // size, 1) * size)
        return torch.cat([network.train(part, replaced=replaced) for part in torch.split(images, size)])


def _of_another_image(call: ReplacedCall) -> Any:
    """A layer's result (the first of several) with its rows shifted, so that each image gets another image's values."""
    first, *rest = results_in(call.result())
    first = first.roll(1, 0) if first.dim() and len(first) > 1 else -first
    return (first, *rest) if rest else first


def _spread(outputs: Tensor) -> float:
    """How much the outputs differ between images, as a root mean square."""
    values = outputs.double()
    return float((values - values.mean(0)).square().mean().sqrt())


def _change(base: Tensor, changed: Tensor) -> float:
    """Root mean square of the change, divided by the outputs' spread; 1 if the outputs cannot be compared."""
    if base.shape != changed.shape:
        return 1.0
    change = float((changed.double() - base.double()).square().mean().sqrt()) / _spread(base)
    return min(change, 1e30) if change == change else 1.0


def _of_relus(network: RunnableNetwork, still: dict[int, Replacement], ends: float) -> dict[int, float]:
    """The effect of each ReLU: the change of the outputs when all ReLUs between the same two layers are bypassed.

    If the results of several ReLUs are combined, they can cancel each other: relu(x) - relu(-x) is x. For these, the
    effect is the share of the values before them that lose all influence on the outputs.
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


def _change_without(network: RunnableNetwork, still: dict[int, Replacement], without: dict[int, Replacement]) -> float:
    """The change of the outputs when ReLUs are bypassed, with the first of DRAWS sets of weights that shows one."""
    change = 0.0
    for draw in range(DRAWS):
        drawn = _drawn(network, draw)
        base = _outputs(drawn, still)
        if _spread(base) > 0:
            change = max(change, _change(base, _outputs(drawn, {**still, **without})))
        if change >= LEAST_EFFECT["relu"]:
            break
    return change


def _drawn(network: RunnableNetwork, draw: int) -> RunnableNetwork:
    """The network with the weights of draw number ``draw``; draw 0 has the network's own weights."""
    if not draw:
        return network
    return replace(network, state=fresh_state(network.graph, seed=network.seed + draw))


def _sections(operations: tuple[Operation, ...]) -> Iterator[list[Operation]]:
    """For each weighted layer: the ReLUs between it and the next weighted layer."""
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
    """The ReLUs whose results are combined by one operation, such as a sum."""
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


def _root(found: ClassifiedProgram, relu: Operation) -> tuple[int, int] | None:
    """The result before a ReLU and before changes of sign, scale or shape: for relu(-x), this is x."""
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
    network: RunnableNetwork,
    images: Tensor,
    source: tuple[int, int],
    with_relus: dict[int, Replacement],
    without_relus: dict[int, Replacement],
) -> float | None:
    """Of the values of a node's result that influence the outputs without the ReLUs, the share that does not with them.

    The first of DRAWS sets of weights that shows a sufficient share is enough. None if no value has influence.
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


def _influential(
    network: RunnableNetwork, images: Tensor, source: tuple[int, int], replaced: dict[int, Replacement]
) -> int:
    """The number of values of a node's result on which the outputs depend."""
    caught: list[Tensor] = []
    node, part = source
    own = replaced.get(node)

    def catch(call: ReplacedCall) -> Any:
        result = call.result() if own is None else own(call)
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
