"""What each operation of a recorded network is: the executed operations of its training program, as evidence.

The names of the operations say most; what they leave open is settled by the values of one replay, and by what depends
on the images, on weights and on chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from grader.measure import recognition
from grader.measure.replay import Values
from grader.model.evidence import WEIGHTED, Operation
from grader.model.graph import Aside, Graph, Node, Program, Source, size_of
from grader.model.operations import Kind, plain_name
from grader.model.recorded import data_dependent

ADDITIVE = ("addmm", "addmv", "addbmm", "baddbmm")
"""Products whose first argument is the term that is added."""
WINDOWS = frozenset({"im2col", "unfold"})
REDUCING = frozenset({"sum", "mean", "nansum"})
MOST_OPERATIONS = 390
TOLD_FIRST = WEIGHTED | {"relu", "activation", "dropout", "pool", "norm", "softmax", "log_softmax"}
"""Kinds of operation that are kept where there are too many to tell them all."""
LEAST_WEIGHTS = 64
"""Values of a weight that images are multiplied with one by one, for the sum of it to be a layer and not a scale."""


@dataclass(frozen=True)
class Anatomy:
    """The operations, and by operation the node that it stands for and the node that a bypass of it would give on."""

    operations: tuple[Operation, ...]
    nodes: tuple[int, ...]
    """By index of an operation: its node; -1 for one that led nowhere."""
    bypasses: tuple[tuple[int, int] | None, ...]
    """By index of an operation: the node, and which of its results, that a ReLU or a dropout was made from (-1: the
    images).
    """


class _Reader:
    def __init__(self, graph: Graph, program: Program, values: Values, count: int) -> None:
        self.graph, self.program, self.values, self.count = graph, program, values, count
        nodes = program.nodes
        self.is_data = data_dependent(nodes)
        self.weights: list[frozenset[int]] = []
        self.is_random: list[bool] = []
        for node in nodes:
            weights: frozenset[int] = frozenset()
            is_random = node.kind is Kind.RANDOM or (
                node.kind is Kind.DROPOUT and recognition.dropout_settings(node)["is_active"]
            )
            for source in node.sources():
                if source.kind == "parameter":
                    weights |= {source.index}
                elif source.kind == "node" and not self.is_data[source.index]:
                    weights |= self.weights[source.index]
                    is_random |= self.is_random[source.index]
            self.weights.append(weights)
            self.is_random.append(is_random)
        self.kinds: list[str] = []
        self.sources: list[tuple[int, int] | None] = []
        self.names: list[str] = []
        self.details: list[dict[str, Any]] = []
        self.inputs: list[tuple[int, ...]] = []
        for index in range(min(len(nodes), len(values))):
            self._read(index)

    def _read(self, index: int) -> None:  # noqa: C901  # a case for each kind of operation
        node = self.program.nodes[index]
        kind, name, details = str(node.kind), plain_name(node.name), {}
        source: tuple[int, int] | None = None
        result = self.values[index][0] if self.values[index] else None
        operands = list(node.sources())
        data = [one for one in operands if self._reads_images(one)]
        inputs = tuple(dict.fromkeys(-1 if one.kind == "input" else one.index for one in data))
        self.inputs.append(inputs)
        if self.is_data[index] and isinstance(result, Tensor):
            if node.kind is Kind.PRODUCT:
                kind = self._product(node, result)
            elif node.kind is Kind.CONV and len(data) > 1:
                kind = "arithmetic"
            elif name in REDUCING and self._is_weighted_sum(inputs, result):
                kind, name = (
                    ("conv", "multiply and sum of windows")
                    if self._has_windows(inputs)
                    else ("linear", "multiply and sum")
                )
            elif recognition.is_elementwise(kind):
                found = recognition.by_numbers(self._call(node, kind, result), self._earlier(inputs, result.shape))
                kind, details = found.kind, dict(found.details)
                if found.source is not None:
                    source = (found.source, 0)
                    self._demote(inputs, found.source)
                if kind == "softmax":
                    name = kind
            elif kind in {"softmax", "log_softmax"}:
                details = {"dim": recognition.softmax_dim(node, result.dim())}
            elif kind == "dropout":
                details, source = recognition.dropout_settings(node), _first_node(node)
            elif kind == "relu":
                source = _first_node(node)
            elif kind in {"random", "create"}:
                kind = "arithmetic"
            if kind == "relu":
                name = "relu" if name.startswith("leaky") else name
            if name == "hardtanh" and tuple(node.args[1:3]) == (0.0, 6.0):
                name = "relu6"
        self.kinds.append(kind)
        self.names.append(name)
        self.details.append(details)
        self.sources.append(source)

    def _reads_images(self, source: Source) -> bool:
        return source.kind == "input" or (source.kind == "node" and self.is_data[source.index])

    def _call(self, node: Node, kind: str, result: Tensor) -> recognition.Call:
        others = [one for one in node.sources() if not self._reads_images(one)]
        is_masked = any((one.kind == "node" and self.is_random[one.index]) or one.kind == "constant" for one in others)
        is_masked = is_masked or any(self.is_random[one.index] for one in node.sources() if one.kind == "node")
        is_learnt = any(
            one.kind == "parameter" or (one.kind == "node" and bool(self.weights[one.index])) for one in others
        )
        return recognition.Call(node, kind, result, is_masked, is_learnt)

    def _earlier(self, inputs: tuple[int, ...], shape: Sequence[int]) -> Iterator[tuple[int, Tensor]]:
        """Results of the same shape between here and the last weighted operation, nearest first."""
        seen: set[int] = set()
        waiting = list(inputs)
        while waiting and len(seen) < 14:
            index = waiting.pop(0)
            if index < 0 or index in seen:
                continue
            seen.add(index)
            value = self.values[index][0]
            if isinstance(value, Tensor) and value.shape == tuple(shape) and value.is_floating_point():
                yield index, value
            if self.kinds[index] not in {"conv", "linear", "norm"}:
                waiting.extend(self.inputs[index])

    def _demote(self, inputs: tuple[int, ...], source: int) -> None:
        """Activations between ``source`` and what was made of it are its steps: ``x - x.clamp(max=0)`` is one ReLU."""
        waiting, seen = list(inputs), {source}
        while waiting:
            index = waiting.pop()
            if index <= source or index in seen:
                continue
            seen.add(index)
            if self.kinds[index] in {"activation", "relu", "dropout"}:
                self.kinds[index] = "arithmetic"
            waiting.extend(self.inputs[index])

    def _product(self, node: Node, result: Tensor) -> str:
        """Linear for data times weights, conv when it is done at each position of unfolded data, arithmetic for data
        times data, reshape for a product of one factor (``einsum`` that only permutes).
        """
        operands = list(node.sources())
        factors = operands[1:] if node.name.startswith(ADDITIVE) else operands
        if node.name.startswith("linear"):
            factors = operands[:2]
        data = [one for one in factors if self._reads_images(one)]
        if len(factors) < 2:
            return "reshape"
        if not data or len(data) == len(factors):
            return "arithmetic"
        inputs = tuple(-1 if one.kind == "input" else one.index for one in data[:1])
        return "conv" if self._has_windows(inputs) and self._has_places(inputs, result, factors) else "linear"

    def _has_places(self, inputs: tuple[int, ...], result: Tensor, factors: Sequence[Any]) -> bool:
        """Whether a product gives results for several places of each image, and not one row an image."""
        weight = next((self._shape(one) for one in factors if one.kind in {"parameter", "constant"}), None)
        if weight is None:
            weight = next(
                (self._shape(one) for one in factors if one.kind == "node" and not self.is_data[one.index]), (1,)
            )
        taken = self.values[inputs[0]][0].numel() if inputs and inputs[0] >= 0 else self.count * 784
        # N * L * K values times K * O weights give N * L * O results
        rows = (taken * result.numel() / max(size_of(weight), 1)) ** 0.5
        return bool(rows > self.count + 0.5)

    def _shape(self, source: Source) -> tuple[int, ...]:
        if source.kind == "parameter":
            return tuple(self.graph.weights[source.index].shape)
        if source.kind == "constant":
            return tuple(self.graph.constants[source.index].shape)
        value = self.values[source.index][source.part]
        return tuple(value.shape) if isinstance(value, Tensor) else (1,)

    def _has_windows(self, inputs: tuple[int, ...]) -> bool:
        """Whether data comes from unfolded windows, with nothing but reshaping and factors in between."""
        waiting, seen = list(inputs), set()
        while waiting:
            index = waiting.pop()
            if index < 0 or index in seen:
                continue
            seen.add(index)
            if self.program.nodes[index].name in WINDOWS:
                return True
            if self.kinds[index] == "reshape" or plain_name(self.program.nodes[index].name) in {"mul", "multiply"}:
                waiting.extend(self.inputs[index])
        return False

    def _is_weighted_sum(self, inputs: tuple[int, ...], result: Tensor) -> bool:
        """Whether a sum over more than images adds up products of data and weights, as a layer does."""
        for index in inputs:
            while index >= 0 and self.kinds[index] == "reshape" and len(self.inputs[index]) == 1:
                index = self.inputs[index][0]
            if index < 0 or plain_name(self.program.nodes[index].name) not in {"mul", "multiply"}:
                continue
            learnt = [one for one in self.program.nodes[index].sources() if self._is_learnt(one)]
            product = self.values[index][0]
            if not learnt or size_of(self._shape(learnt[0])) < LEAST_WEIGHTS:
                continue
            return isinstance(product, Tensor) and result.numel() < product.numel()
        return False

    def _is_learnt(self, source: Source) -> bool:
        if source.kind == "parameter":
            return True
        return source.kind == "node" and not self.is_data[source.index] and bool(self.weights[source.index])

    # ---- as evidence -------------------------------------------------------------------------------------------------

    def operation(self, index: int, at: int, places: dict[int, int]) -> Operation:
        node = self.program.nodes[index]
        result = self.values[index][0]
        operands = list(node.sources())
        data = next((one for one in operands if self._reads_images(one)), None)
        given: tuple[int, ...] = (self.count, 1, 28, 28)
        if data is not None and data.kind == "node":
            given = tuple(self.values[data.index][data.part].shape)
        weights = self._weights_near(index)
        is_layer = self.kinds[index] in {"conv", "linear", "norm"}
        missing = [one for one in weights if not self.graph.weights[one].is_registered] if is_layer else []
        is_random_weight = (
            self.kinds[index] in WEIGHTED
            and not weights
            and any(one.kind == "node" and self.is_random[one.index] for one in operands)
        )
        is_plain = self.kinds[index] in WEIGHTED and not weights
        is_fresh = (
            node.owner == "fresh"
            if not is_layer
            else (is_random_weight or any(self.graph.weights[one].is_fresh for one in missing))
        )
        return Operation(
            index=at,
            kind=self.kinds[index],
            name=student_word(self.names[index])[:60],
            layer=node.layer,
            inputs=tuple(dict.fromkeys(places.get(one, -1) for one in self.inputs[index])),
            shape_in=given,
            shape_out=tuple(result.shape) if isinstance(result, Tensor) else (),
            parameters=sum(size_of(self.graph.weights[one].shape) for one in weights),
            is_registered=not missing and not is_plain if is_layer else not node.owner,
            is_fresh=is_fresh,
            expected=node.expected,
            **self.details[index],
        )

    def _weights_near(self, index: int) -> frozenset[int]:
        """The weights that an operation reads, other than with its data; of a sum of products, those of the product."""
        if self.weights[index] or plain_name(self.program.nodes[index].name) not in REDUCING:
            return self.weights[index]
        found: frozenset[int] = frozenset()
        for one in self.inputs[index]:
            if one >= 0:
                found |= self.weights[one]
        return found


def _first_node(node: Node) -> tuple[int, int]:
    source = next(node.sources(), None)
    return (source.index, source.part) if source is not None and source.kind == "node" else (-1, 0)


def anatomy(graph: Graph, program: Program, values: Values, count: int, aside: Sequence[Aside] = ()) -> Anatomy:
    """The operations of a program that depend on its images, from the results of one replay over ``count`` of them.

    ``aside`` are layers that ran and led nowhere.

    Where there are more than MOST_OPERATIONS, small steps are left out, and what they led to reads what they read.
    """
    reader = _Reader(graph, program, values, count)
    chosen = [
        index
        for index in range(len(reader.kinds))
        if reader.is_data[index] and isinstance(reader.values[index][0] if reader.values[index] else None, Tensor)
    ]
    if len(chosen) > MOST_OPERATIONS:
        chosen = [index for index in chosen if reader.kinds[index] in TOLD_FIRST][: MOST_OPERATIONS - 1]
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
        _follow_left_out(reader, index, places)
        operations.append(reader.operation(index, len(operations), places))
        nodes.append(index)
    for one in left_aside:
        _add_aside(one, operations, nodes)
    bypasses = tuple(None if node < 0 else reader.sources[node] for node in nodes)
    return Anatomy(tuple(operations), tuple(nodes), bypasses)


def _add_aside(one: Any, operations: list[Operation], nodes: list[int]) -> None:
    operations.append(Operation(len(operations), one.kind, student_word(one.name), one.layer, inputs=(-1,)))
    nodes.append(-1)


def _follow_left_out(reader: _Reader, index: int, places: dict[int, int]) -> None:
    """Let what was left out stand for the last operation before it that was not."""
    waiting = [one for one in reader.inputs[index] if one >= 0]
    while waiting:
        one = waiting[-1]
        if one in places:
            waiting.pop()
            continue
        before = [other for other in reader.inputs[one] if other >= 0]
        unknown = [other for other in before if other not in places]
        if unknown:
            waiting.extend(unknown)
            continue
        places[one] = max((places[other] for other in before), default=-1)
        waiting.pop()


def with_effects(found: Anatomy, effects: dict[int, float]) -> tuple[Operation, ...]:
    """The operations with how much each matters, by index."""
    return tuple(replace(one, effect=effects.get(one.index)) for one in found.operations)


def student_word(name: str) -> str:
    """The name as a student would write it: ``add`` reads ``+``, ``im2col`` reads ``unfold``."""
    plain = plain_name(name)
    return _WORDS.get(plain, plain)


_WORDS = {
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
