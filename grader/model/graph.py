"""A network as plain data: torch's own operations with their arguments, for any number of images.

A submission's process records its network once (:mod:`grader.worker.recording`); everything that earns marks is judged,
measured and trained on what stands here. Nothing in this module runs a network, and no torch is needed. What an
operation is and why it is allowed: :mod:`grader.model.operations`.

An argument is plain JSON: a number, text, null or a list of these, or one of four forms in a dictionary with one key::

    {"tensor": ["node", 3, 0, false]}   result 0 of node 3; the last field says that no gradient flows back from here
    {"images": [1, 0]}                  1 * N + 0 for a batch of N images
    {"word": "float32"}                 a dtype, layout or memory format of torch's, or "device" for where it runs
    {"float": "-inf"}                   a number that JSON has no word for
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from grader.model.operations import OPERATIONS, OUT_OVERLOADS, Kind, is_in_place, plain_name

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
SOURCES = ("input", "node", "parameter", "buffer", "constant")
"""Where a tensor may come from."""


class GraphRefused(Exception):
    """What was sent is not a graph that could be run. The message says why, in a tutor's words."""


@dataclass(frozen=True)
class Source:
    """Where an operation's tensor comes from: ``kind`` is one of SOURCES, ``part`` counts the results of a node.

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
        yield from sources_in(self.kwargs)


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


def with_sources(argument: Any, renamed: Mapping[tuple[str, int], int]) -> Any:
    """The argument with the tensors that ``renamed`` knows, by kind and index, at their new indices."""
    if isinstance(argument, dict):
        if "tensor" in argument:
            kind, index, part, is_cut = argument["tensor"]
            return {"tensor": [kind, renamed.get((kind, index), index), part, is_cut]}
        return {key: with_sources(item, renamed) for key, item in argument.items()}
    if isinstance(argument, (list, tuple)):
        return [with_sources(item, renamed) for item in argument]
    return argument


def uncut(program: Program) -> Program:
    """The program with every gradient flowing, whatever the network cuts off."""

    def joined(argument: Any) -> Any:
        if isinstance(argument, dict):
            if "tensor" in argument:
                return {"tensor": [*argument["tensor"][:3], False]}
            return {key: joined(item) for key, item in argument.items()}
        return [joined(item) for item in argument] if isinstance(argument, (list, tuple)) else argument

    nodes = tuple(
        replace(
            node,
            op="aten.alias.default" if node.op == "aten.detach.default" else node.op,
            args=tuple(joined(one) for one in node.args),
            kwargs=joined(node.kwargs),
        )
        for node in program.nodes
    )
    return Program(nodes, None if program.output is None else replace(program.output, is_cut=False))


def size_of(shape: Sequence[int]) -> int:
    """The number of values in a shape."""
    size = 1
    for side in shape:
        size *= side
    return size


# ---- what matters of a pass ------------------------------------------------------------------------------------------


def pruned(program: Program) -> tuple[Program, tuple[int, ...]]:
    """The program without what its output does not depend on, and the indices of the nodes that are left of it.

    An operation that writes into memory matters when anything that matters reads that memory: afterwards, or, for a
    buffer, in the next pass.
    """
    if program.output is None:
        return program, tuple(range(len(program.nodes)))
    nodes = program.nodes
    reads = [tuple(node.sources()) for node in nodes]
    writers: dict[int, list[int]] = {}
    buffer_writers: dict[int, list[int]] = {}
    for index, node in enumerate(nodes):
        if node.writes:
            for place in node.storage:
                writers.setdefault(place, []).append(index)
            for source in reads[index]:
                if source.kind == "buffer":
                    buffer_writers.setdefault(source.index, []).append(index)
    wanted: set[int] = set()
    waiting = [program.output.index] if program.output.kind == "node" else []
    while waiting:
        index = waiting.pop()
        if index in wanted:
            continue
        wanted.add(index)
        places = set(nodes[index].storage)
        for source in reads[index]:
            if source.kind == "node":
                waiting.append(source.index)
                places.update(nodes[source.index].storage)
            elif source.kind == "buffer":
                waiting.extend(buffer_writers.pop(source.index, ()))
        for place in places:
            waiting.extend(writers.pop(place, ()))
    order = {("node", old): new for new, old in enumerate(sorted(wanted))}
    output = replace(program.output, index=order.get((program.output.kind, program.output.index), program.output.index))
    return Program(tuple(_renamed(nodes[old], order) for _, old in order), output), tuple(old for _, old in order)


def _renamed(node: Node, renamed: Mapping[tuple[str, int], int]) -> Node:
    args = tuple(with_sources(one, renamed) for one in node.args)
    return replace(node, args=args, kwargs=with_sources(node.kwargs, renamed))


def generalised(passes: Mapping[int, Program]) -> Program | None:
    """One program for any number of images, from pruned ones by number; None when they differ in more than sizes.

    Numbers that grow with the batch become ``{"images": [factor, offset]}``.
    """
    sizes = sorted(passes, reverse=True)
    if len(sizes) < 2:
        return None
    first, others = passes[sizes[0]], [passes[size] for size in sizes[1:]]
    if any(len(one.nodes) != len(first.nodes) or one.output != first.output for one in others):
        return None
    nodes = []
    try:
        for index, node in enumerate(first.nodes):
            same = [one.nodes[index] for one in others]
            if any(one.op != node.op for one in same):
                return None
            args = _merged([list(one.args) for one in (node, *same)], sizes)
            kwargs = _merged([one.kwargs for one in (node, *same)], sizes)
            nodes.append(replace(node, args=tuple(args), kwargs=kwargs))
    except _Differs:
        return None
    return Program(tuple(nodes), first.output)


class _Differs(Exception):
    pass


def _merged(values: Sequence[Any], sizes: Sequence[int]) -> Any:
    first = values[0]
    if any(type(one) is not type(first) for one in values):
        raise _Differs
    if isinstance(first, dict):
        if any(one.keys() != first.keys() for one in values):
            raise _Differs
        return {key: _merged([one[key] for one in values], sizes) for key in first}
    if isinstance(first, list):
        if any(len(one) != len(first) for one in values):
            raise _Differs
        return [_merged(list(items), sizes) for items in zip(*values, strict=True)]
    if all(one == first for one in values):
        return first
    if isinstance(first, int) and not isinstance(first, bool):
        factor, rest = divmod(first - values[-1], sizes[0] - sizes[-1])
        offset = first - factor * sizes[0]
        if factor and not rest and all(one == factor * size + offset for one, size in zip(values, sizes, strict=True)):
            return {"images": [factor, offset]}
    raise _Differs


def gathered(
    programs: Sequence[Program],
    weights: Sequence[Weight],
    buffers: Sequence[Constant],
    constants: Sequence[Constant],
    *,
    batch: int,
) -> Graph:
    """The graph of a training and an evaluation program, with what they use of the rest, numbered by first use."""
    found: dict[str, dict[int, None]] = {"parameter": {}, "buffer": {}, "constant": {}}
    for program in programs:
        for node in program.nodes:
            for source in node.sources():
                if source.kind in found:
                    found[source.kind].setdefault(source.index)
    renamed = {(kind, old): new for kind, used in found.items() for new, old in enumerate(used)}
    training, evaluation = (
        Program(tuple(_renamed(node, renamed) for node in one.nodes), one.output) for one in programs
    )
    return Graph(
        training,
        evaluation,
        tuple(weights[index] for index in found["parameter"]),
        tuple(buffers[index] for index in found["buffer"]),
        tuple(constants[index] for index in found["constant"]),
        batch,
    )


def layer_bounds(graph: Graph) -> dict[int, float]:
    """By weight that a convolution or a fully connected layer is given as it is: the bound within which it begins.

    Uniform within 1 / sqrt(inputs), as ``torch.nn.Linear.reset_parameters`` has it, for weights and for biases.
    """
    bounds: dict[int, float] = {}
    for program in (graph.training, graph.evaluation):
        for node in program.nodes:
            is_layer = node.kind is Kind.CONV or node.name == "linear"
            operands = [one["tensor"] for one in node.args[:3] if isinstance(one, dict) and "tensor" in one]
            if not is_layer or len(operands) < 2 or operands[1][0] != "parameter":
                continue
            bound = max(size_of(graph.weights[operands[1][1]].shape[1:]), 1) ** -0.5
            for kind, index, *_ in operands[1:3]:
                if kind == "parameter":
                    bounds.setdefault(index, bound)
    return bounds


def own_weights(graph: Graph) -> tuple[frozenset[int], frozenset[int]]:
    """Of the weights that no layer is given as they are (those of a parametrization, say): those whose own first values
    are few enough to begin with, and those that begin with values drawn from a sample.
    """
    layers = layer_bounds(graph)
    kept: set[int] = set()
    room = MOST_OWN_VALUES
    others = [index for index in range(len(graph.weights)) if index not in layers and graph.weights[index].sample]
    for index in others:
        count = size_of(graph.weights[index].shape)
        if count <= min(room, SAMPLE):
            kept.add(index)
            room -= count
    return frozenset(kept), frozenset(others) - kept


def without_samples(graph: Graph) -> Graph:
    """The graph as it is stored: a layer's weights begin by their shape alone, so their samples can go."""
    layers = layer_bounds(graph)
    weights = (replace(one, sample="") if index in layers else one for index, one in enumerate(graph.weights))
    return replace(graph, weights=tuple(weights))


