"""Five structure checks: which layers are on the executed path from input to output, and in which order."""

from __future__ import annotations

from dataclasses import replace

from grader.checks.case import NOT_SEEN, Case, failed, listed, passed, skipped
from grader.checks.executed_network import ExecutedNetwork, layer_word, position, size_word
from grader.model import Finding
from grader.model.evidence import Layer, Operation
from grader.model.graph import Graph
from grader.model.operations import Kind
from grader.model.quantities import quantity
from grader.model.repair_kinds import DROPOUT


def conv(case: Case) -> Finding:
    """Exactly two convolution layers are on the executed path."""
    network = case.network
    found = len(network.convs)
    if not network.is_complete and found <= 2 and not (found == 2 and network.linears):
        return skipped("forward.shape", NOT_SEEN)
    return _exactly_two(case, network.convs, noun="convolution layer", type_word="Conv")


def linear(case: Case) -> Finding:
    """Exactly two fully connected layers are on the executed path."""
    network = case.network
    if not network.is_complete and len(network.linears) <= 2:
        return skipped("forward.shape", NOT_SEEN)
    return _exactly_two(case, network.linears, noun="fully connected layer", type_word="Linear", example=" (nn.Linear)")


def _exactly_two(case: Case, layers: tuple[Operation, ...], *, noun: str, type_word: str, example: str = "") -> Finding:
    """The finding on the number of layers. If there are too few, the hint names unused layers of type ``type_word``."""
    found, seen = len(layers), _listed(layers)
    if found == 2:
        return passed(f"forward uses two {noun}s.", seen=seen)
    hint = f"Give Net exactly two {noun}s{example}, and call both in forward."
    unused = [layer.name for layer in _declared(case, type_word) if layer.name not in {step.layer for step in layers}]
    if found < 2 and unused:
        hint = (
            f"__init__ creates {listed(unused)}, but forward does not use the result: call "
            f"{'it' if len(unused) == 1 else 'them'} in forward, and pass the result on to the next layer."
        )
    return failed(
        f"forward uses {quantity(found, noun) if found else f'no {noun}'} between input and output.",
        hint,
        expected=f"2 {noun}s",
        seen=seen or "none",
        fault="too-many-layers" if found > 2 else "",
    )


def dropout_conv(case: Case) -> Finding:
    """A dropout that has an effect is between the second convolution and the first fully connected layer."""
    network = case.network
    if not network.convs:
        return skipped("structure.conv", "Not checked, because forward uses no convolution layer.")
    start = network.convs[1] if len(network.convs) > 1 else network.convs[0]
    end = next((layer for layer in network.linears if layer.index > start.index), None)
    place = "between the second convolution and the first fully connected layer"
    if not network.is_complete and end is None and not _working(network.between(start, None, "dropout")):
        return skipped("forward.shape", NOT_SEEN)
    return _dropout(case, start, end, place, "after the second convolution (before or after pooling, ReLU or flatten)")


def dropout_fc(case: Case) -> Finding:
    """A dropout that has an effect is between the first and the last fully connected layer."""
    network = case.network
    if len(network.linears) < 2:
        if not network.is_complete:
            return skipped("forward.shape", NOT_SEEN)
        return skipped("structure.linear", "Not checked, because there are fewer than two fully connected layers.")
    place = "between the first and the second fully connected layer"
    return _dropout(
        case, network.linears[0], network.linears[-1], place, "after the first fully connected layer and its ReLU"
    )


def _dropout(case: Case, start: Operation, end: Operation | None, place: str, where: str) -> Finding:
    network = case.network
    found = network.between(start, end, "dropout")
    working = _working(found)
    if working:
        return passed(f"A dropout is applied {place}.", seen=_dropout_word(working[0]))
    expected = f"a dropout {place}"
    if found:
        finding = _dropout_without_effect(case, found[0], place, expected)
        return replace(finding, message=finding.message + case.assumed(DROPOUT), fault="dropout-share")
    unused = [step for step in network.unused if step.kind == "dropout" and _is_between(step, start, end)]
    if unused:
        return failed(
            f"A dropout is called {place}, but its result is not used.",
            "Dropout returns a new tensor: write x = F.dropout(x, training=self.training), or x = self.dropout(x).",
            expected=expected,
            seen="a dropout whose result is not used",
            fault="unused-result",
        )
    elsewhere = network.between(None, None, "dropout")
    seen = "no dropout there" + (f", but a dropout {_whereabouts(network, elsewhere[0])}" if elsewhere else "")
    return failed(f"There is no dropout {place}.", f"Apply a dropout {where}.", expected=expected, seen=seen)


