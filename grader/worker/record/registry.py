"""Number the tensors that a net owns or reads in its passes: weights, buffers and constants."""

from __future__ import annotations

import base64
from dataclasses import replace

import torch
from torch import Tensor, nn

from grader.model.graph import MOST_VALUES, SAMPLE, Constant, Source, Weight

MOST_TENSORS = 500


class Registry:
    """The numbered weights, buffers and constants of one net, collected over all its recorded passes.

    The registry keeps every tensor alive, so that its ``id()`` is not reused.
    """

    def __init__(self, net: nn.Module) -> None:
        self.net = net
        self.weights = [
            _weight(name, value, number, is_registered=True)
            for number, (name, value) in enumerate(list(net.named_parameters())[:MOST_TENSORS])
        ]
        self.tensors: list[Tensor] = [*list(net.parameters())[:MOST_TENSORS]]
        named = list(net.named_buffers())[:MOST_TENSORS]
        self._room = MOST_VALUES
        self.buffers = [self._constant(name, value) for name, value in named]
        self.constants: list[Constant] = []
        self._loose: list[tuple[Tensor, int]] = []
        self._plain: list[tuple[Tensor, int]] = []
        self._initial = [(value, value.detach().clone()) for _, value in named]
        self._kept: list[object] = []
        self.known: dict[int, Source] = {id(value): Source("buffer", index) for index, (_, value) in enumerate(named)}
        self.known |= {id(value): Source("parameter", index) for index, value in enumerate(self.tensors)}
        self.names = {id(module): name for name, module in net.named_modules(remove_duplicate=True)}
        self.modules_seen: set[int] = set()
        """Ids of modules that are not submodules of the net and ran in an earlier pass."""
        self.has_passed = False
        self._at_loose = self._at_plain = 0

    def end_pass(self, unregistered: list[object]) -> None:
        """Remember the modules that ran in a pass and are not submodules of the net."""
        self._kept.extend(unregistered)
        self.modules_seen.update(map(id, unregistered))
        self.has_passed = True
        self._at_loose = self._at_plain = 0

    def put_back_buffers(self) -> None:
        """Restore the values that the buffers had before the first pass."""
        with torch.no_grad():
            for value, before in self._initial:
                value.copy_(before)

    def weight_in_place_of(self, old: Source, value: Tensor) -> Source:
        """The weight of another size that replaces a parameter in repaired passes; added at its first use."""
        if id(value) in self.known:
            return self.known[id(value)]
        name = self.weights[old.index].name if old.kind == "parameter" else ""
        self.known[id(value)] = self._add_weight(_weight(name, value, len(self.weights), is_registered=True), value)
        return self.known[id(value)]

    def unregistered_tensor(self, value: Tensor) -> Source:
        """The source for a tensor that no operation made and that the net does not own: a weight or a constant."""
        if isinstance(value, nn.Parameter) or (value.is_leaf and value.requires_grad):
            return self._loose_weight(value)
        return self._plain_tensor(value)

    def _loose_weight(self, value: Tensor) -> Source:
        at, self._at_loose = self._at_loose, self._at_loose + 1
        if at < len(self._loose) and self._loose[at][0].shape == value.shape:
            index = self._loose[at][1]
            old = self.weights[index]
            self.weights[index] = replace(old, is_registered=False, is_fresh=True)
            self._kept.append(value)
            return Source("parameter", index)
        source = self._add_weight(_weight("", value, len(self.weights), is_registered=False), value)
        if not self.has_passed:
            self.known[id(value)] = source  # the net keeps it, so the next pass reads the same tensor
        self._loose.append((value, source.index))
        return source

    def _add_weight(self, weight: Weight, value: Tensor) -> Source:
        self.weights.append(weight)
        self.tensors.append(value)
        return Source("parameter", len(self.weights) - 1)

    def _plain_tensor(self, value: Tensor) -> Source:
        self._kept.append(value)
        at, self._at_plain = self._at_plain, self._at_plain + 1
        if at < len(self._plain):
            earlier, index = self._plain[at]
            if earlier.shape == value.shape and earlier.dtype == value.dtype and torch.equal(earlier, value.detach()):
                return Source("constant", index)
        constant = self._constant("", value)
        if self.has_passed:
            constant = replace(constant, varies=True)
        self.constants.append(constant)
        source = Source("constant", len(self.constants) - 1)
        if not self.has_passed:
            self._plain.append((value.detach().clone(), source.index))
        return source

    def _constant(self, name: str, value: Tensor) -> Constant:
        """A buffer or another tensor, with its values if they fit into the limit MOST_VALUES."""
        count = value.numel()
        has_room = count <= self._room
        self._room -= count if has_room else 0
        values = _bytes(value) if has_room else ""
        return Constant(name[:120], tuple(value.shape), word_of(value.dtype), values)


def _weight(name: str, value: Tensor, number: int, *, is_registered: bool) -> Weight:
    flat = value.detach().flatten()
    if len(flat) <= SAMPLE:
        sample = flat
    else:
        sample = flat[torch.randint(max(len(flat), 1), (SAMPLE,), generator=torch.Generator().manual_seed(0))]
    return Weight(
        name=name[:120],
        shape=tuple(value.shape),
        dtype=word_of(value.dtype),
        is_trainable=value.requires_grad,
        is_registered=is_registered,
        sample=_bytes(sample.float()),
        number=number,
    )


def word_of(value: object) -> str:
    """The name of a dtype, layout or memory format in torch, without the prefix ``torch.``."""
    return str(value).removeprefix("torch.")


def _bytes(value: Tensor) -> str:
    """The raw bytes of a tensor as base64; empty if NumPy does not support its dtype."""
    try:
        return base64.b64encode(value.detach().cpu().contiguous().numpy().tobytes()).decode()
    except (TypeError, RuntimeError):
        return ""
