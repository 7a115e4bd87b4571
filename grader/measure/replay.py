"""Replay a recorded graph: run its operations with weights and images of the grader.

:mod:`grader.measure.cost` checks the cost before the first replay.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from grader.model.graph import Graph, GraphRefused, Node, Program

WORDS: Mapping[str, Any] = {
    name: getattr(torch, name)
    for name in (
        *("float32", "float64", "float16", "bfloat16", "uint8", "int8", "int16", "int32", "int64", "bool"),
        *("strided", "contiguous_format", "preserve_format", "channels_last"),
    )
}
TORCH_ERRORS = (RuntimeError, IndexError, ValueError, NotImplementedError)
"""Errors of torch if an operation does not accept its arguments. Any other error is a fault of the grader."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether the error means too little memory. This does not mean that the operation cannot be run."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@dataclass
class State:
    """The tensors of one network, in the order of its graph. Passes may change the ``buffers``."""

    weights: list[Tensor]
    buffers: list[Tensor]
    constants: list[Tensor]

    def for_a_pass(self) -> State:
        """A state with copied buffers, which a pass may change."""
        return State(self.weights, [buffer.clone() for buffer in self.buffers], self.constants)

    def sources(self, images: Tensor, values: Values) -> dict[str, Sequence[Any]]:
        """The tensors that a pass over ``images`` can read, by kind of source; ``values`` are its results so far."""
        return {
            "input": (images,),
            "parameter": self.weights,
            "buffer": self.buffers,
            "constant": self.constants,
            "node": values,
        }


Values = list[tuple[Any, ...]]
"""For each node: its results."""


@dataclass(frozen=True)
class ReplacedCall:
    """The call of a node that is replaced: all results so far, the node's first operand, and its original result."""

    values: Values
    first: Callable[[], Any]
    result: Callable[[], Any]


Replacement = Callable[[ReplacedCall], Any]
"""Computes the result of a node instead of its operation."""


class Replay:
    """A graph that can be run on ``device``. Unknown operations are refused at construction."""

    def __init__(self, graph: Graph, *, device: str = "cpu") -> None:
        self.graph = graph
        self._steps = {
            id(program): [Step(node, device) for node in program.nodes]
            for program in (graph.training, graph.evaluation)
        }

    def run(
        self,
        program: Program,
        images: Tensor,
        state: State,
        *,
        replaced: Mapping[int, Replacement] | None = None,
        keep: Values | None = None,
    ) -> Tensor | None:
        """The output for ``images`` (N, 1, 28, 28) with the state's weights; None if the program has no output.

        ``replaced`` maps nodes to replacements. ``keep`` is filled with the results of all nodes, copied if the program
        contains in-place operations. Raises torch's errors.
        """
        values: Values = []
        sources = state.sources(images, values)
        count = len(images)
        writes = any(node.writes for node in program.nodes) if keep is not None else False
        for index, step in enumerate(self._steps[id(program)]):
            if replaced is not None and index in replaced:
                call = ReplacedCall(values, partial(step.first, sources, count), partial(step, sources, count))
                result = replaced[index](call)
            else:
                result = step(sources, count)
            found = results_in(result)
            values.append(found)
            if keep is not None:
                keep.append(tuple(_copied(value) if writes else value for value in found))
        output = program.output
        if output is None:
            return None
        found_last = sources[output.kind][output.index]
        value: Tensor = found_last[output.part] if output.kind == "node" else found_last
        return value.detach() if output.is_cut else value


def results_in(result: Any) -> tuple[Any, ...]:
    """The result or results of one operation as a tuple."""
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


