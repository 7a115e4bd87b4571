"""The executed network, read from a trace: the path from input to output and the layers on it.

This module makes no findings and does not need torch. The path contains only operations that ran and contributed to the
output: not layers that were declared but never used, nor operations whose result was not used. A layer that hardly
changes the output does not count as a layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from grader.model.evidence import Operation, Tracing


@dataclass(frozen=True)
class ExecutedNetwork:
    """The executed operations that lead from the input to the output, in the order in which they ran.

    ``is_complete`` is False if the forward pass stopped early; ``path`` then contains the operations that ran.
    ``convs`` and ``linears`` are the layers with weights
    on the path. If fewer than two fully connected layers ran, a convolution after the second one that covers its
    whole input counts as fully connected, because that is what it computes.
    """

    path: tuple[Operation, ...] = ()
    unused: tuple[Operation, ...] = ()
    convs: tuple[Operation, ...] = ()
    linears: tuple[Operation, ...] = ()
    is_complete: bool = False

    @property
    def weighted(self) -> tuple[Operation, ...]:
        """All convolutions and fully connected layers, in order."""
        return tuple(sorted((*self.convs, *self.linears), key=lambda operation: operation.index))

    @property
    def ends_early(self) -> bool:
        """Whether fewer than two fully connected layers ran, so that what follows the last layer is not the output."""
        return len(self.linears) < 2

    def between(self, start: Operation | None, end: Operation | None, *kinds: str) -> tuple[Operation, ...]:
        """Operations of these kinds after ``start`` and before ``end`` (None: from the input, to the output)."""
        first = -1 if start is None else start.index
        last = float("inf") if end is None else end.index
        return tuple(step for step in self.path if step.kind in kinds and first < step.index < last)

    def after(self, layer: Operation) -> tuple[Operation, ...]:
        """The operations that use the output of a layer with weights, up to the next layers with weights.

        Those next layers are included. The order is that of execution.
        """
        weighted = {step.index for step in self.weighted}
        derived = {layer.index}
        found = []
        for step in self.path:
            if step.index > layer.index and not derived.isdisjoint(step.inputs):
                found.append(step)
                if step.index not in weighted:
                    derived.add(step.index)
        return tuple(found)


def executed_network(trace: Tracing | None) -> ExecutedNetwork:
    """The network in a trace; an empty network if there is no trace, or no operation on the images in it."""
    if trace is None:
        return ExecutedNetwork()
    if not trace.operations:
        return ExecutedNetwork(is_complete=trace.problem is None)
    is_complete = trace.problem is None
    ends = [trace.operations[-1].index] if trace.output is None else [trace.output]
    reached = _reached(trace.operations, ends)
    path = tuple(step for step in trace.operations if step.index in reached and step.inputs)
    unused = tuple(step for step in trace.operations if step.index not in reached)
    convs = tuple(step for step in path if step.kind == "conv" and step.matters)
    linears = tuple(step for step in path if step.kind == "linear" and step.matters)
    if len(convs) > 2 and len(linears) < 2:
        dense = tuple(conv for conv in convs[2:] if _is_dense(conv))
        convs = tuple(conv for conv in convs if conv not in dense)
        linears = tuple(sorted((*linears, *dense), key=lambda layer: layer.index))
    return ExecutedNetwork(path, unused, convs, linears, is_complete)


def _reached(operations: Sequence[Operation], ends: Sequence[int]) -> set[int]:
    by_index = {step.index: step for step in operations}
    reached: set[int] = set()
    waiting = list(ends)
    while waiting:
        index = waiting.pop()
        if index in reached or index not in by_index:
            continue
        reached.add(index)
        waiting.extend(by_index[index].inputs)
    return reached


def _is_dense(conv: Operation) -> bool:
    """Whether a convolution gives one value for each filter, which makes it a fully connected layer."""
    return len(conv.shape_out) == 4 and conv.shape_out[2:] == (1, 1)


def features(shape: Sequence[int]) -> int:
    """The number of values for each image in a shape (N, ...)."""
    return prod(shape[1:])


def layer_word(operation: Operation) -> str:
    """The name of an operation in a sentence: its attribute name if it has one, else the function's name."""
    return operation.layer or operation.name


def size_word(shape: Sequence[int]) -> str:
    """The size of one image in a shape: ``20 x 4 x 4`` for (4, 20, 4, 4)."""
    return " x ".join(str(size) for size in shape[1:]) or "1"


def position(network: ExecutedNetwork, layer: Operation) -> str:
    """A layer by its position, with the student's name for it: ``the first convolution (conv1)``."""
    group, noun = (
        (network.convs, "convolution") if layer in network.convs else (network.linears, "fully connected layer")
    )
    ordinals = ("first", "second", "third", "fourth", "fifth", "sixth")
    place = group.index(layer)
    ordinal = ordinals[place] if place < len(ordinals) else f"{place + 1}th"
    return f"the {ordinal} {noun}" + (f" ({layer.layer})" if layer.layer else "")
