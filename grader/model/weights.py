"""How the weights of a network begin, by what its operations do with them."""

from __future__ import annotations

from dataclasses import replace

from grader.model.graph import MOST_OWN_VALUES, SAMPLE, Graph, size_of
from grader.model.operations import Kind


def layer_bounds(graph: Graph) -> dict[int, float]:
    """By weight that a convolution or a fully connected layer is given as it is: the bound within which it begins.

    Uniform within 1 / sqrt(inputs), as ``torch.nn.Linear.reset_parameters`` has it, for weights and for biases.
    """
    bounds: dict[int, float] = {}
    for program in (graph.training, graph.evaluation):
        for node in program.nodes:
            is_layer = node.kind is Kind.CONV or node.name == "linear"
            operands = [
                argument["tensor"] for argument in node.args[:3] if isinstance(argument, dict) and "tensor" in argument
            ]
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
    weights = (replace(weight, sample="") if index in layers else weight for index, weight in enumerate(graph.weights))
    return replace(graph, weights=tuple(weights))
