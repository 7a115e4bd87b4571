"""Build the graph from a recording: one program per mode, for any batch size if the passes allow it.

If the passes do not all show the same network, the result has a doubt.
"""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grader.model.evidence import ALL_CHECKS, Doubt, RecordedPass, Recording
from grader.model.graph import (
    MOST_DIMENSIONS,
    MOST_NODES,
    Aside,
    Constant,
    Graph,
    GraphRefused,
    Node,
    Program,
    Source,
    Weight,
    size_of,
    with_sources,
)
from grader.model.graph_validation import validate_graph, validate_program, validate_tensors
from grader.model.operations import OPERATIONS, Kind, plain_name
from grader.model.pruning import gathered, generalised, pruned
from grader.model.weights import own_weights

USUAL_BATCH = 64
MOST_PASSES = 40
SAME_IN_BOTH_MODES = frozenset({
    Kind.CONV, Kind.PRODUCT, Kind.RELU, Kind.ACTIVATION, Kind.POOL, Kind.NORM, Kind.SOFTMAX, Kind.LOG_SOFTMAX,
})  # fmt: skip
"""Kinds of operation that must be the same in both modes; dropout, and arithmetic on random masks, need not."""
FROM_CHANCES = frozenset({"bernoulli", "normal", "multinomial"})
"""Random operations that have their probabilities as an operand."""


@dataclass(frozen=True)
class Recorded:
    """The graph of a recording (None if no pass ran an operation), and doubts that it shows all of the program."""

    graph: Graph | None
    doubts: tuple[Doubt, ...] = ()


def graph_of(recording: Recording) -> Recorded:
    """Build the graph of a recording. Raises GraphRefused if it could not be run."""
    validate_tensors(recording.weights, recording.buffers, recording.constants)
    if len(recording.passes) > MOST_PASSES:
        raise GraphRefused(f"it was recorded in more than {MOST_PASSES} passes")
    for recorded in recording.passes:
        if len(recorded.shape) > MOST_DIMENSIONS:
            raise GraphRefused("its result has no valid shape")
        if recorded.problem is not None and recorded.problem.kind == "too-many-operations":
            raise GraphRefused(f"one pass runs more than {MOST_NODES:,} operations")
        validate_program(recorded.program, recording.weights, recording.buffers, recording.constants)
    training, after = _programs(recording.passes, "train", is_whole=False)
    evaluation, _ = _programs(recording.passes, "eval", is_whole=True)
    doubts = list(_passes(recording))
    batch = 0
    programs: list[Program] = []
    for mode, found in (("training", training), ("evaluation", evaluation)):
        program = generalised(found)
        if program is None and found:
            batch = batch or (USUAL_BATCH if USUAL_BATCH in found else max(found))
            program = found.get(batch, Program())
            if len(found) > 1:
                message = f"In {mode} mode, the network does not run the same operations in each pass."
                doubts.append(Doubt("passes-differ", ALL_CHECKS, message))
            if program.output is None and mode == "evaluation":
                raise GraphRefused("no batch size works in both modes")
        programs.append(program or Program())
    if not any(recorded.program.nodes for recorded in recording.passes):
        return Recorded(None)
    programs, weights = _weights_in_constants(programs, recording.weights, recording.constants)
    graph = gathered(programs, weights, recording.buffers, recording.constants, batch=batch)
    graph = replace(graph, aside=_aside(after))
    validate_graph(graph)
    return Recorded(graph, (*doubts, *_constants(graph), *_modes(graph)))


def _programs(
    passes: Sequence[RecordedPass], mode: str, *, is_whole: bool
) -> tuple[dict[int, Program], tuple[RecordedPass, tuple[int, ...]] | None]:
    """The pruned programs of a mode by batch size; also the first of these passes, with the nodes that it keeps.

    If no pass was complete, the repaired pass or the longest pass is used, unless ``is_whole`` demands a complete one.
    """
    mine = [recorded for recorded in passes if recorded.mode == mode]
    whole = [
        recorded
        for recorded in mine
        if recorded.problem is None and not recorded.is_repaired and recorded.program.output is not None
    ]
    if not whole and not is_whole:
        ended = [recorded for recorded in mine if recorded.is_repaired and recorded.problem is None]
        furthest = sorted(mine, key=lambda recorded: len(recorded.program.nodes))
        whole = (ended or furthest)[-1:]
    found = {recorded.batch: pruned(recorded.program) for recorded in whole if recorded.program.nodes}
    if not found:
        return {}, None
    first = next(recorded for recorded in whole if recorded.program.nodes)
    return {batch: program for batch, (program, _) in found.items()}, (first, found[first.batch][1])


_ASIDE_KINDS = {Kind.CONV: "conv", Kind.PRODUCT: "linear", Kind.DROPOUT: "dropout", Kind.RELU: "relu"}
MOST_ASIDE = 40


def _aside(kept: tuple[RecordedPass, tuple[int, ...]] | None) -> tuple[Aside, ...]:
    """Convolutions, products, dropouts and ReLUs that ran but whose results are not used."""
    if kept is None:
        return ()
    nodes, left = kept[0].program.nodes, set(kept[1])
    depends = data_dependent(nodes)
    found: list[Aside] = []
    for index, node in enumerate(nodes):
        kind = OPERATIONS[node.name].kind if node.name in OPERATIONS else Kind.ARITHMETIC
        if index not in left and depends[index] and kind in _ASIDE_KINDS:
            found.append(Aside(node.name, _ASIDE_KINDS[kind], node.layer, bisect(kept[1], index)))
        if len(found) == MOST_ASIDE:
            break
    return tuple(found)


