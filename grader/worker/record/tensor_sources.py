"""Where each tensor of a pass comes from: an operation, the images, or the net's weights, buffers and constants."""

from __future__ import annotations

import math
import numbers
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grader.model.graph import Node, Source
from grader.worker.record.registry import Registry, word_of
from grader.worker.record.tensor_memory import address_of, is_same_memory, storage_address_of, sum_of

LARGEST_SUMMED = 3
"""Largest batch for which the sum of each result is checked at each use, because this costs as much as the pass."""
LARGEST_INTEGER = 2**52


class Wrapped(Exception):
    """The operations are visible only below autograd: because of ``torch.vmap``, or of autocast."""


@dataclass(frozen=True)
class _Fact:
    """The state of a result after its operation: address, sum of values, and number of writes to its memory so far."""

    address: int
    sum: str | None
    writes: int


class TensorSources:
    """The sources of the tensors of one pass; ``nodes`` are its operations so far."""

    def __init__(self, registry: Registry, images: Tensor, nodes: list[Node], *, is_below: bool) -> None:
        self.is_wrapped = False
        self.is_changed_unseen = False
        """Whether values of a result changed between two operations, for example by NumPy on the same memory."""
        self._registry = registry
        self._nodes = nodes
        self._is_below = is_below
        self._is_small = len(images) <= LARGEST_SUMMED
        self._facts: dict[int, _Fact] = {}
        self._writes: Counter[int] = Counter()
        self._known = dict(registry.known)
        self._known[id(images)] = Source("input", 0)
        self._results: list[tuple[Tensor, Source]] = [(images, Source("input", 0))]
        self._storages: dict[int, int] = {}
        self._kept: list[object] = []

    def add_results(self, node: Node, values: Sequence[Tensor]) -> None:
        """Add an operation that ran, with the tensors that it gave."""
        index = len(self._nodes)
        self._nodes.append(node)
        for part, value in enumerate(values):
            source = Source("node", index, part)
            self._known[id(value)] = source
            self._results.append((value, source))
            storage = node.storage[part]
            self._writes[storage] += node.writes
            self._facts[id(value)] = _Fact(
                address_of(value), sum_of(value) if self._is_small else None, self._writes[storage]
            )

    def replace_weight(self, old: Tensor, new: Tensor) -> None:
        """Read ``new``, a weight of another size, in place of ``old``."""
        self._known[id(new)] = self._registry.weight_in_place_of(self.of(old), new)

    def last_scores(self, shape: tuple[int, ...]) -> Tensor | None:
        """The last floating-point result of this shape that an operation gave; None if there is none."""
        return next(
            (
                value
                for value, source in reversed(self._results)
                if source.kind == "node" and tuple(value.shape) == shape and value.is_floating_point()
            ),
            None,
        )

    def argument(self, value: Any) -> Any:
        """An argument of an operation as plain JSON (see :mod:`grader.model.graph`)."""
        if isinstance(value, Tensor):
            return self.of(value, is_used=True).packed()
        if value is None or type(value) in (bool, str):
            return value
        if isinstance(value, (list, tuple)):
            return [self.argument(item) for item in value]
        if isinstance(value, (torch.dtype, torch.layout, torch.memory_format)):
            return {"word": word_of(value)}
        if isinstance(value, torch.device):
            return {"word": "device" if value.type in {"cpu", "cuda", "mps"} else value.type}
        if isinstance(value, torch.Generator):
            return None
        if isinstance(value, numbers.Integral):
            # x[::2] ends at the largest int64.
            return max(-LARGEST_INTEGER, min(operator.index(value), LARGEST_INTEGER))
        if isinstance(value, numbers.Real):
            number = float(value)
            return number if math.isfinite(number) else {"float": repr(number)}
        return {"word": type(value).__name__[:40]}  # no operation of a network takes such an argument

    def of(self, value: Tensor, *, is_used: bool = False) -> Source:
        """Where a tensor comes from. ``is_used``: an operation reads it, or it is the output."""
        source = self._known.get(id(value))
        if source is None or self._has_moved(value):
            if not self._is_below and torch._C._functorch.is_functorch_wrapped_tensor(value):
                self.is_wrapped = True
                raise Wrapped
            source = self._alias(value) or self._registry.unregistered_tensor(value)
            self._known[id(value)] = source
            self._kept.append(value)
        is_cut = (
            is_used
            and source.kind == "node"
            and not value.requires_grad
            and torch.is_grad_enabled()
            and value.is_floating_point()
        )
        return Source(source.kind, source.index, source.part, is_cut or source.is_cut)

    def _has_moved(self, value: Tensor) -> bool:
        """Whether a tensor has different memory than when its operation returned it (``x.data = ...``).

        This also compares the sum of its values, because code outside torch may have changed them.
        """
        fact = self._facts.get(id(value))
        if fact is None:
            return False
        if fact.address != address_of(value):
            return True
        if fact.sum is not None and fact.writes == self._writes[self.storage(value)] and fact.sum != sum_of(value):
            self.is_changed_unseen = True
        return False

    def _alias(self, value: Tensor) -> Source | None:
        """The source of a tensor that bypassed torch (``.data``, NumPy, a list), found by its memory or its values."""
        if value.layout is not torch.strided or value.numel() == 0 or value.device.type != "cpu":
            return None
        for earlier, source in reversed(self._results):
            fact = self._facts.get(id(earlier))
            is_there = fact is None or fact.address == address_of(earlier)
            if is_there and is_same_memory(earlier, value):
                return self._viewed(source, earlier, value)
        if value.numel() < 2 or not value.is_floating_point() or (value.is_leaf and value.requires_grad):
            return None
        flat = value.detach().flatten()
        if bool((flat == flat[0]).all()):
            return None
        for earlier, source in reversed(self._results):
            if earlier.numel() == value.numel() and earlier.is_floating_point() and earlier.layout is torch.strided:
                values = earlier.detach().flatten().to(flat.dtype)
                if torch.allclose(values, flat, rtol=1e-6, atol=1e-8):
                    return self._viewed(source, earlier, value)
        return None

    def _viewed(self, source: Source, earlier: Tensor, value: Tensor) -> Source:
        """The source, with operations added that give it the dtype and shape of ``value``."""
        is_cut = not value.requires_grad
        made = Source(source.kind, source.index, source.part, is_cut)
        place = self.storage(earlier)
        if earlier.dtype != value.dtype:
            word = {"word": word_of(value.dtype)}
            made = self._insert(Node("aten.to.dtype", (made.packed(), word), {}, (self.storage(value),)))
        if earlier.shape != value.shape:
            made = self._insert(Node("aten.reshape.default", (made.packed(), list(value.shape)), {}, (place,)))
        return Source(made.kind, made.index, made.part, is_cut)

    def _insert(self, node: Node) -> Source:
        self._nodes.append(node)
        return Source("node", len(self._nodes) - 1)

    def storage(self, value: Tensor) -> int:
        """A number for the memory of a tensor, the same for all tensors that share it."""
        return self._storages.setdefault(storage_address_of(value) or -id(value), len(self._storages))
