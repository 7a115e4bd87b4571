"""The graph of a network as plain data: torch operations with their arguments, for any batch size.

A submission's process records its network once (:mod:`grader.worker.record.recording`). Everything that earns marks is
then measured, trained and checked on this graph. This module does not run networks and does not need torch.
:mod:`grader.model.operations` lists the allowed operations.

An argument is plain JSON: a number, text, null or a list of these, or one of four forms in a dictionary with one key::

    {"tensor": ["node", 3, 0, false]}   result 0 of node 3; the last field says that no gradient flows back from here
    {"images": [1, 0]}                  1 * N + 0 for a batch of N images
    {"word": "float32"}                 a torch dtype, layout or memory format, or "device" for the current device
    {"float": "-inf"}                   a number that JSON cannot represent
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grader.model.operations import OPERATIONS, OUT_OVERLOADS, Kind, is_in_place

FORMAT = 1
"""Increased whenever the meaning of a graph changes."""
MOST_NODES = 3000
"""Limit for one pass. The lab's network has about 20 nodes; a loop over all pixels has a few times 784."""
MOST_VALUES = 4096
"""Limit for the values in all constants and buffers of a graph; more values are a table, not a setting."""
SAMPLE = 1024
"""Limit for the values of a weight that are sent, so that similar ones can be drawn; small weights are sent in full."""
MOST_OWN_VALUES = 1024
"""Limit for all values of weights that a network starts with unchanged, as parametrizations may need them."""
LARGEST_TENSOR = 250_000_000
"""Limit for the values of one weight, buffer or constant; the lab's network has about 20,000 values in total."""
MOST_DIMENSIONS = 8
MOST_RESULTS = 1024
"""Limit for one operation: ``unbind`` gives one result per image or pixel row."""
MOST_ARGUMENTS = 4096
DEEPEST_ARGUMENT = 6


class GraphRefused(Exception):
    """The received data is not a graph that can be run. The message gives the reason for a tutor."""


@dataclass(frozen=True)
class Source:
    """The source of a tensor that an operation reads; ``part`` is the number of the result of a node.

    ``kind`` is input, node, parameter, buffer or constant.

    ``is_cut``: no gradient flows back, because of ``detach``, ``.data``, ``no_grad`` or code outside torch.
    """

    kind: str
    index: int
    part: int = 0
    is_cut: bool = False

    def packed(self) -> dict[str, Any]:
        """The source in the form of an argument."""
        return {"tensor": [self.kind, self.index, self.part, self.is_cut]}


@dataclass(frozen=True)
class Node:
    """One operation that torch ran.

    ``storage`` has a number for the memory of each result: results with the same number share memory. ``layer`` is the
    dotted name of the innermost submodule that ran the operation. ``owner`` is empty, ``unregistered`` (that module is
    not a submodule of the net) or ``fresh`` (it is created in each pass). Both are for messages. ``expected`` is set
    for a repaired layer: the number of inputs that it was declared with.
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
        """The kind according to the name."""
        return OPERATIONS[self.name].kind

    @property
    def writes(self) -> bool:
        """Whether the operation changes one of its operands."""
        overload = self.op.rpartition(".")[2]
        return is_in_place(self.name) or overload in OUT_OVERLOADS or overload.endswith("_out")

    def sources(self) -> Iterator[Source]:
        """The sources of the tensors that the operation reads, in order."""
        yield from sources_in(self.args)
        yield from sources_in(tuple(self.kwargs.values()))


@dataclass(frozen=True)
class Program:
    """The operations of one pass in the order in which they ran, and its output (None if there is no output tensor)."""

    nodes: tuple[Node, ...] = ()
    output: Source | None = None


@dataclass(frozen=True)
class Weight:
    """A parameter, by its path in the net.

    ``sample`` contains at most SAMPLE of its values, drawn at random (or all values in order, if there are not more),
    as base64 of little-endian float32. This is enough to draw similar values, but too little to store what was learnt.
    ``is_registered``: the net's ``parameters()`` contain it. ``is_fresh``: it is created in each pass. ``number`` is
    its position in the recording, which determines the values that the grader chooses for it; -1 if it has none.
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
    """A buffer, by its path, or an unnamed tensor that the net reads.

    ``values`` are its raw little-endian values as base64, empty if it is too large to be sent. ``varies``: it had other
    values in another pass, so it is not constant; code that the recorder cannot see has computed it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    values: str = ""
    varies: bool = False

    @property
    def count(self) -> int:
        """The number of its values."""
        return size_of(self.shape)


@dataclass(frozen=True)
class Aside:
    """A layer that ran in training mode without effect on the output, after ``after`` nodes of the training program."""

    name: str
    kind: str
    layer: str
    after: int


@dataclass(frozen=True)
class Graph:
    """A network: its programs in training and in evaluation mode, its weights, buffers and constants.

    ``batch`` is the only batch size for which the graph is known; 0 if it works for any batch size.
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
    """The sources in one or several arguments, in order."""
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
    """A copy of the node with ``change`` applied to each source that it reads."""
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