# ---- checking --------------------------------------------------------------------------------------------------------


def check_graph(graph: Graph) -> None:
    """Raise GraphRefused unless every part of the graph is known, within limits, and refers to what was there before.

    What this cannot tell, whether an operation takes such arguments and how large its results are, is found out on
    torch's meta device before anything runs (:mod:`grader.measure.replay`).
    """
    if graph.format != FORMAT:
        raise GraphRefused(f"it is a graph of format {graph.format}, not {FORMAT}")
    check_tensors(graph.weights, graph.buffers, graph.constants)
    held = (*graph.buffers, *graph.constants)
    if sum(one.count for one in held if one.values) > MOST_VALUES:
        raise GraphRefused(f"it brings along more than {MOST_VALUES:,} numbers")
    for program in (graph.training, graph.evaluation):
        check_program(program, graph.weights, graph.buffers, graph.constants)
        for node in program.nodes:
            if node.op.split(".")[0] != "aten" or node.name not in OPERATIONS:
                raise GraphRefused(f"it runs {node.op[:60]}, which is not among the operations of a network")


def check_tensors(weights: Sequence[Weight], buffers: Sequence[Constant], constants: Sequence[Constant]) -> None:
    """Raise GraphRefused for a tensor of a shape that none can have, or too large."""
    for shape in [*(one.shape for one in weights), *(one.shape for one in (*buffers, *constants))]:
        if len(shape) > MOST_DIMENSIONS or any(side < 0 for side in shape):
            raise GraphRefused("a tensor has no shape that a tensor can have")
        if size_of(shape) > LARGEST_TENSOR:
            raise GraphRefused("a weight, or what it brings along, is too large")


