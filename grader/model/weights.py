"""How the weights of a graph are initialised, depending on the operations that read them."""

from __future__ import annotations

from dataclasses import replace

from grader.model.graph import MOST_OWN_VALUES, SAMPLE, Graph, size_of
from grader.model.operations import Kind


def layer_bounds(graph: Graph) -> dict[int, float]:
    """The bound of the initial values, for each weight that a convolution or a linear layer reads directly.

    The values are uniform within +-1 / sqrt(inputs), for weights and for biases, as in
    ``torch.nn.Linear.reset_parameters``.
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
    """Two sets of the weights that no layer reads directly, such as those of a parametrization.

    The first set are small weights that start with the submission's own initial values. The second set are those that
    start with values drawn from a sample of them.
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
    """The graph as it is stored: without the samples of weights whose initial values depend only on their shape."""
    layers = layer_bounds(graph)
    weights = (replace(weight, sample="") if index in layers else weight for index, weight in enumerate(graph.weights))
    return replace(graph, weights=tuple(weights))
