"""Record the forward pass of a network as a graph of torch operations.

A :class:`Recorder` intercepts each operation before torch decomposes it, so it sees the operations of the lab (conv2d,
linear, dropout). The tensors are real, so prints, ``.item()`` and asserts in forward work. The recorder makes no
findings. It sends plain data, which the parent checks (:mod:`grader.model.graph_validation`). A submission that
manipulates the recording only describes a different network, and gets the marks of that network.
"""

from __future__ import annotations

import math
import numbers
import operator
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.schema_check_mode import SchemaCheckMode
from torch.nn.modules import module as module_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from grader.model.evidence import Repair
from grader.model.graph import MOST_NODES, Node, Program, Source
from grader.worker.record.registry import Registry, word_of
from grader.worker.record.repairs import RepairedCall, repaired_call
from grader.worker.record.tensor_memory import address_of, is_same_memory, storage_address_of, sum_of

LARGEST_SUMMED = 3
"""Largest batch for which the sum of each result is checked at each use, because this costs as much as the pass."""
LARGEST_INTEGER = 2**52


class Wrapped(Exception):
    """The operations are visible only below autograd: because of ``torch.vmap``, or of autocast."""


class TooManyOperations(Exception):
    """The forward pass runs more than MOST_NODES operations."""


@dataclass(frozen=True)
class _Fact:
    """The state of a result after its operation: address, sum of values, and number of writes to its memory so far."""

    address: int
    sum: str | None
    writes: int