def check_program(
    program: Program, weights: Sequence[Weight], buffers: Sequence[Constant], constants: Sequence[Constant]
) -> None:
    """Raise GraphRefused unless the program has the form that is given at the top, whatever its operations are."""
    if len(program.nodes) > MOST_NODES:
        raise GraphRefused(f"one pass runs more than {MOST_NODES:,} operations")
    counts = {"parameter": len(weights), "buffer": len(buffers), "constant": len(constants)}
    for index, node in enumerate(program.nodes):
        if _check_argument(list(node.args)) + _check_argument(node.kwargs) > MOST_ARGUMENTS:
            raise GraphRefused(f"{node.name} has too many arguments")
        if len(node.storage) > MOST_RESULTS:
            raise GraphRefused(f"{node.name} gives too many results")
        for source in node.sources():
            _check_source(source, index, program, counts)
    if program.output is not None:
        _check_source(program.output, len(program.nodes), program, counts)


def _check_source(source: Source, before: int, program: Program, counts: Mapping[str, int]) -> None:
    known = {"input": 1, "node": before, **counts}
    if source.kind not in known or not 0 <= source.index < known[source.kind]:
        raise GraphRefused("an operation reads what was not there before it")
    if source.kind == "node" and not 0 <= source.part < max(len(program.nodes[source.index].storage), 1):
        raise GraphRefused("an operation reads a result that its source does not have")