def _dropout_without_effect(case: Case, dropout: Operation, place: str, expected: str) -> Finding:
    word = layer_word(dropout)
    if dropout.drops_everything and not dropout.layer and _is_mode_as_share(case.evidence.graph):
        return failed(
            f"The dropout {place} gets self.training as p, the share that is dropped: 1 in training mode.",
            f"The second argument of F.{word} is p: write F.{word}(x, training=self.training).",
            expected=expected,
            seen=f"{word} with p=1 in training mode, and p=0 in evaluation mode",
        )
    if dropout.probability is not None and dropout.probability >= 1:
        return failed(
            f"The dropout {place} has p=1, so it sets every value to zero.",
            "Give it a probability between 0 and 1, for example p=0.5."
            if dropout.layer
            else f"The second argument of F.{word} is p: write F.{word}(x, p=0.5, training=self.training).",
            expected=expected,
            seen=f"{word} with p=1",
        )
    if dropout.is_active is False:
        return failed(
            f"The dropout {place} is off in training mode too.",
            "Pass training=self.training, so that dropout is on in training mode and off in evaluation mode.",
            expected=expected,
            seen=f"{word} with training=False",
        )
    return failed(
        f"The dropout {place} has p=0, so it has no effect.",
        "Give it a probability above 0, for example p=0.5, with a decimal point: nn.Dropout(0, 5) has p=0.",
        expected=expected,
        seen=f"{word} with p=0",
    )


def _is_mode_as_share(graph: Graph | None) -> bool:
    """Whether a dropout has p=1 in training mode and p=0 in evaluation mode, as in ``F.dropout(x, self.training)``."""
    programs = (graph.training, graph.evaluation) if graph is not None else ()
    shares = [
        [node.args[1] for node in found.nodes if node.kind is Kind.DROPOUT and len(node.args) > 1] for found in programs
    ]
    return (1, 0) in zip(*shares, strict=False) if shares else False


def order(case: Case) -> Finding:
    """Convolutions come before fully connected layers, no dropout at either end, no layer after the log-softmax."""
    network = case.network
    weighted = network.weighted
    if not weighted or not network.is_complete:
        if not network.is_complete:
            return skipped("forward.shape", NOT_SEEN)
        return skipped("structure.conv", "Not checked, because forward uses no layer.")
    if network.convs and network.linears and network.convs[-1].index > network.linears[0].index:
        return failed(
            "forward applies a convolution after a fully connected layer.",
            "Apply both convolutions first, then flatten, then apply the fully connected layers.",
            expected="convolution, convolution, fully connected, fully connected",
            seen=", ".join(layer_word(layer) for layer in weighted),
        )
    early = _working(network.between(None, weighted[0], "dropout"))
    if early:
        return failed(
            "forward applies dropout to the input image, before the first layer.",
            "Remove it: dropout belongs after the second convolution and after the first fully connected layer.",
            expected="no dropout before the first layer",
            seen=_dropout_word(early[0]),
        )
    late = () if network.ends_early else _working(network.between(weighted[-1], None, "dropout"))
    if late:
        return failed(
            "forward applies dropout to the output, after the last layer.",
            "Remove it, because it sets scores to zero at random.",
            expected="no dropout after the last layer",
            seen=_dropout_word(late[0]),
        )
    normalised = network.between(None, weighted[-1], "log_softmax")
    if normalised:
        return failed(
            "forward applies log-softmax before the last layer.",
            "Apply log_softmax once, to the output of the last fully connected layer.",
            expected="log-softmax last",
            seen=f"log_softmax before {layer_word(weighted[-1])}",
        )
    return passed("The layers are in the order that the lab asks for.")


def _working(dropouts: tuple[Operation, ...]) -> tuple[Operation, ...]:
    return tuple(dropout for dropout in dropouts if dropout.drops_some)


def _is_between(operation: Operation, start: Operation, end: Operation | None) -> bool:
    return operation.index > start.index and (end is None or operation.index < end.index)


def _declared(case: Case, type_word: str) -> list[Layer]:
    """Layers that Net() has whose type contains ``type_word``."""
    build = case.evidence.build
    layers = build.layers if build is not None else ()
    return [layer for layer in layers if type_word in layer.type]


def _listed(operations: tuple[Operation, ...]) -> str:
    return "; ".join(
        f"{layer_word(step)}: {size_word(step.shape_in)} -> {size_word(step.shape_out)}" for step in operations[:6]
    )


def _dropout_word(dropout: Operation) -> str:
    return (
        f"{layer_word(dropout)}, p={dropout.probability:.2g}"
        if dropout.probability is not None
        else layer_word(dropout)
    )


def _whereabouts(network: ExecutedNetwork, operation: Operation) -> str:
    before = [layer for layer in network.weighted if layer.index < operation.index]
    return f"after {position(network, before[-1])}" if before else "before the first layer"
