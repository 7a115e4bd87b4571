"""The six structure checks: what the executed path from input to output is made of, and in which order."""

from __future__ import annotations

from grader.checks.case import Case, counted, failed, listed, passed, skipped
from grader.checks.network import Network, layer_word, size_word
from grader.model import Finding
from grader.model.evidence import Layer, Operation

NOT_SEEN = "could not be seen, because forward stops before it"


def conv(case: Case) -> Finding:
    """Exactly two convolution layers lie on the executed path."""
    network = case.network
    found = len(network.convs)
    if not network.is_complete and found <= 2 and not (found == 2 and network.linears):
        return skipped(f"The convolution layers {NOT_SEEN}.")
    return _exactly_two(case, network.convs, noun="convolution layer", type_word="Conv")


def linear(case: Case) -> Finding:
    """Exactly two fully connected layers lie on the executed path."""
    network = case.network
    if not network.is_complete and len(network.linears) <= 2:
        return skipped(f"The fully connected layers {NOT_SEEN}.")
    return _exactly_two(case, network.linears, noun="fully connected layer", type_word="Linear", example=" (nn.Linear)")


def _exactly_two(case: Case, layers: tuple[Operation, ...], *, noun: str, type_word: str, example: str = "") -> Finding:
    """The finding on a count of layers; below two, declared layers of ``type_word`` that are not used get a hint."""
    found, seen = len(layers), _listed(layers)
    if found == 2:
        return passed(f"Two {noun}s are executed.", seen=seen)
    hint = f"Give Net exactly two {noun}s{example}, and call both in forward."
    unused = [one.name for one in _declared(case, type_word) if one.name not in {op.layer for op in layers}]
    if found < 2 and unused:
        hint = (
            f"{listed(unused)} {'is' if len(unused) == 1 else 'are'} declared, but forward never uses the result: call "
            f"{'it' if len(unused) == 1 else 'them'} in forward and pass the result on."
        )
    return failed(
        f"{counted(found, noun)} {'is' if found == 1 else 'are'} executed between input and output.",
        hint,
        expected=f"2 {noun}s",
        seen=seen or "none",
    )


def dropout_conv(case: Case) -> Finding:
    """A working dropout lies after the second convolution and before the first fully connected layer."""
    network = case.network
    if not network.convs:
        return skipped("There is no executed convolution that a dropout could follow.")
    start = network.convs[1] if len(network.convs) > 1 else network.convs[0]
    end = next((one for one in network.linears if one.index > start.index), None)
    place = "between the second convolution and the first fully connected layer"
    if not network.is_complete and end is None and not _working(network.between(start, None, "dropout")):
        return skipped(f"The dropout behind the convolutions {NOT_SEEN}.")
    return _dropout(
        network, start, end, place, "after the second convolution (pooling, ReLU or flatten may stand around it)"
    )


def dropout_fc(case: Case) -> Finding:
    """A working dropout lies after the first fully connected layer and before the last one."""
    network = case.network
    if len(network.linears) < 2:
        reason = (
            NOT_SEEN if not network.is_complete else "has no place, because there is only one fully connected layer"
        )
        return skipped(f"The dropout between the fully connected layers {reason}.")
    place = "between the first and the second fully connected layer"
    return _dropout(
        network, network.linears[0], network.linears[-1], place, "after the first fully connected layer and its ReLU"
    )


def _dropout(network: Network, start: Operation, end: Operation | None, place: str, where: str) -> Finding:
    found = network.between(start, end, "dropout")
    working = _working(found)
    if working:
        return passed(f"A dropout lies {place}.", seen=_dropout_word(working[0]))
    expected = f"a dropout {place}"
    if found:
        return _idle_dropout(found[0], place, expected)
    aside = [one for one in network.unused if one.kind == "dropout" and _lies_between(one, start, end)]
    if aside:
        return failed(
            f"A dropout is called {place}, but its result is not used.",
            "Dropout gives back a new tensor: write x = F.dropout(x, training=self.training), or x = self.dropout(x).",
            expected=expected,
            seen="a dropout whose result goes nowhere",
        )
    elsewhere = network.between(None, None, "dropout")
    seen = "no dropout there" + (f"; one stands {_whereabouts(network, elsewhere[0])}" if elsewhere else "")
    return failed(f"No dropout lies {place}.", f"Apply a dropout {where}.", expected=expected, seen=seen)


