"""Record the forward pass of a network as a graph of torch operations.

A :class:`Recorder` intercepts each operation before torch decomposes it, so it sees the operations of the lab (conv2d,
linear, dropout). The tensors are real, so prints, ``.item()`` and asserts in forward work. The recorder makes no
findings. It sends plain data, which the parent checks (:mod:`grader.model.graph_validation`). A submission that
manipulates the recording only describes a different network, and gets the marks of that network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch._dispatch.python import enable_python_dispatcher
from torch._subclasses.schema_check_mode import SchemaCheckMode
from torch.nn.modules import module as module_hooks
from torch.utils._python_dispatch import TorchDispatchMode

from grader.model.graph import MOST_NODES, Node, Program
from grader.worker.record.call_repairs import CallRepairs
from grader.worker.record.registry import Registry
from grader.worker.record.repairs import RepairedCall
from grader.worker.record.tensor_sources import TensorSources, Wrapped

MOST_REPAIRS_OF_A_CALL = 4
"""Repairs of one operation, one inside the other: to images, to another number of channels, with padding."""


class TooManyOperations(Exception):
    """The forward pass runs more than MOST_NODES operations."""


class Recorder(SchemaCheckMode):  # type: ignore[no-untyped-call]  # torch leaves it untyped
    """Records the operations of one forward pass over ``images``.

    With ``repairs``, operations that fail are repaired, so that the operations after the fault are recorded too. With
    ``is_below``, operations are recorded after torch has decomposed them. Then fewer operations of the lab are visible,
    but operations inside ``torch.vmap`` are.

    torch accepts only its own tracer modes at the pre-dispatch stage. SchemaCheckMode is the one of them that can be
    subclassed without inheriting other behaviour.
    """

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """Nothing is compiled here, so torch need not spend two seconds on importing its compiler."""
        return False

    def __init__(
        self, registry: Registry, images: Tensor, *, repairs: CallRepairs | None = None, is_below: bool = False
    ) -> None:
        key = None if is_below else torch._C.DispatchKey.PreDispatch
        TorchDispatchMode.__init__(self, key)  # type: ignore[no-untyped-call]  # torch leaves it untyped
        self.nodes: list[Node] = []
        self.is_overfull = False
        self.registry = registry
        self._repaired_calls = repairs
        if repairs is not None:
            repairs.begin_pass()
        self._is_below = is_below
        self._batch = len(images)
        self.sources = TensorSources(registry, images, self.nodes, is_below=is_below)
        self._stack: list[nn.Module] = []
        self._unregistered: list[object] = []
        self._depth = 0

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
            self.registry.end_pass(self._unregistered)

    def program(self, result: object) -> Program:
        """The recorded program. Its output is ``result``, if that is a tensor."""
        if not isinstance(result, Tensor):
            return Program(tuple(self.nodes))
        if self.sources.is_wrapped:
            return Program()
        output = self.sources.of(result, is_used=torch.is_floating_point(result))  # may add operations
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
            self.sources.is_wrapped = True
            raise Wrapped
        if self._repaired_calls is not None:
            args = self._repaired_calls.with_new_sizes(_name_of(func), args)
            for old, new in self._repaired_calls.resized.values():
                if any(value is new for value in args):
                    self.sources.replace_weight(old, new)
            prevented = self._repaired_calls.prevented(_name_of(func), args, self._layer()[0], self._batch)
            if prevented is not None:
                return self._repaired(func, kwargs, prevented)
        try:
            # Read the arguments before the operation runs, because it may write into its operands.
            packed = self.sources.argument(args), {key: self.sources.argument(value) for key, value in kwargs.items()}
            result = func(*args, **kwargs)
        except (RuntimeError, IndexError, ValueError, TypeError):
            replacement = None
            if self._repaired_calls is not None and self._depth < MOST_REPAIRS_OF_A_CALL:
                replacement = self._repaired_calls.after_error(_name_of(func), args, self._layer()[0], self._batch)
            if replacement is None:
                raise
            self._depth += 1
            try:
                return self._repaired(func, kwargs, replacement)
            finally:
                self._depth -= 1
        if self._repaired_calls is not None:
            self._repaired_calls.has_run(args, result, self._batch)
        values = list(_tensors(result))
        if values:
            self._write_down(func, packed[0], packed[1], values, expected)
        return result

    def _repaired(self, func: Any, kwargs: dict[str, Any], replacement: RepairedCall) -> Any:
        for old, new in replacement.weights:
            self.sources.replace_weight(old, new)
        if replacement.first is not None:
            data = self._run(replacement.first[0], replacement.first[1], {})
            args = tuple(data if value is replacement.first[1][0] else value for value in replacement.args)
        else:
            args = replacement.args
        is_sized = replacement.repair.kind in {"linear-size", "conv-channels"}
        return self._run(
            replacement.func or func,
            args,
            {} if replacement.func is not None else kwargs,
            replacement.repair.expected if is_sized else None,
        )

    def _write_down(
        self, func: Any, args: Any, kwargs: dict[str, Any], values: list[Tensor], expected: int | None
    ) -> None:
        layer, owner = self._layer()
        node = Node(
            op=str(func)[:120],
            args=tuple(args),
            kwargs={key: value for key, value in kwargs.items() if value is not None or key == "generator"},
            storage=tuple(self.sources.storage(value) for value in values),
            layer=layer[:120],
            owner=owner,
            expected=expected,
        )
        self.sources.add_results(node, values)

    # ---- the running module ------------------------------------------------------------------------------------------

    def _layer(self) -> tuple[str, str]:
        """Name and owner of the innermost running submodule, as in :class:`grader.model.graph.Node`."""
        if len(self._stack) < 2:
            return "", ""
        module = self._stack[-1]
        name = self.registry.names.get(id(module))
        if name is not None:
            return name, ""
        self._unregistered.append(module)
        is_fresh = self.registry.has_passed and id(module) not in self.registry.modules_seen
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
