"""Layers that ``__init__`` creates and forward never applies, where that explains why sizes do not fit."""

from __future__ import annotations

from grader.checks.case import Case
from grader.model.evidence import Repair

_OF_SIZES = frozenset({"linear-size", "conv-channels", "reshape-size", "reshape-rows"})


def unused_before(case: Case, repair: Repair) -> tuple[str, ...]:
    """The names of unused layers that belong before a size that does not fit; none for repairs of other faults.

    Of the layers with weights, these are the ones created before the layer that does not fit, or the convolutions if a
    flatten step does not fit. Pooling may be created anywhere, but does not change the number of channels.
    """
    build, trace = case.evidence.build, case.evidence.trace
    if build is None or trace is None or trace.problem is not None or repair.kind not in _OF_SIZES:
        return ()
    called = {operation.layer for operation in trace.operations}
    found, is_before = [], True
    for layer in build.layers:
        is_before = is_before and layer.name != repair.layer
        changes_size = bool(layer.parameters) and is_before and (bool(repair.layer) or "Conv" in layer.type)
        is_pool = "Pool" in layer.type and repair.kind != "conv-channels"
        if layer.name not in called and (changes_size or is_pool):
            found.append(layer.name)
    return tuple(found)