def _max_pool(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same max-pooling on the CPU with the channels last in memory, where torch is three times as fast."""

    def pool(images: Tensor, *args: Any, **kwargs: Any) -> Any:
        if images.dim() != 4 or images.device.type != "cpu" or not images.is_contiguous():
            return function(images, *args, **kwargs)
        result = function(images.contiguous(memory_format=torch.channels_last), *args, **kwargs)
        found = tuple(value.contiguous() for value in results_in(result))
        return found if isinstance(result, tuple) else found[0]

    return pool


_FASTER = dict.fromkeys(("max_pool2d", "max_pool2d_with_indices"), _max_pool)
"""Operations that have a faster way to the same values and gradients, bit by bit."""


class Step:
    """One node as a callable."""

    def __init__(self, node: Node, device: str) -> None:
        _, name, overload = node.op.split(".")
        packet = getattr(torch.ops.aten, name, None)
        if packet is None or overload not in packet.overloads():
            raise GraphRefused(f"this torch has no operation {node.op[:60]}")
        self.function = getattr(packet, overload)
        if not any("Tensor" in str(value.type) for value in self.function._schema.returns):
            raise GraphRefused(f"{node.op[:60]} gives no tensor")
        if name in _FASTER and overload == "default":
            self.function = _FASTER[name](self.function)
        self.node = node
        self._args = [_reader(argument, device) for argument in node.args]
        self._kwargs = {key: _reader(value, device) for key, value in node.kwargs.items() if key != "pin_memory"}
        self._is_empty = name.startswith(("empty", "new_empty"))
        first = next(node.sources(), None)
        is_kept = first is not None and first.kind in {"buffer", "parameter"}
        self._is_quiet = node.writes and ("out" in node.kwargs or is_kept)

    def __call__(self, sources: Mapping[str, Sequence[Any]], count: int) -> Any:
        """What the operation gives for these results of earlier nodes, over ``count`` images."""
        if self._is_quiet:  # what is kept from pass to pass must not keep the gradients of a pass
            with torch.no_grad():
                return self._call(sources, count)
        return self._call(sources, count)

    def _call(self, sources: Mapping[str, Sequence[Any]], count: int) -> Any:
        result = self.function(
            *[read(sources, count) for read in self._args],
            **{key: read(sources, count) for key, read in self._kwargs.items()},
        )
        return result.zero_() if self._is_empty else result

    def first(self, sources: Mapping[str, Sequence[Any]], count: int) -> Any:
        """The value of the first operand."""
        return self._args[0](sources, count) if self._args else None


_Reader = Callable[[Mapping[str, Sequence[Any]], int], Any]


def _reader(argument: Any, device: str) -> _Reader:
    """A function that computes the value of an argument from the tensors so far and the number of images."""
    if isinstance(argument, dict):
        ((form, content),) = argument.items()
        if form == "tensor":
            return _tensor_reader(*content)
        if form == "images":
            factor, offset = content
            return lambda sources, count: factor * count + offset
        if form == "word":
            if content != "device" and content not in WORDS:
                raise GraphRefused(f"it uses the type {content[:40]}")
            word = torch.device(device) if content == "device" else WORDS[content]
            return lambda sources, count: word
        number = float(content)
        return lambda sources, count: number
    if isinstance(argument, list):
        readers = [_reader(item, device) for item in argument]
        return lambda sources, count: [read(sources, count) for read in readers]
    return lambda sources, count: argument


def _tensor_reader(kind: str, index: int, part: int, is_cut: bool) -> _Reader:
    if kind != "node":
        return lambda sources, count: sources[kind][index]
    if is_cut:
        return lambda sources, count: sources[kind][index][part].detach()
    return lambda sources, count: sources[kind][index][part]


def dtype_of(word: str) -> torch.dtype:
    """The dtype of this name; raises GraphRefused for any other text."""
    found = WORDS.get(word)
    if not isinstance(found, torch.dtype):
        raise GraphRefused(f"it uses the type {word[:40]}")
    return found


def values_of(text: str, shape: Sequence[int], dtype: str) -> Tensor:
    """The values of a constant or a buffer; zeros if ``text`` is empty. Raises GraphRefused if they do not fit."""
    kind = dtype_of(dtype)
    if not text:
        return torch.zeros(tuple(shape), dtype=kind)
    try:
        raw = bytearray(base64.b64decode(text, validate=True))
        return torch.frombuffer(raw, dtype=kind).reshape(tuple(shape)).clone()
    except (ValueError, RuntimeError):
        raise GraphRefused("a constant's values do not fit its shape") from None


def sample_of(text: str) -> Tensor:
    """The sample of a weight, (n,) float32; raises GraphRefused for invalid text."""
    try:
        return torch.from_numpy(np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32))
    except ValueError:
        raise GraphRefused("a weight's sample is not a list of numbers") from None
