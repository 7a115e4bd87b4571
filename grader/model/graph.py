"""A network as plain data: torch's own operations with their arguments, for any number of images.

A submission's process records its network once (:mod:`grader.worker.record.recording`); everything that earns marks is
judged, measured and trained on what stands here. Nothing in this module runs a network, and no torch is needed. What
an operation is and why it is allowed: :mod:`grader.model.operations`.

An argument is plain JSON: a number, text, null or a list of these, or one of four forms in a dictionary with one key::

    {"tensor": ["node", 3, 0, false]}   result 0 of node 3; the last field says that no gradient flows back from here
    {"images": [1, 0]}                  1 * N + 0 for a batch of N images
    {"word": "float32"}                 a dtype, layout or memory format of torch's, or "device" for where it runs
    {"float": "-inf"}                   a number that JSON has no word for
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grader.model.operations import OPERATIONS, OUT_OVERLOADS, Kind, is_in_place

FORMAT = 1
"""Raised whenever the meaning of a graph changes."""
MOST_NODES = 3000
"""Of one pass. The lab's network has some twenty; a loop over every pixel of an image takes 784 times a few."""
MOST_VALUES = 4096
"""Numbers in all constants and buffers of a graph that cross exactly; more is a table, not a setting."""
SAMPLE = 1024
"""Values of a weight that are told, so that others like them can be drawn; all, where there are no more."""
MOST_OWN_VALUES = 1024
"""Values of weights, in all, that a network begins with as the submission had them, as parametrizations may need."""
LARGEST_TENSOR = 250_000_000
"""Values of a weight, a buffer or a constant; the lab's own network has some 20,000 in all."""
MOST_DIMENSIONS = 8
MOST_RESULTS = 1024
"""Of one operation: ``unbind`` gives one for each image or pixel row."""
MOST_ARGUMENTS = 4096
DEEPEST_ARGUMENT = 6


class GraphRefused(Exception):
    """What was sent is not a graph that could be run. The message says why, in a tutor's words."""


@dataclass(frozen=True)
class Source:
    """Where an operation's tensor comes from: ``part`` counts the results of a node.

    ``kind`` is input, node, parameter, buffer or constant.

    ``is_cut``: gradients stop here, because of ``detach``, ``.data``, ``no_grad`` or a way around torch.
    """

    kind: str
    index: int
    part: int = 0
    is_cut: bool = False

    def packed(self) -> dict[str, Any]:
        """As an argument."""
        return {"tensor": [self.kind, self.index, self.part, self.is_cut]}


@dataclass(frozen=True)
class Node:
    """One operation that torch ran.

    ``storage`` numbers the memory that each result lies in: results with the same number share it. ``layer`` is the
    dotted name of the innermost submodule that ran it; ``owner`` is empty, or says that this module is ``unregistered``
    (no submodule of the net) or ``fresh`` (made anew in each pass). Both are for messages. ``expected`` stands at a
    repaired layer: the number of inputs that it was declared with.
    """

    op: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    storage: tuple[int, ...] = ()
    layer: str = ""
    owner: str = ""
    expected: int | None = None

    @property
    def name(self) -> str:
        """The operation without its library and overload: ``conv2d`` of ``aten.conv2d.default``."""
        return self.op.split(".")[1] if self.op.count(".") == 2 else ""

    @property
    def kind(self) -> Kind:
        """What the name alone says of it."""
        return OPERATIONS[self.name].kind

    @property
    def writes(self) -> bool:
        """Whether it changes one of its operands."""
        overload = self.op.rpartition(".")[2]
        return is_in_place(self.name) or overload in OUT_OVERLOADS or overload.endswith("_out")

    def sources(self) -> Iterator[Source]:
        """The tensors that it reads, in order."""
        yield from sources_in(self.args)
        yield from sources_in(tuple(self.kwargs.values()))


@dataclass(frozen=True)
class Program:
    """The operations of one pass, in the order in which they ran, and the one tensor that came out (None: no such)."""

    nodes: tuple[Node, ...] = ()
    output: Source | None = None


@dataclass(frozen=True)
class Weight:
    """A parameter, by its path in the net.

    ``sample`` are at most some thousand of its values, drawn at random (all, in order, of one with a single dimension),
    as base64 of little-endian float32: enough to start others that are like it, too little to carry what was learnt.
    ``is_registered``: the net's own ``parameters()`` give it. ``is_fresh``: it is made anew in each pass. ``number`` is
    its place in the recording, from which the values that are chosen for it follow; -1 for one that got none.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    is_trainable: bool = True
    is_registered: bool = True
    is_fresh: bool = False
    sample: str = ""
    number: int = -1


@dataclass(frozen=True)
class Constant:
    """A buffer, by its path, or a tensor without a name that the net brings along.

    ``values`` are base64 of its raw little-endian values, empty for one that is too large to cross. ``varies``: it was
    another one in another pass, so it is no constant but something that was computed where nobody could see it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: str = ""
    varies: bool = False

    @property
    def count(self) -> int:
        """How many numbers it holds."""
        return size_of(self.shape)


@dataclass(frozen=True)
class Aside:
    """A layer that ran in training mode and led nowhere, after ``after`` operations of the training program."""

    name: str
    kind: str
    layer: str
    after: int


@dataclass(frozen=True)
class Graph:
    """A network: what it runs in training and in evaluation mode, and what it brings along.

    ``batch`` is the only number of images that it is known for; 0 when it holds for any.
    """

    training: Program
    evaluation: Program
    weights: tuple[Weight, ...] = ()
    buffers: tuple[Constant, ...] = ()
    constants: tuple[Constant, ...] = ()
    batch: int = 0
    aside: tuple[Aside, ...] = ()
    format: int = FORMAT


def sources_in(argument: Any) -> Iterator[Source]:
    """The tensors in an argument, or in several, in order."""
    if isinstance(argument, dict):
        if "tensor" in argument:
            yield Source(*argument["tensor"])
        else:
            for item in argument.values():
                yield from sources_in(item)
    elif isinstance(argument, (list, tuple)):
        for item in argument:
            yield from sources_in(item)


def with_sources(node: Node, change: Callable[[Source], Source]) -> Node:
    """The node with each tensor that it reads replaced by what ``change`` gives for it."""
    args = tuple(_changed(argument, change) for argument in node.args)
    return replace(node, args=args, kwargs={key: _changed(value, change) for key, value in node.kwargs.items()})


def _changed(argument: Any, change: Callable[[Source], Source]) -> Any:
    if isinstance(argument, dict):
        if "tensor" in argument:
            return change(Source(*argument["tensor"])).packed()
        return {key: _changed(item, change) for key, item in argument.items()}
    if isinstance(argument, (list, tuple)):
        return [_changed(item, change) for item in argument]
    return argument


def size_of(shape: Sequence[int]) -> int:
    """The number of values in a shape."""
    size = 1
    for side in shape:
        size *= side
    return size
