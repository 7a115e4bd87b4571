"""Which tensor came from which operation, and which weights and random numbers went into it."""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from grader.worker import vocabulary

INPUT = -1
"""Stands for the network's own input among the operations."""


class Lineage:
    """The origins of the tensors in one forward pass of ``net`` on ``images``.

    ``weights`` maps the id of a tensor that does not depend on the images to the ids of the weights in it, ``random``
    holds the ids of those that chance went into. Every tensor is kept alive, so that ids and storages stay its own.
    """

    def __init__(self, net: nn.Module, images: Tensor) -> None:
        self.weights: dict[int, frozenset[int]] = {}
        self.weight_tensors: dict[int, Tensor] = {}
        self.random: set[int] = set()
        self.used_parameters: set[str] = set()
        self.parameters = {id(parameter): name for name, parameter in net.named_parameters(remove_duplicate=False)}
        self._kept: list[object] = [images]
        self._producer: dict[int, int] = {id(images): INPUT}
        self._storages: dict[int, int] = {_storage(images): INPUT}
        self._graph_nodes: dict[int, int] = {}

    def weights_of(self, tensors: Iterable[Tensor]) -> frozenset[int]:
        """The weights in any of the tensors."""
        return frozenset[int]().union(*(self.weights.get(id(tensor), frozenset()) for tensor in tensors))

    def produced(self, value: Tensor, index: int) -> None:
        """Remember which operation a tensor came out of."""
        self._kept.append(value)
        self._producer[id(value)] = index
        self._storages[_storage(value)] = index
        if value.grad_fn is not None:
            self._kept.append(value.grad_fn)
            self._graph_nodes[id(value.grad_fn)] = index

    def origin(self, value: Tensor) -> int | None:
        """The operation that a tensor came out of, by itself, its storage or autograd's graph; None when by none."""
        known = self._producer.get(id(value))
        if known is not None:
            return known
        if id(value) in self.parameters or id(value) in self.weights or id(value) in self.random:
            return None
        known = self._storages.get(_storage(value)) if value.numel() else None
        if known is None:
            known = self._origin_by_graph(value)
        if known is not None:
            self._kept.append(value)
            self._producer[id(value)] = known
        return known

    def _origin_by_graph(self, value: Tensor) -> int | None:
        """Follow autograd's own graph back; it knows results of functions that were not intercepted."""
        waiting = [value.grad_fn]
        for _ in range(50):
            if not waiting:
                return None
            node = waiting.pop(0)
            if node is None:
                continue
            if id(node) in self._graph_nodes:
                return self._graph_nodes[id(node)]
            waiting.extend(following for following, _ in node.next_functions)
        return None

    def note_parameter(self, value: Tensor) -> None:
        """Take note of an operand that is a weight."""
        if id(value) in self.weights:
            return
        name = self.parameters.get(id(value))
        if name is not None:
            self.used_parameters.add(name)
        is_weight = name is not None or isinstance(value, nn.Parameter) or (value.is_leaf and value.requires_grad)
        if is_weight and name is None and _storage(value) in self._storages:
            is_weight = False  # Variable(x, requires_grad=True) is another tensor for the same data
        if is_weight and id(value) not in self._producer:
            self._kept.append(value)
            self.weights[id(value)] = frozenset({id(value)})
            self.weight_tensors[id(value)] = value

    def follow_weights(self, name: str, operands: list[Tensor], results: list[Tensor]) -> None:
        """A result that does not depend on the images still carries the weights or the randomness it was made from."""
        weights = self.weights_of(operands)
        is_random = name in vocabulary.RANDOM | vocabulary.DROPOUTS or any(
            id(operand) in self.random for operand in operands
        )
        for value in results:
            if id(value) in self.weights and not is_random:
                continue
            self._kept.append(value)
            if weights:
                self.weights[id(value)] = weights
            elif is_random:
                self.random.add(id(value))


def _storage(value: Tensor) -> int:
    try:
        return int(value.untyped_storage().data_ptr())
    except (RuntimeError, NotImplementedError):  # meta, sparse and wrapper tensors have no storage of their own
        return -id(value)