def _idle_dropout(dropout: Operation, place: str, expected: str) -> Finding:
    word = layer_word(dropout)
    if dropout.probability is not None and dropout.probability >= 1:
        return failed(
            f"The dropout {place} has p=1, so it zeroes everything.",
            "Give it a probability between 0 and 1, for example p=0.5.",
            expected=expected,
            seen=f"{word} with p=1",
        )
    if dropout.is_active is False:
        return failed(
            f"The dropout {place} is switched off during training as well.",
            "Pass training=self.training, so that it works in training and rests in evaluation.",
            expected=expected,
            seen=f"{word} with training=False",
        )
    return failed(
        f"The dropout {place} has p=0, so it never drops anything.",
        "Give it a probability above 0, for example p=0.5.",
        expected=expected,
        seen=f"{word} with p=0",
    )


def relu(case: Case) -> Finding:
    """A ReLU follows each hidden weighted layer, none follows the last one, and no other activation is used."""
    network = case.network
    weighted = network.weighted
    if not weighted or (len(weighted) < 2 and not network.is_complete):
        return skipped(
            f"The activations {NOT_SEEN}."
            if not network.is_complete
            else "No layer is executed that a ReLU could follow."
        )
    missing: list[str] = []
    for layer in weighted[:-1]:
        behind = network.behind(layer)
        other = next((one for one in behind if one.kind in {"activation", "softmax"}), None)
        if other is not None and other.kind == "softmax":
            return failed(
                f"A softmax is used after {_position(network, layer)}, where only a ReLU belongs.",
                "Take the softmax out of the hidden layers: log_softmax stands at the end alone.",
                expected=f"a ReLU and no softmax after {_position(network, layer)}",
                seen="softmax",
            )
        if other is not None:
            return failed(
                f"{other.name} is used behind {_position(network, layer)}, where the lab asks for a ReLU.",
                f"Use F.relu (or nn.ReLU) instead of {other.name}.",
                expected=f"a ReLU behind {_position(network, layer)}",
                seen=other.name,
            )
        if not _all_pass_a_relu(network, behind):
            missing.append(_position(network, layer))
    if missing:
        where = listed(missing)
        return failed(
            f"No ReLU follows {where}.",
            f"Apply F.relu (or nn.ReLU) to the result of {where}, before the next layer.",
            expected=f"a ReLU behind {where}",
            seen="no activation there",
        )
    after = _activation_of_scores(case, weighted[-1]) if network.is_complete else None
    if after is not None:
        word = "A ReLU" if after.kind == "relu" else after.name
        return failed(
            f"{word} is applied to the output scores, behind {_position(network, weighted[-1])}.",
            "Leave the last layer's scores as they are: only the log-softmax follows them.",
            expected="no activation behind the last fully connected layer",
            seen=after.name,
        )
    if not network.is_complete:
        return skipped(f"The activations of the later layers {NOT_SEEN}.")
    return passed("A ReLU follows each hidden layer, and none follows the last.")


def _all_pass_a_relu(network: Network, behind: tuple[Operation, ...]) -> bool:
    """Whether each weighted layer that a result meets gets it, on some way, through a ReLU."""
    weighted = {one.index for one in network.weighted}
    rectified: set[int] = set()
    for one in behind:
        if one.index in weighted:
            if rectified.isdisjoint(one.inputs):
                return False
        elif (one.kind == "relu" and one.matters) or not rectified.isdisjoint(one.inputs):
            rectified.add(one.index)
    return True


