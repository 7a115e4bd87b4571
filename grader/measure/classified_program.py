"""List the operations of a recorded program that depend on the images, each with its kind, as evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from torch import Tensor

from grader.measure.operation_kinds import REDUCING, Classifier
from grader.measure.replay import Values
from grader.model.evidence import WEIGHTED, Operation
from grader.model.graph import Aside, Graph, Program, size_of
from grader.model.images import SIDE
from grader.model.operations import plain_name

MOST_OPERATIONS = 390
KEPT_FIRST = WEIGHTED | {"relu", "activation", "dropout", "pool", "norm", "softmax", "log_softmax"}
"""Kinds of operation that are kept if there are more than MOST_OPERATIONS."""


@dataclass(frozen=True)
class ClassifiedProgram:
    """The classified operations of one program, with their nodes in the graph."""

    operations: tuple[Operation, ...]
    nodes: tuple[int, ...]
    """For each operation: the index of its node; -1 for a layer whose result is not used."""
    bypasses: tuple[tuple[int, int] | None, ...]
    """For each ReLU and dropout: the node (-1: the images) and the number of its result that the operation reads. A
    bypass returns this result unchanged.
    """


def classify(
    graph: Graph, program: Program, values: Values, count: int, aside: Sequence[Aside] = ()
) -> ClassifiedProgram:
    """The operations of a program that depend on its images, from the results of one replay over ``count`` images.

    ``aside`` are layers that ran but whose results are not used. If there are more than MOST_OPERATIONS, minor
    operations are left out, and the operations after them get their inputs.
    """
    classifier = Classifier(graph, program, values, count)
    chosen = [
        index
        for index in range(len(classifier.kinds))
        if classifier.is_data[index]
        and isinstance(classifier.values[index][0] if classifier.values[index] else None, Tensor)
    ]
    if len(chosen) > MOST_OPERATIONS:
        chosen = [index for index in chosen if classifier.kinds[index] in KEPT_FIRST][: MOST_OPERATIONS - 1]
        last = program.output.index if program.output is not None and program.output.kind == "node" else -1
        if last >= 0 and last not in chosen:
            chosen.append(last)
    left_aside = list(aside)
    operations: list[Operation] = []
    nodes: list[int] = []
    places = {}
    for index in chosen:
        while left_aside and left_aside[0].after <= index:
            _add_aside(left_aside.pop(0), operations, nodes)
        places[index] = len(operations)
        _map_omitted(classifier, index, places)
        operations.append(_operation(classifier, index, len(operations), places))
        nodes.append(index)
    for layer in left_aside:
        _add_aside(layer, operations, nodes)
    bypasses = tuple(None if node < 0 else classifier.sources[node] for node in nodes)
    return ClassifiedProgram(tuple(operations), tuple(nodes), bypasses)


def _add_aside(layer: Aside, operations: list[Operation], nodes: list[int]) -> None:
    operations.append(Operation(len(operations), layer.kind, student_name(layer.name), layer.layer, inputs=(-1,)))
    nodes.append(-1)


def _map_omitted(classifier: Classifier, index: int, places: dict[int, int]) -> None:
    """Map each omitted node before ``index`` to the last listed operation before it."""
    waiting = [earlier for earlier in classifier.inputs[index] if earlier >= 0]
    while waiting:
        earlier = waiting[-1]
        if earlier in places:
            waiting.pop()
            continue
        before = [node for node in classifier.inputs[earlier] if node >= 0]
        unknown = [node for node in before if node not in places]
        if unknown:
            waiting.extend(unknown)
            continue
        places[earlier] = max((places[node] for node in before), default=-1)
        waiting.pop()


def _operation(classifier: Classifier, index: int, at: int, places: dict[int, int]) -> Operation:
    """Node ``index`` as operation number ``at``; ``places`` maps nodes to operations."""
    node = classifier.program.nodes[index]
    result = classifier.values[index][0]
    operands = list(node.sources())
    data = next((source for source in operands if classifier.reads_images(source)), None)
    shape_in: tuple[int, ...] = (classifier.count, 1, SIDE, SIDE)
    if data is not None and data.kind == "node":
        shape_in = tuple(classifier.values[data.index][data.part].shape)
    weights = _weights_near(classifier, index)
    is_layer = classifier.kinds[index] in {"conv", "linear", "norm"}
    missing = [weight for weight in weights if not classifier.graph.weights[weight].is_registered] if is_layer else []
    is_random_weight = (
        classifier.kinds[index] in WEIGHTED
        and not weights
        and any(source.kind == "node" and classifier.is_random[source.index] for source in operands)
    )
    is_plain = classifier.kinds[index] in WEIGHTED and not weights
    is_fresh = (
        node.owner == "fresh"
        if not is_layer
        else (is_random_weight or any(classifier.graph.weights[weight].is_fresh for weight in missing))
    )
    return Operation(
        index=at,
        kind=classifier.kinds[index],
        name=student_name(classifier.names[index])[:60],
        layer=node.layer,
        inputs=tuple(dict.fromkeys(places.get(earlier, -1) for earlier in classifier.inputs[index])),
        shape_in=shape_in,
        shape_out=tuple(result.shape) if isinstance(result, Tensor) else (),
        parameters=sum(size_of(classifier.graph.weights[weight].shape) for weight in weights),
        is_registered=not missing and not is_plain if is_layer else not node.owner,
        is_fresh=is_fresh,
        expected=node.expected,
        **classifier.details[index],
    )


def _weights_near(classifier: Classifier, index: int) -> frozenset[int]:
    """The weights that an operation reads directly; for a sum of products, the weights of the product."""
    if classifier.weights[index] or plain_name(classifier.program.nodes[index].name) not in REDUCING:
        return classifier.weights[index]
    found: frozenset[int] = frozenset()
    for earlier in classifier.inputs[index]:
        if earlier >= 0:
            found |= classifier.weights[earlier]
    return found


def with_effects(found: ClassifiedProgram, effects: dict[int, float]) -> tuple[Operation, ...]:
    """The operations with their effects filled in; ``effects`` maps an index to an effect."""
    return tuple(replace(operation, effect=effects.get(operation.index)) for operation in found.operations)


def student_name(name: str) -> str:
    """The name of an operation as a student would write it: ``+`` for ``add``, ``unfold`` for ``im2col``."""
    plain = plain_name(name)
    return _STUDENT_NAMES.get(plain, plain)


_STUDENT_NAMES = {
    "matmul": "@",
    "mm": "@",
    "mul": "*",
    "add": "+",
    "sub": "-",
    "div": "/",
    "im2col": "unfold",
    "_softmax": "softmax",
    "_log_softmax": "log_softmax",
    "feature_dropout": "dropout2d",
    "log_sigmoid": "logsigmoid",
    "copy": "[...] =",
    "fill": "[...] =",
    "index_put": "[...] =",
}
