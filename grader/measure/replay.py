"""Running a recorded graph again, on weights and images of our own.

What it would cost is found out first, in :mod:`grader.measure.cost`.
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
"""What torch raises when an operation does not take what it is given. Anything else is a fault of ours."""


def is_out_of_memory(error: Exception) -> bool:
    """Whether there was too little memory, which is told apart from an operation that cannot be run."""
    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


@dataclass
class State:
    """The tensors of one network at one time: ``weights`` as the graph lists them, ``buffers`` that passes change."""

    weights: list[Tensor]
    buffers: list[Tensor]
    constants: list[Tensor]

    def for_a_pass(self) -> State:
        """The same, with buffers that a pass may change."""
        return State(self.weights, [one.clone() for one in self.buffers], self.constants)

    def sources(self, images: Tensor, values: Values) -> dict[str, Sequence[Any]]:
        """By kind of source, what a pass over ``images`` reads; ``values`` are its results so far."""
        return {
            "input": (images,),
            "parameter": self.weights,
            "buffer": self.buffers,
            "constant": self.constants,
            "node": values,
        }


Values = list[tuple[Any, ...]]
"""By node, its results."""


@dataclass(frozen=True)
class Here:
    """What a replacement of a node may use: all results so far, the node's first operand, and its own result."""

    values: Values
    first: Callable[[], Any]
    result: Callable[[], Any]


Replacement = Callable[[Here], Any]
"""What gives a node's result instead."""


class Replay:
    """A graph that can be run. ``device`` is where; everything is checked before it can be."""

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
        """The output (None: the program has none) for ``images`` (N, 1, 28, 28) on the state's weights.

        ``replaced`` gives the results of some nodes by another way; ``keep`` is filled with all results, each copied
        where a later node writes into it. Raises whatever torch raises.
        """
        values: Values = []
        sources = state.sources(images, values)
        count = len(images)
        writes = any(node.writes for node in program.nodes) if keep is not None else False
        for index, step in enumerate(self._steps[id(program)]):
            if replaced is not None and index in replaced:
                here = Here(values, partial(step.first, sources, count), partial(step, sources, count))
                result = replaced[index](here)
            else:
                result = step(sources, count)
            found = results_in(result)
            values.append(found)
            if keep is not None:
                keep.append(tuple(_copied(one) if writes else one for one in found))
        output = program.output
        if output is None:
            return None
        found_last = sources[output.kind][output.index]
        value: Tensor = found_last[output.part] if output.kind == "node" else found_last
        return value.detach() if output.is_cut else value


def results_in(result: Any) -> tuple[Any, ...]:
    """The results of one operation, be they one or several."""
    return tuple(result) if isinstance(result, (tuple, list)) else (result,)


def _copied(value: Any) -> Any:
    return value.clone() if isinstance(value, Tensor) else value


class Step:
    """One node, ready to be called."""

    def __init__(self, node: Node, device: str) -> None:
        _, name, overload = node.op.split(".")
        packet = getattr(torch.ops.aten, name, None)
        if packet is None or overload not in packet.overloads():
            raise GraphRefused(f"this torch has no operation {node.op[:60]}")
        self.function = getattr(packet, overload)
        if not any("Tensor" in str(one.type) for one in self.function._schema.returns):
            raise GraphRefused(f"{node.op[:60]} gives no tensor")
        self.node = node
        self._args = [_reader(one, device) for one in node.args]
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
        """Its first operand."""
        return self._args[0](sources, count) if self._args else None


_Reader = Callable[[Mapping[str, Sequence[Any]], int], Any]


def _reader(argument: Any, device: str) -> _Reader:
    """What gives an argument's value from the tensors so far and the number of images."""
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
        readers = [_reader(one, device) for one in argument]
        return lambda sources, count: [read(sources, count) for read in readers]
    return lambda sources, count: argument


def _tensor_reader(kind: str, index: int, part: int, is_cut: bool) -> _Reader:
    if kind != "node":
        return lambda sources, count: sources[kind][index]
    if is_cut:
        return lambda sources, count: sources[kind][index][part].detach()
    return lambda sources, count: sources[kind][index][part]


def dtype_of(word: str) -> torch.dtype:
    """A type by its name; raises GraphRefused for another word."""
    found = WORDS.get(word)
    if not isinstance(found, torch.dtype):
        raise GraphRefused(f"it uses the type {word[:40]}")
    return found


def values_of(text: str, shape: Sequence[int], dtype: str) -> Tensor:
    """A constant's or a buffer's values; zeros where they are not told. Raises GraphRefused when they do not fit."""
    kind = dtype_of(dtype)
    if not text:
        return torch.zeros(tuple(shape), dtype=kind)
    try:
        raw = bytearray(base64.b64decode(text, validate=True))
        return torch.frombuffer(raw, dtype=kind).reshape(tuple(shape)).clone()
    except (ValueError, RuntimeError):
        raise GraphRefused("a constant's values do not fit its shape") from None


def sample_of(text: str) -> Tensor:
    """A weight's sample, (n,) float32; raises GraphRefused for what is none."""
    try:
        return torch.from_numpy(np.frombuffer(base64.b64decode(text, validate=True), dtype="<f4").astype(np.float32))
    except ValueError:
        raise GraphRefused("a weight's sample is not a list of numbers") from None
