"""The operations of a network that ran as the student wrote them: nothing that only a repair has made."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.checks.executed_network import executed_network
from grader.model.evidence import Operation, Repair, Tracing

_OF_RESHAPES = frozenset({"flatten-missing", "flatten-batch", "reshape-size", "reshape-rows"})


@dataclass(frozen=True)
class OwnOperations:
    """The operations from the input on, before the first one that was repaired, with the student's own sizes.

    ``misfit`` is that one if it is a layer that gets another number of inputs than it takes.
    """

    ran: tuple[Operation, ...]
    misfit: Operation | None = None


def own_operations(trace: Tracing | None) -> OwnOperations:
    """What ran of a network, up to the first repair of its sizes or layers, or to the error."""
    if trace is None:
        return OwnOperations(())
    ran: list[Operation] = []
    for operation in _with_own_outputs(executed_network(trace).path, trace.repairs):
        if not operation.shape_out:
            continue  # what comes after an error has no sizes
        if _is_repaired(operation, trace):
            return OwnOperations(tuple(ran), operation if operation.expected is not None else None)
        ran.append(operation)
    return OwnOperations(tuple(ran))


def _is_repaired(operation: Operation, trace: Tracing) -> bool:
    kinds = {repair.kind for repair in trace.repairs}
    layers = {repair.layer for repair in trace.repairs if repair.kind != "class-count"} - {""}
    is_reshaped = operation.kind == "reshape" and len(operation.shape_out) == 2 and not kinds.isdisjoint(_OF_RESHAPES)
    mixes = operation.shape_in[:1] == (trace.batch,) != operation.shape_out[:1]
    return operation.expected is not None or operation.layer in layers or is_reshaped or mixes


def _with_own_outputs(path: tuple[Operation, ...], repairs: tuple[Repair, ...]) -> Iterator[Operation]:
    """The path with the student's own number of outputs after a layer that got ten instead."""
    counts = {repair.layer: repair for repair in repairs if repair.kind == "class-count"}
    changed: Repair | None = None
    for operation in path:
        into, out = operation.shape_in, operation.shape_out
        if changed is not None:
            into = _resized(into, changed)
        changed = counts.get(operation.layer, changed)
        yield replace(operation, shape_in=into, shape_out=_resized(out, changed) if changed is not None else out)


def _resized(shape: tuple[int, ...], repair: Repair) -> tuple[int, ...]:
    return (*shape[:-1], repair.seen) if shape[-1:] == (repair.expected,) else shape
