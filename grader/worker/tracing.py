"""Writing down every operation of a forward pass, however the student spelt it.

A :class:`Tracer` is a ``TorchFunctionMode``: it sees ``nn`` modules, ``torch.nn.functional``, tensor methods and
operators alike, follows which tensor came from which operation, and recognises a ReLU or a dropout written by hand by
what it does to the numbers. It observes; whether the result is right is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules import module as module_hooks
from torch.overrides import TorchFunctionMode

from grader.evidence import Operation, Remark, Repair, route
from grader.worker import recognition, vocabulary
from grader.worker.lineage import Lineage
from grader.worker.mending import mended, without_cuda
from grader.worker.seal import guard

MAX_OPERATIONS = 390
"""A forward pass of the lab's network has some twenty operations."""
DETAILED_OPERATIONS = 250
"""Past this, slicing and arithmetic (a loop over pixels, say) are followed and no longer written down."""


MOST_PASSED_OVER = 5000
"""Small operations beyond the detailed ones; a loop over every pixel of the lab's images would take 784."""
LARGEST_COPY = 100_000_000
"""Values of a result that are copied to be looked at; the widest layer of a sensible net gives a few million."""


class TooManyOperations(Exception):
    """The forward pass runs so many operations that writing them down would not help anybody."""


class Tracer(TorchFunctionMode):
    """Records the operations of one forward pass of ``net`` on ``images``.

    ``repair`` mends sizes that do not fit and moves to a GPU, so that what lies behind the fault is seen too.
    ``hold_dropout`` makes every dropout call return its input.
    ``known`` are weights and modules seen in an earlier pass: an unregistered one that is not among them is fresh.
    """

    def __init__(
        self,
        net: nn.Module,
        images: Tensor,
        *,
        repair: bool = False,
        hold_dropout: bool = False,
        known: Sequence[object] | None = None,
    ) -> None:
        super().__init__()
        self.operations: list[Operation] = []
        self.results: dict[int, Tensor] = {}
        self.repairs: list[Repair] = []
        self.remarks: dict[str, Remark] = {}
        self.unregistered: list[object] = []
        self._batch = len(images)
        self._repair = repair
        self._hold_dropout = hold_dropout
        self._known = None if known is None else {id(thing) for thing in known}
        self._lineage = Lineage(net, images)
        self._constants: set[int] = set()
        self._left: int | None = None
        self._passed_over = 0
        self._stack: list[nn.Module] = []
        self._names = {id(module): name for name, module in net.named_modules(remove_duplicate=True)}
        self._buffers = {id(buffer) for buffer in net.buffers()}

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Intercept torch calls and follow which module is running, until the block ends."""
        before = module_hooks.register_module_forward_pre_hook(lambda module, _: self._stack.append(module))
        after = module_hooks.register_module_forward_hook(lambda module, *_: self._leave(module), always_call=True)
        try:
            with self:
                yield
        finally:
            before.remove()
            after.remove()

    @property
    def used_parameters(self) -> set[str]:
        """Names of the registered parameters that took part."""
        return self._lineage.used_parameters

    def index_of(self, value: object) -> int | None:
        """The operation that made ``value`` (-1: it is the network's input); None when it did not come from one."""
        return self._lineage.origin(value) if isinstance(value, Tensor) else None

    def path_to(self, value: object) -> tuple[str, ...] | None:
        """The weighted layers, and the ways out of torch, that ``value`` came through, in order, as words to compare.

        None when ``value`` did not come from the network's input.
        """
        last = self.index_of(value)
        return None if last is None else route(self.operations, last)

    def _leave(self, module: nn.Module) -> None:
        while self._stack and self._stack.pop() is not module:
            pass

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        guard()
        named = dict(kwargs or {})
        name = vocabulary.function_name(func)
        kept_on_cpu = without_cuda(name, args, named)
        if kept_on_cpu is not None:
            args, named = kept_on_cpu
            self._note_repair(Repair("device", self._layer()[0], "is moved to a GPU whether there is one or not"))
            if name == "cuda":
                return args[0]
        if self._hold_dropout and name in vocabulary.DROPOUTS and args and isinstance(args[0], Tensor):
            result: Any = args[0]
        else:
            result = self._call(func, name, args, named)
        self._record(name, args, named, result)
        return result

    def _call(self, func: Callable[..., Any], name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        try:
            return func(*args, **kwargs)
        except (RuntimeError, IndexError, ValueError, TypeError):
            replacement = mended(name, args, kwargs, self._layer()[0]) if self._repair else None
            if replacement is None:
                raise
            call, repair = replacement
            self._note_repair(repair)
            return call()

    def _note_repair(self, repair: Repair) -> None:
        if repair not in self.repairs and len(self.repairs) < 20:
            self.repairs.append(repair)

    # ---- writing down ------------------------------------------------------------------------------------------------

    def _record(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> None:
        operands = list(_tensors((args, kwargs)))
        results = list(_tensors(result))
        if not results and name in vocabulary.WRITES_INTO_FIRST and operands:
            results = operands[:1]
        for operand in operands:
            self._lineage.note_parameter(operand)
        sources = [(operand, self._lineage.origin(operand)) for operand in operands]
        inputs = tuple(dict.fromkeys(origin for _, origin in sources if origin is not None))
        if self._left is not None and not inputs and name in vocabulary.FROM_OUTSIDE and self._has_rows(results):
            inputs = (self._left,)
            sources = [(results[0], inputs[0])]
        if not inputs or name in vocabulary.RANDOM or name.endswith("_like") or name.startswith("new_"):
            self._lineage.follow_weights(name, operands, results)
            return
        if name in vocabulary.LOOKUPS:
            return
        if not results:
            if name in vocabulary.LEAVES_TORCH:
                self._left = max(inputs)
            if name in vocabulary.DETACHES:
                self._remark("leaves-torch", f"{vocabulary.student_word(name)} takes values out of the network")
            return
        operation = self._operation(name, args, kwargs, sources, inputs, results[0])
        if len(self.operations) >= DETAILED_OPERATIONS and operation.kind in {"reshape", "arithmetic"}:
            self._passed_over += 1
            if self._passed_over > MOST_PASSED_OVER:
                raise TooManyOperations
            for value in results:
                self._lineage.produced(value, max(inputs))
            return
        if len(self.operations) >= MAX_OPERATIONS:
            raise TooManyOperations
        if not torch.is_grad_enabled() and operation.kind in {"conv", "linear"}:
            self._remark("no-grad", f"{operation.layer or operation.name} runs with gradients switched off")
        self.operations.append(operation)
        for value in results:
            self._lineage.produced(value, operation.index)
        kept = results[0].detach()
        # A copy, for it may be changed in place; but what was expanded would take memory only when it is copied.
        self.results[operation.index] = kept.clone() if kept.numel() <= LARGEST_COPY else kept

    def _operation(
        self,
        name: str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        sources: list[tuple[Tensor, int | None]],
        inputs: tuple[int, ...],
        result: Tensor,
    ) -> Operation:
        layer, module = self._layer()
        data = next(operand for operand, origin in sources if origin is not None)
        others = [operand for operand, origin in sources if origin is None]
        kind = vocabulary.kind_of(name) if name not in vocabulary.FROM_OUTSIDE else "detach"
        details: dict[str, Any] = {}
        weights = self._lineage.weights_of(others)
        if kind == "product":
            kind = self._product_kind(name, sources, result)
            if kind == "conv":
                name = "unfold and matmul"
        if kind in {"arithmetic", "activation"}:
            is_masked = any(id(other) in self._lineage.random for other in others) or self._is_constant_mask(others)
            earlier = self._earlier(inputs, tuple(result.shape))
            call = recognition.Call(name, kind, args, kwargs, result.detach(), is_masked, bool(weights))
            kind, details, source = recognition.by_numbers(call, earlier)
            if source is not None:
                self._demote(inputs, source)
            if kind == "softmax":
                name = kind
        if kind == "dropout" and "probability" not in details:
            details = recognition.dropout_settings(args, kwargs)
        if kind in {"softmax", "log_softmax"} and "dim" not in details:
            details["dim"] = recognition.softmax_dim(args, kwargs, data)
        if kind == "activation" and module is not None and type(module).__name__.lower() in vocabulary.ACTIVATIONS:
            name = type(module).__name__.lower()  # nn.ReLU6 runs hardtanh
        if kind == "relu" and name.startswith("leaky"):
            name = "relu"
        is_registered = module is None or id(module) in self._names
        fresh: list[object] = []
        if kind in {"conv", "linear", "norm"}:
            missing = self._missing_weights(weights)
            if kind != "norm" and not weights:
                missing = self._constant_factor(others)
            is_registered = not missing
            self.unregistered.extend(thing for thing in missing if id(thing) not in self._constants)
            fresh = [thing for thing in missing if self._is_new(thing)]
        elif not is_registered and module is not None:
            self.unregistered.append(module)
            fresh = [module] if self._known is not None and id(module) not in self._known else []
        if not layer and module is not None and not is_registered:
            layer = f"an unregistered {type(module).__name__}"
        return Operation(
            index=len(self.operations),
            kind=kind,
            name=vocabulary.student_word(name)[:60],
            layer=layer[:120],
            inputs=inputs,
            shape_in=tuple(data.shape),
            shape_out=tuple(result.shape),
            parameters=sum(
                self._lineage.weight_tensors[key].numel() for key in weights if key in self._lineage.weight_tensors
            ),
            is_registered=is_registered,
            is_fresh=bool(fresh),
            expected=self.repairs[-1].expected if self.repairs and self._is_mended(kind, layer, data) else None,
            **details,
        )

    def _is_mended(self, kind: str, layer: str, data: Tensor) -> bool:
        last = self.repairs[-1]
        fits = {"linear-size": "linear", "conv-channels": "conv"}.get(last.kind) == kind and last.layer == layer
        return fits and last.seen in data.shape

    def _missing_weights(self, weights: frozenset[int]) -> list[object]:
        return [
            self._lineage.weight_tensors[key]
            for key in weights
            if key not in self._lineage.parameters and key not in self._buffers and key in self._lineage.weight_tensors
        ]

    def _constant_factor(self, others: list[Tensor]) -> list[object]:
        """What stands in the place of the weights and is none: a plain tensor or a buffer, which nothing trains."""
        factors = [other for other in others if other.dim() >= 2]
        self._constants.update(id(factor) for factor in factors)
        return list(factors[:1])

    def _is_new(self, thing: object) -> bool:
        """Whether a weight or a module that is not registered was not there in the pass before; for a constant, whether
        it was drawn at random in this one.
        """
        if id(thing) in self._constants:
            return id(thing) in self._lineage.random
        return self._known is not None and id(thing) not in self._known

    def _has_rows(self, results: list[Tensor]) -> bool:
        """Whether a tensor built from plain numbers may hold what left torch before: it has a row for each image."""
        return bool(results) and results[0].dim() > 0 and len(results[0]) == self._batch

    def _product_kind(self, name: str, sources: list[tuple[Tensor, int | None]], result: Tensor) -> str:
        """Linear for data times weights, conv when it is done at each position of unfolded data, arithmetic for data
        times data, reshape for a product of one factor (``einsum`` that only permutes).
        """
        factors = sources[1:] if name in vocabulary.ADDITIVE_PRODUCTS else sources[:2]
        data = [(tensor, origin) for tensor, origin in factors if origin is not None]
        if len(factors) < 2:
            return "reshape" if factors and factors[0][0].numel() == result.numel() else "arithmetic"
        if len(data) != 1:
            return "arithmetic"
        tensor, origin = data[0]
        weight = next(other for other, known in factors if known is None)
        # N * L * K values times K * O weights give N * L * O results
        rows = (tensor.numel() * result.numel() / max(weight.numel(), 1)) ** 0.5
        while origin is not None and origin >= 0 and rows > self._batch + 0.5:
            operation = self.operations[origin]
            if operation.name == "unfold":
                return "conv"
            if operation.kind != "reshape" or len(operation.inputs) != 1:
                break
            origin = operation.inputs[0]
        return "linear"

    # ---- what recognition is given -----------------------------------------------------------------------------------

    def _is_constant_mask(self, others: list[Tensor]) -> bool:
        """A mask that came from outside torch's random functions (numpy, say) and belongs to no weight."""
        return any(
            id(other) not in self._lineage.parameters and not self._lineage.weights.get(id(other)) and other.dim() > 0
            for other in others
        )

    def _earlier(self, inputs: tuple[int, ...], shape: tuple[int, ...]) -> Iterator[tuple[int, Tensor]]:
        """Results of the same shape between here and the last weighted operation, nearest first."""
        seen: set[int] = set()
        waiting = list(inputs)
        while waiting and len(seen) < 12:
            index = waiting.pop(0)
            if index < 0 or index in seen:
                continue
            seen.add(index)
            operation = self.operations[index]
            value = self.results[index]
            if tuple(value.shape) == shape and value.is_floating_point():
                yield index, value
            if operation.kind not in {"conv", "linear", "norm"}:
                waiting.extend(operation.inputs)

    def _demote(self, inputs: tuple[int, ...], source: int) -> None:
        """Activations between ``source`` and what was made of it are its steps: ``x - x.clamp(max=0)`` is one ReLU."""
        waiting, seen = list(inputs), {source}
        while waiting:
            index = waiting.pop()
            if index <= source or index in seen:
                continue
            seen.add(index)
            step = self.operations[index]
            if step.kind == "activation":
                self.operations[index] = replace(step, kind="arithmetic")
            waiting.extend(step.inputs)

    # ---- the running module ------------------------------------------------------------------------------------------

    def _layer(self) -> tuple[str, nn.Module | None]:
        """The dotted name of the innermost running submodule, and the module itself; nothing for the net's own code."""
        if len(self._stack) < 2:
            return "", None
        module = self._stack[-1]
        name = self._names.get(id(module), "")
        if not name and id(module) not in self._names:
            return "", module
        return name, module

    def _remark(self, id: str, message: str) -> None:
        self.remarks.setdefault(id, Remark(id, message))


def _tensors(value: Any, depth: int = 0) -> Iterator[Tensor]:
    if isinstance(value, Tensor):
        yield value
    elif depth < 4 and isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item, depth + 1)
    elif depth < 4 and isinstance(value, dict):
        for item in value.values():
            yield from _tensors(item, depth + 1)