class Recorder(SchemaCheckMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Records the operations of one forward pass over ``images``.

    With ``repair``, sizes that do not fit are repaired, so that the operations after the fault are recorded too. With
    ``is_below``, operations are recorded after torch has decomposed them. Then fewer operations of the lab are visible,
    but operations inside ``torch.vmap`` are.

    torch accepts only its own tracer modes at the pre-dispatch stage. SchemaCheckMode is the one of them that can be
    subclassed without inheriting other behaviour.
    """

    def __init__(self, registry: Registry, images: Tensor, *, repair: bool = False, is_below: bool = False) -> None:
        key = None if is_below else torch._C.DispatchKey.PreDispatch
        TorchDispatchMode.__init__(self, key)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.nodes: list[Node] = []
        self.repairs: list[Repair] = []
        self.is_overfull = False
        self.is_wrapped = False
        self.is_changed_unseen = False
        """Whether values of a result changed between two operations, for example by NumPy on the same memory."""
        self._registry = registry
        self._repair = repair
        self._is_below = is_below
        self._is_small = len(images) <= LARGEST_SUMMED
        self._facts: dict[int, _Fact] = {}
        self._writes: Counter[int] = Counter()
        self._known = dict(registry.known)
        self._known[id(images)] = Source("input", 0)
        self._results: list[tuple[Tensor, Source]] = [(images, Source("input", 0))]
        self._storages: dict[int, int] = {}
        self._kept: list[object] = []
        self._stack: list[nn.Module] = []
        self._unregistered: list[object] = []

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record every operation of this thread and track the running module, until the block ends."""
        before = module_hooks.register_module_forward_pre_hook(lambda module, _: self._stack.append(module))
        after = module_hooks.register_module_forward_hook(lambda module, *_: self._leave(module), always_call=True)
        try:
            with nullcontext() if self._is_below else enable_python_dispatcher(), self:
                yield
        finally:
            before.remove()
            after.remove()
            self._registry.end_pass(self._unregistered)

    def program(self, result: object) -> Program:
        """The recorded program. Its output is ``result``, if that is a tensor."""
        if not isinstance(result, Tensor):
            return Program(tuple(self.nodes))
        if self.is_wrapped:
            return Program()
        output = self._source(result, is_used=torch.is_floating_point(result))  # may add operations
        return Program(tuple(self.nodes), output)

    def _leave(self, module: nn.Module) -> None:
        while self._stack and self._stack.pop() is not module:
            pass

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        return self._run(func, args, dict(kwargs or {}))

    def _run(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], expected: int | None = None) -> Any:
        if len(self.nodes) >= MOST_NODES:
            self.is_overfull = True
            raise TooManyOperations
        if not self._is_below and torch.is_autocast_enabled("cpu"):  # casts by autocast are visible only below
            self.is_wrapped = True
            raise Wrapped
        try:
            # Read the arguments before the operation runs, because it may write into its operands.
            packed = self._argument(args), {key: self._argument(value) for key, value in kwargs.items()}
            result = func(*args, **kwargs)
        except (RuntimeError, IndexError, ValueError, TypeError):
            replacement = repaired_call(_name_of(func), args, kwargs, self._layer()[0]) if self._repair else None
            if replacement is None:
                raise
            if replacement.repair not in self.repairs and len(self.repairs) < 20:
                self.repairs.append(replacement.repair)
            return self._repaired(func, args, kwargs, replacement)
        values = list(_tensors(result))
        if values:
            self._write_down(func, packed[0], packed[1], values, expected)
        return result

    def _repaired(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any], replacement: RepairedCall) -> Any:
        for old, new in replacement.weights:
            self._known[id(new)] = self._registry.weight_in_place_of(self._source(old), new)
            self._kept.append(new)
        if replacement.first is not None:
            data = self._run(replacement.first[0], replacement.first[1], {})
            args = tuple(data if value is replacement.first[1][0] else value for value in replacement.args)
        else:
            args = replacement.args
        is_sized = replacement.repair.kind in {"linear-size", "conv-channels"}
        return self._run(replacement.func or func, args, kwargs, replacement.repair.expected if is_sized else None)

    def _write_down(
        self, func: Any, args: Any, kwargs: dict[str, Any], values: list[Tensor], expected: int | None
    ) -> None:
        layer, owner = self._layer()
        index = len(self.nodes)
        node = Node(
            op=str(func)[:120],
            args=tuple(args),
            kwargs={key: value for key, value in kwargs.items() if value is not None or key == "generator"},
            storage=tuple(self._storage(value) for value in values),
            layer=layer[:120],
            owner=owner,
            expected=expected,
        )
        self.nodes.append(node)
        for part, value in enumerate(values):
            source = Source("node", index, part)
            self._known[id(value)] = source
            self._results.append((value, source))
            storage = node.storage[part]
            self._writes[storage] += node.writes
            self._facts[id(value)] = _Fact(
                address_of(value), sum_of(value) if self._is_small else None, self._writes[storage]
            )

    # ---- where tensors come from -------------------------------------------------------------------------------------

    def _argument(self, value: Any) -> Any:
        if isinstance(value, Tensor):
            return self._source(value, is_used=True).packed()
        if value is None or type(value) in (bool, str):
            return value
        if isinstance(value, (list, tuple)):
            return [self._argument(item) for item in value]
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

    def _source(self, value: Tensor, *, is_used: bool = False) -> Source:
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
        if fact.sum is not None and fact.writes == self._writes[self._storage(value)] and fact.sum != sum_of(value):
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
        place = self._storage(earlier)
        if earlier.dtype != value.dtype:
            word = {"word": word_of(value.dtype)}
            made = self._insert(Node("aten.to.dtype", (made.packed(), word), {}, (self._storage(value),)))
        if earlier.shape != value.shape:
            made = self._insert(Node("aten.reshape.default", (made.packed(), list(value.shape)), {}, (place,)))
        return Source(made.kind, made.index, made.part, is_cut)

    def _insert(self, node: Node) -> Source:
        self.nodes.append(node)
        return Source("node", len(self.nodes) - 1)

    def _storage(self, value: Tensor) -> int:
        return self._storages.setdefault(storage_address_of(value) or -id(value), len(self._storages))

    # ---- the running module ------------------------------------------------------------------------------------------

    def _layer(self) -> tuple[str, str]:
        """Name and owner of the innermost running submodule, as in :class:`grader.model.graph.Node`."""
        if len(self._stack) < 2:
            return "", ""
        module = self._stack[-1]
        name = self._registry.names.get(id(module))
        if name is not None:
            return name, ""
        self._unregistered.append(module)
        is_fresh = self._registry.has_passed and id(module) not in self._registry.modules_seen
        return f"an unregistered {type(module).__name__}"[:60], "fresh" if is_fresh else "unregistered"


def _tensors(value: Any) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _tensors(item)


def _name_of(func: Callable[..., Any]) -> str:
    """``conv2d`` for ``aten.conv2d.default``."""
    return str(func).partition(".")[2].partition(".")[0]
