"""Decide the kind of each operation of a recorded program: convolution, fully connected layer, ReLU, dropout, ...

The name of an operation decides most cases. The other cases are decided by its values in one replay, and by whether its
operands depend on the images, on weights or on random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor

from grader.measure import recognition
from grader.measure.replay import Values
from grader.model.graph import Graph, Node, Program, Source, size_of
from grader.model.images import SIDE
from grader.model.operations import Kind, plain_name
from grader.model.recorded import data_dependent

ADDITIVE = ("addmm", "addmv", "addbmm", "baddbmm")
"""Matrix products that add their first argument."""
WINDOWS = frozenset({"im2col", "unfold"})
REDUCING = frozenset({"sum", "mean", "nansum"})
LEAST_WEIGHTS = 64
"""Fewest values of a weight for which an elementwise product and a sum count as a layer, not as a scale factor."""


class Classifier:
    """Classifies the nodes of one program, in the order in which they ran."""

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
        data = [operand for operand in operands if self.reads_images(operand)]
        inputs = tuple(dict.fromkeys(-1 if operand.kind == "input" else operand.index for operand in data))
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
                found = recognition.recognise(self._call(node, kind, result), self._earlier(inputs, result.shape))
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

    def reads_images(self, source: Source) -> bool:
        """Whether a source is the images, or a result that depends on them."""
        return source.kind == "input" or (source.kind == "node" and self.is_data[source.index])

    def _call(self, node: Node, kind: str, result: Tensor) -> recognition.Call:
        others = [source for source in node.sources() if not self.reads_images(source)]
        is_masked = any(
            (source.kind == "node" and self.is_random[source.index]) or source.kind == "constant" for source in others
        )
        is_masked = is_masked or any(self.is_random[source.index] for source in node.sources() if source.kind == "node")
        is_learnt = any(
            source.kind == "parameter" or (source.kind == "node" and bool(self.weights[source.index]))
            for source in others
        )
        return recognition.Call(node, kind, result, is_masked, is_learnt)

    def _earlier(self, inputs: tuple[int, ...], shape: Sequence[int]) -> Iterator[tuple[int, Tensor]]:
        """Earlier results of the same shape, back to the last conv, linear or norm layer, nearest first."""
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
        """Reclassify activations after ``source`` as arithmetic: in ``x - x.clamp(max=0)`` they are part of a ReLU."""
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
        """The kind of a product: linear for data times weights, conv if it is done at each position of unfolded data,
        arithmetic for data times data, reshape for a single factor (an ``einsum`` that only permutes).
        """
        operands = list(node.sources())
        factors = operands[1:] if node.name.startswith(ADDITIVE) else operands
        if node.name.startswith("linear"):
            factors = operands[:2]
        data = [source for source in factors if self.reads_images(source)]
        if len(factors) < 2:
            return "reshape"
        if not data or len(data) == len(factors):
            return "arithmetic"
        inputs = tuple(-1 if source.kind == "input" else source.index for source in data[:1])
        return "conv" if self._has_windows(inputs) and self._has_places(inputs, result, factors) else "linear"

    def _has_places(self, inputs: tuple[int, ...], result: Tensor, factors: Sequence[Any]) -> bool:
        """Whether a product gives results for several positions of each image, not one row per image."""
        weight = next((self._shape(source) for source in factors if source.kind in {"parameter", "constant"}), None)
        if weight is None:
            weight = next(
                (self._shape(source) for source in factors if source.kind == "node" and not self.is_data[source.index]),
                (1,),
            )
        taken = self.values[inputs[0]][0].numel() if inputs and inputs[0] >= 0 else self.count * SIDE**2
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
        """Whether data comes from unfolded windows, with only reshapes and multiplications in between."""
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
        """Whether a sum adds up products of data and weights, as a layer does."""
        for index in inputs:
            while index >= 0 and self.kinds[index] == "reshape" and len(self.inputs[index]) == 1:
                index = self.inputs[index][0]
            if index < 0 or plain_name(self.program.nodes[index].name) not in {"mul", "multiply"}:
                continue
            learnt = [source for source in self.program.nodes[index].sources() if self._is_learnt(source)]
            product = self.values[index][0]
            if not learnt or size_of(self._shape(learnt[0])) < LEAST_WEIGHTS:
                continue
            return isinstance(product, Tensor) and result.numel() < product.numel()
        return False

    def _is_learnt(self, source: Source) -> bool:
        if source.kind == "parameter":
            return True
        return source.kind == "node" and not self.is_data[source.index] and bool(self.weights[source.index])


def _first_node(node: Node) -> tuple[int, int]:
    source = next(node.sources(), None)
    return (source.index, source.part) if source is not None and source.kind == "node" else (-1, 0)