def data_dependent(nodes: Sequence[Node]) -> list[bool]:
    """For each node, whether its values depend on the images; a mask that only has their shape does not."""
    depends: list[bool] = []
    for node in nodes:
        is_made_anew = node.name in OPERATIONS and (
            node.kind is Kind.CREATE or (node.kind is Kind.RANDOM and node.name not in FROM_CHANCES)
        )
        reads = any(
            source.kind == "input" or (source.kind == "node" and depends[source.index]) for source in node.sources()
        )
        depends.append(reads and not is_made_anew)
    return depends


def _weights_in_constants(
    programs: Sequence[Program], weights: Sequence[Weight], constants: Sequence[Constant]
) -> tuple[list[Program], tuple[Weight, ...]]:
    """The programs and weights; constants that are used only as a layer's weight become weights."""
    uses: dict[int, list[bool]] = {}
    for program in programs:
        for node in program.nodes:
            is_product = node.name in OPERATIONS and node.kind in {Kind.CONV, Kind.PRODUCT}
            for source in node.sources():
                if source.kind == "constant":
                    uses.setdefault(source.index, []).append(is_product)
    used = [index for index, products in uses.items() if all(products) and len(constants[index].shape) > 1]
    moved = {
        index: len(weights) + at for at, index in enumerate(index for index in used if not constants[index].varies)
    }

    def as_weight(source: Source) -> Source:
        if source.kind != "constant" or source.index not in moved:
            return source
        return replace(source, kind="parameter", index=moved[source.index])

    made = (
        Weight("", constants[index].shape, constants[index].dtype, is_trainable=False, is_registered=False)
        for index in moved
    )
    nodes = [tuple(with_sources(node, as_weight) for node in program.nodes) for program in programs]
    changed = [Program(kept, program.output) for kept, program in zip(nodes, programs, strict=True)]
    return changed, (*weights, *made)


def _passes(recording: Recording) -> Iterator[Doubt]:
    """Doubts if complete passes return different types, or if values change without an operation."""
    ended = [recorded for recorded in recording.passes if recorded.problem is None and not recorded.is_repaired]
    if len({(recorded.returned, len(recorded.shape)) for recorded in ended if recorded.batch > 1}) > 1:
        yield Doubt("passes-differ", ALL_CHECKS, "forward does not return the same kind of result in each pass.")
    missing = [repair.layer for repair in recording.repairs if repair.kind == "missing-layer"]
    if len(missing) > 1:
        message = f"forward uses layers that Net never creates ({', '.join(missing[:4])}); others took their place."
        yield Doubt("missing-layers", ALL_CHECKS, message)
    if any(remark.id == "changed-unseen" for remark in recording.remarks):
        message = "Values change between two operations, but no recorded operation changes them."
        yield Doubt("unseen-values", ALL_CHECKS, message)


def _constants(graph: Graph) -> Iterator[Doubt]:
    """Doubts if constants are large or not the same in each pass."""
    for constant in graph.constants:
        if constant.varies:
            message = "It uses values from outside the recorded operations: from another library or another thread."
            yield Doubt("unseen-values", ALL_CHECKS, message)
            return
    large = [tensor for tensor in (*graph.constants, *graph.buffers) if not tensor.values and tensor.count]
    if large:
        count = sum(tensor.count for tensor in large)
        yield Doubt("large-constants", ALL_CHECKS, f"It contains a table of {count:,} numbers that are not weights.")


def _modes(graph: Graph) -> Iterator[Doubt]:
    """A doubt if the two modes do not run the same layers on the images."""
    if not graph.training.output or not graph.evaluation.output:
        return
    first, second = (_route(graph, program) for program in (graph.training, graph.evaluation))
    if first != second:
        alike = next((at for at, pair in enumerate(zip(first, second, strict=False)) if pair[0] != pair[1]), None)
        at = min(len(first), len(second)) if alike is None else alike
        what = f"{_words(first[at:])} against {_words(second[at:])}"
        yield Doubt("modes-differ", ALL_CHECKS, f"Training and evaluation mode run different layers: {what}.")


def _route(graph: Graph, program: Program) -> list[tuple[str, tuple[str, ...]]]:
    """The operations on the images that must be the same in both modes, each with the names of the weights it reads."""
    depends = data_dependent(program.nodes)
    weights_of: list[frozenset[str]] = []
    route = []
    for node, is_data in zip(program.nodes, depends, strict=True):
        names: frozenset[str] = frozenset()
        for source in node.sources():
            if source.kind == "parameter":
                names |= {graph.weights[source.index].name or str(source.index)}
            elif source.kind == "node" and not depends[source.index]:
                names |= weights_of[source.index]
        weights_of.append(names)
        if is_data and node.kind in SAME_IN_BOTH_MODES:
            route.append((plain_name(node.name), tuple(sorted(names))))
    return route


def _words(route: list[tuple[str, tuple[str, ...]]]) -> str:
    words = [name if not names else f"{name} {names[0].rpartition('.')[0] or names[0]}" for name, names in route]
    return ", ".join(words[:4]) + (", ..." if len(words) > 4 else "") if words else "no more layers"


def brought_along(graph: Graph) -> int:
    """The number of values that the network has before training: constants, buffers and weights that stay unchanged."""
    kept, _ = own_weights(graph)
    held = [tensor.shape for tensor in (*graph.constants, *graph.buffers)]
    return sum(map(size_of, [*held, *(graph.weights[index].shape for index in kept)]))
