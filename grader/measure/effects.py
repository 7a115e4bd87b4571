"""How much each layer, ReLU and dropout matters: what a replay without it gives.

An operation that stands in the graph and changes next to nothing is there for the count alone. What counts as nothing
is measured on valid networks; see docs/calibration.md.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from grader.measure.anatomy import Anatomy
from grader.measure.network import Network, bypassing
from grader.measure.replay import TORCH_ERRORS, Here, Replacement, Replay, Values
from grader.measure.weights import fresh_state
from grader.model.evidence import LEAST_EFFECT, Operation
from grader.model.graph import uncut

IMAGES, FEW_IMAGES = 16, 8
MOST_SECONDS = 1.5
"""CPU seconds; the lab's own network takes 0.03."""
DRAWS = 8
"""Weights under which a ReLU is looked at: with few channels it may let everything through by chance."""


def effects_of(network: Network, seeds: Iterator[int]) -> dict[int, float]:
    """By index of an operation of the training anatomy, how much it matters (``Operation.effect``).

    ``seeds`` are for chance in it. What cannot be run without an operation has no entry, and what is left after
    MOST_SECONDS has none.
    """
    ends = time.process_time() + MOST_SECONDS
    graph = network.graph
    if graph.training.output is None:
        return {}
    images = network.probes(network.size(IMAGES))
    effects: dict[int, float] = {}
    still = bypassing(network.training, {"dropout"})
    try:
        with torch.no_grad():
            base = network.train(images, replaced=still)
            for one in network.training.operations:
                node = network.training.nodes[one.index]
                if node < 0 or time.process_time() > ends:
                    continue
                if one.kind in {"conv", "linear"}:
                    changed = network.train(images, replaced={**still, node: _of_another_image})
                    effects[one.index] = _change(base, changed)
                elif one.kind == "dropout":
                    effects[one.index] = max(
                        _change(base, _with_one_dropout(network, images, one.index, next(seeds))) for _ in range(2)
                    )
        effects |= _of_relus(network, still, ends)
    except TORCH_ERRORS:  # what is left is judged without
        pass
    return effects


def _of_another_image(here: Here) -> Tensor:
    """A layer's result with its images exchanged."""
    result: Tensor = here.result()
    return result.roll(1, 0) if result.dim() and len(result) > 1 else -result


def _with_one_dropout(network: Network, images: Tensor, index: int, seed: int) -> Tensor:
    torch.manual_seed(seed)
    return network.train(images, replaced=bypassing(network.training, {"dropout"}, but={index}))


def _change(base: Tensor, changed: Tensor) -> float:
    """Root mean square of the change, over that of the outputs' spread from image to image."""
    before, after = base.double(), changed.double()
    if before.shape != after.shape or not before.numel():
        return 1.0
    spread = (before - before.mean(0)).square().mean().sqrt()
    change = (after - before).square().mean().sqrt()
    if not float(spread) < float("inf"):
        return 1.0  # outputs that are no numbers tell nothing
    return min(float(change / spread), 1e30) if float(spread) > 0 else 0.0


def _of_relus(network: Network, still: dict[int, Replacement], ends: float) -> dict[int, float]:
    """For each ReLU: the share of the values which it is given that it changes.

    Where several meet, it is the share that they keep from having any influence together: relu(x) - relu(-x) is x.
    """
    images = network.probes(network.size(FEW_IMAGES))
    found = network.training
    graph = replace(network.graph, training=uncut(network.graph.training))
    flowing = replace(network, graph=graph, replay=Replay(graph))
    effects: dict[int, float] = {}
    for relus in _sections(found.operations):
        meeting = _meeting(found.operations, relus)
        nodes = {found.nodes[one.index] for one in relus}
        without = {key: value for key, value in bypassing(found, {"relu"}).items() if key in nodes}
        for one in relus:
            source = _root(found, one) if one.index in meeting else found.bypasses[one.index]
            if source is None or source[0] < 0 or time.process_time() > ends:
                continue
            share: float | None
            if one.index in meeting:
                share = _share_kept_back(flowing, images, source, still, {**still, **without})
            else:
                share = _share_changed(network, images, source, found.nodes[one.index], still)
            if share is not None:
                effects[one.index] = share
    return effects


def _share_changed(
    network: Network, images: Tensor, source: tuple[int, int], node: int, still: dict[int, Replacement]
) -> float:
    """The share of a ReLU's values that are others than it was given, under the first of DRAWS weights with any."""
    share = 0.0
    for draw in range(DRAWS):
        values: Values = []
        with torch.no_grad():
            _drawn(network, draw).train(images, replaced=still, keep=values)
        before, after = values[source[0]][source[1]], values[node][0]
        share = max(share, float((after.reshape(-1) != before.reshape(-1)).double().mean()))
        if share >= LEAST_EFFECT["relu"]:
            break
    return share


def _drawn(network: Network, draw: int) -> Network:
    """The network with the weights of a draw; the first are its own."""
    if not draw:
        return network
    return replace(network, state=fresh_state(network.graph, seed=network.seed + draw))


def _sections(operations: tuple[Operation, ...]) -> Iterator[list[Operation]]:
    """The ReLUs that the result of each weighted layer meets before the next one."""
    weighted = {one.index for one in operations if one.kind in {"conv", "linear"}}
    for layer in operations:
        if layer.index not in weighted:
            continue
        met, relus = {layer.index}, []
        for one in operations:
            if one.index > layer.index and not met.isdisjoint(one.inputs) and one.index not in weighted:
                met.add(one.index)
                if one.kind == "relu":
                    relus.append(one)
        if relus:
            yield relus


def _meeting(operations: tuple[Operation, ...], relus: list[Operation]) -> set[int]:
    """The ReLUs whose results meet in a sum, or the like: side by side they cannot undo each other."""
    behind: dict[int, frozenset[int]] = {one.index: frozenset({one.index}) for one in relus}
    meeting: set[int] = set()
    for one in operations:
        if one.index in behind or one.kind in {"conv", "linear"}:
            continue
        reaching = [behind[at] for at in one.inputs if at in behind]
        behind[one.index] = frozenset[int]().union(*reaching)
        if one.kind != "reshape" and len(reaching) > 1 and len(behind[one.index]) > 1:
            meeting |= behind[one.index]
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


def _influential(
    network: Network, images: Tensor, source: tuple[int, int], replaced: dict[int, Replacement]
) -> int:
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