_FORMS: Mapping[str, list[type]] = {"tensor": [str, int, int, bool], "images": [int, int]}


def _check_argument(value: Any, depth: int = 0) -> int:
    """The number of plain values in an argument; raises GraphRefused for what is none of the forms above."""
    if depth > DEEPEST_ARGUMENT:
        raise GraphRefused("an argument is nested too deeply")
    if isinstance(value, list):
        return sum(_check_argument(one, depth + 1) for one in value)
    if not isinstance(value, dict):
        if value is not None and not isinstance(value, (bool, int, float, str)):
            raise GraphRefused("an argument is of no known form")
        return 1
    if depth == 0:
        return sum(_check_argument(one, 1) for one in value.values())
    if len(value) != 1:
        raise GraphRefused("an argument is of no known form")
    ((form, content),) = value.items()
    if form in {"word", "float"}:
        is_known = isinstance(content, str)
    else:
        is_known = isinstance(content, list) and [type(one) for one in content] == _FORMS.get(form)
    if not is_known:
        raise GraphRefused("an argument is of no known form")
    return 1


# ---- equality --------------------------------------------------------------------------------------------------------


def digest(graph: Graph) -> str:
    """SHA-256 of what the network computes: names, and writing in place where that changes nothing, aside.

    Two graphs with the same digest learn alike under the same plan and seed.
    """
    layers = layer_bounds(graph)
    parts = [
        [_canonical(program) for program in (graph.training, graph.evaluation)],
        [
            [one.shape, one.dtype, one.is_trainable, one.is_registered, "" if index in layers else one.sample]
            for index, one in enumerate(graph.weights)
        ],
        [[one.shape, one.dtype, one.values] for one in (*graph.buffers, *graph.constants)],
        graph.batch,
        FORMAT,
    ]
    return hashlib.sha256(json.dumps(parts, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _canonical(program: Program) -> list[Any]:
    shared = _shared_writes(program)
    nodes = []
    for index, node in enumerate(program.nodes):
        library, name, overload = node.op.split(".")
        name = name if index in shared else plain_name(name)
        nodes.append([library, name, overload, node.args, node.kwargs])
    return [nodes, None if program.output is None else program.output.packed()]


def _shared_writes(program: Program) -> frozenset[int]:
    """The nodes that write into memory which is read later by another name, so that it matters that they do."""
    last_read: dict[int, int] = {}
    for index, node in enumerate(program.nodes):
        for source in node.sources():
            if source.kind == "node":
                last_read[source.index] = index
    if program.output is not None and program.output.kind == "node":
        last_read[program.output.index] = len(program.nodes)
    shared: set[int] = set()
    last_read_at: dict[int, int] = {}
    """By memory: when a result that lies there, of any node so far, is read last."""
    for index, node in enumerate(program.nodes):
        if node.writes:
            first = next(node.sources(), None)
            is_of_a_node = first is not None and first.kind == "node"
            if not is_of_a_node or any(last_read_at.get(place, -1) > index for place in node.storage):
                shared.add(index)
        for place in node.storage:
            last_read_at[place] = max(last_read_at.get(place, -1), last_read.get(index, -1))
    return frozenset(shared)
