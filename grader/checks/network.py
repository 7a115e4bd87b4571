"""The network that was executed, read from a trace: the path from input to output and the layers along it.

Nothing is judged here, and no torch is needed. What counts is what ran and led to the result; layers that were declared
and never used, and operations whose result went nowhere, are not on the path; a layer whose result changes next to
nothing is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from grader.model.evidence import Operation, Tracing


@dataclass(frozen=True)
class Network:
    """The executed operations that lead from the input to the output, in the order in which they ran.

    ``is_complete`` is False when the forward pass stopped before its end; then ``path`` holds what ran. ``is_traced``
    is False when nothing of a forward pass was seen at all. ``convs`` and ``linears`` are the weighted layers on the
    path; a convolution that covers its whole input, behind the second one, is the fully connected layer that it
    computes.
    """

    path: tuple[Operation, ...] = ()
    unused: tuple[Operation, ...] = ()
    convs: tuple[Operation, ...] = ()
    linears: tuple[Operation, ...] = ()
    is_complete: bool = False
    is_traced: bool = False

    @property
    def weighted(self) -> tuple[Operation, ...]:
        """All convolutions and fully connected layers, in order."""
        return tuple(sorted((*self.convs, *self.linears), key=lambda operation: operation.index))

    def between(self, start: Operation | None, end: Operation | None, *kinds: str) -> tuple[Operation, ...]:
        """Operations of these kinds after ``start`` and before ``end`` (None: from the input, to the output)."""
        first = -1 if start is None else start.index
        last = float("inf") if end is None else end.index
        return tuple(one for one in self.path if one.kind in kinds and first < one.index < last)

    def behind(self, layer: Operation) -> tuple[Operation, ...]:
        """The operations that the result of a weighted layer runs through before it meets the next weighted layer.

        The weighted layers that it meets are among them, in the order in which everything ran.
        """
        weighted = {one.index for one in self.weighted}
        met = {layer.index}
        found = []
        for one in self.path:
            if one.index > layer.index and not met.isdisjoint(one.inputs):
                found.append(one)
                if one.index not in weighted:
                    met.add(one.index)
        return tuple(found)


def executed_network(trace: Tracing | None) -> Network:
    """The network in a trace; an empty one when there is no trace."""
    if trace is None or not trace.operations:
        return Network(is_traced=trace is not None)
    is_complete = trace.problem is None
    ends = [trace.operations[-1].index] if trace.output is None else [trace.output]
    reached = _reached(trace.operations, ends)
    path = tuple(one for one in trace.operations if one.index in reached and one.inputs)
    unused = tuple(one for one in trace.operations if one.index not in reached)
    convs = tuple(one for one in path if one.kind == "conv" and one.matters)
    linears = tuple(one for one in path if one.kind == "linear" and one.matters)
    if len(convs) > 2 and len(linears) < 2:
        dense = tuple(one for one in convs[2:] if _is_dense(one))
        convs = tuple(one for one in convs if one not in dense)
        linears = tuple(sorted((*linears, *dense), key=lambda one: one.index))
    return Network(path, unused, convs, linears, is_complete, True)


def _reached(operations: Sequence[Operation], ends: Sequence[int]) -> set[int]:
    by_index = {one.index: one for one in operations}
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
    """Whether a convolution gives one value a filter, which makes it a fully connected layer on what it is given."""
    return len(conv.shape_out) == 4 and conv.shape_out[2:] == (1, 1)


def features(shape: Sequence[int]) -> int:
    """Values an image has in a (N, ...) shape."""
    return prod(shape[1:])


def layer_word(operation: Operation) -> str:
    """What to call an operation in a sentence: its attribute name when it has one, else the function's name."""
    if operation.layer and not operation.layer.startswith("an unregistered"):
        return operation.layer
    return operation.layer or operation.name


def size_word(shape: Sequence[int]) -> str:
    """(4, 20, 4, 4) as ``20 x 4 x 4``: the part that an image keeps, without the batch."""
    return " x ".join(str(size) for size in shape[1:]) or "1"