def _activation_of_scores(case: Case, last: Operation) -> Operation | None:
    """A ReLU or other activation between the last layer and the log-softmax.

    None when there is no log-softmax: an activation that stands in its place is told where the outputs are judged.
    """
    probe = case.evidence.probe
    scores = probe.scores if probe is not None else None
    behind = case.network.behind(last)
    ends = [place for place, one in enumerate(behind) if one.kind in {"softmax", "log_softmax"}]
    if not ends and scores is not None and scores.lead is None:
        return None
    return next((one for one in behind[: ends[0] if ends else None] if one.kind in {"relu", "activation"}), None)


def order(case: Case) -> Finding:
    """Convolutions before fully connected layers, no dropout at either end, nothing weighted behind the log-softmax."""
    network = case.network
    weighted = network.weighted
    if not weighted or not network.is_complete:
        return skipped(
            f"The order of the layers {NOT_SEEN}."
            if not network.is_complete
            else "No layer is executed whose order could be judged."
        )
    if network.convs and network.linears and network.convs[-1].index > network.linears[0].index:
        return failed(
            "A convolution is executed after a fully connected layer.",
            "Run both convolutions first, flatten, and then run the fully connected layers.",
            expected="convolution, convolution, fully connected, fully connected",
            seen=", ".join(layer_word(one) for one in weighted),
        )
    early = _working(network.between(None, weighted[0], "dropout"))
    if early:
        return failed(
            "A dropout is applied to the input image, before the first layer.",
            "Take it out: dropout belongs behind the second convolution and behind the first fully connected layer.",
            expected="no dropout before the first layer",
            seen=_dropout_word(early[0]),
        )
    late = _working(network.between(weighted[-1], None, "dropout")) if network.linears else ()
    if late:
        return failed(
            "A dropout is applied behind the last layer, to the output.",
            "Take it out: it would zero scores at random. Dropout belongs behind the first fully connected layer.",
            expected="no dropout behind the last layer",
            seen=_dropout_word(late[0]),
        )
    normalised = network.between(None, weighted[-1], "log_softmax")
    if normalised:
        return failed(
            "A log-softmax is applied before the last layer.",
            "Apply log_softmax once, to the result of the last fully connected layer.",
            expected="log-softmax last",
            seen=f"log_softmax before {layer_word(weighted[-1])}",
        )
    return passed("The layers come in the order that the lab asks for.")


def _working(dropouts: tuple[Operation, ...]) -> tuple[Operation, ...]:
    return tuple(one for one in dropouts if one.drops_some)


def _lies_between(operation: Operation, start: Operation, end: Operation | None) -> bool:
    return operation.index > start.index and (end is None or operation.index < end.index)


def _declared(case: Case, type_word: str) -> list[Layer]:
    """Layers of a type that Net declares."""
    build = case.evidence.build
    layers = build.layers if build is not None else ()
    return [layer for layer in layers if type_word in layer.type]


def _listed(operations: tuple[Operation, ...]) -> str:
    return "; ".join(
        f"{layer_word(one)}: {size_word(one.shape_in)} -> {size_word(one.shape_out)}" for one in operations[:6]
    )


def _dropout_word(dropout: Operation) -> str:
    return (
        f"{layer_word(dropout)}, p={dropout.probability:.2g}"
        if dropout.probability is not None
        else layer_word(dropout)
    )


def _position(network: Network, layer: Operation) -> str:
    """``the first convolution (conv1)``: by place, with the student's own name for it."""
    group, noun = (
        (network.convs, "convolution") if layer in network.convs else (network.linears, "fully connected layer")
    )
    ordinals = ("first", "second", "third", "fourth", "fifth", "sixth")
    place = group.index(layer)
    ordinal = ordinals[place] if place < len(ordinals) else f"{place + 1}th"
    return f"the {ordinal} {noun}" + (f" ({layer.layer})" if layer.layer else "")


def _whereabouts(network: Network, operation: Operation) -> str:
    before = [one for one in network.weighted if one.index < operation.index]
    return f"behind {_position(network, before[-1])}" if before else "before the first layer"
