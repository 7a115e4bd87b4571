"""Measure the outputs of a recorded network: shapes for each batch size, scores, and whether rows are independent."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, allclose, isfinite
from torch.nn import functional

from grader.measure.classified_program import ClassifiedProgram
from grader.measure.network import RunnableNetwork, bypassing, torch_problem
from grader.measure.replay import TORCH_ERRORS, Values
from grader.model.evidence import CHECKED_BATCHES, WEIGHTED, Pass, Probing, Problem, RecordedPass, Scores

ROWS_COMPARED = 3
"""Images whose outputs are compared row by row, if the net accepts this batch size."""


def probing_of(network: RunnableNetwork, passes: Sequence[RecordedPass]) -> Probing:
    """Run eval passes for each batch size; then measure row independence and scores with a batch size that works."""
    found = tuple(_pass(network, passes, size) for size in CHECKED_BATCHES)
    extra = network.graph.batch
    if extra and extra not in CHECKED_BATCHES:
        found = (*found, _pass(network, passes, extra))
    usable = [passed.batch for passed in found if passed.problem is None and passed.shape == (passed.batch, 10)]
    if not usable or network.graph.evaluation.output is None:
        return Probing(found)
    size = network.size(ROWS_COMPARED if ROWS_COMPARED in usable else max(usable))
    rows, score_rows, is_constant = _row_errors(network, size)
    return Probing(found, _scores(network, size), rows, score_rows, is_constant)


def _pass(network: RunnableNetwork, passes: Sequence[RecordedPass], size: int) -> Pass:
    """The pass for ``size`` images: replayed if the graph works for this size, otherwise as recorded."""
    recorded = {passed.batch: passed for passed in passes if passed.mode == "eval"}
    own = recorded.get(size)
    nearest = own or recorded.get(3) or next(iter(recorded.values()), None)
    if nearest is None:
        known = next((passed.problem for passed in passes if passed.problem is not None), None)
        return Pass(size, known or Problem("not-run", "no pass was recorded"))
    if own is None and network.graph.batch:
        return Pass(size, nearest.problem or Problem("replay", "no pass of this size was recorded"))
    if nearest.problem is not None or network.graph.batch not in (0, size) or nearest.returned != "Tensor":
        return Pass(size, nearest.problem, nearest.returned, nearest.shape, nearest.dtype)
    if own is not None and own.shape != (size, 10):
        return Pass(size, None, own.returned, own.shape, own.dtype)
    try:
        with torch.no_grad():
            result = network.evaluate(network.probes(size))
    except TORCH_ERRORS as error:
        return Pass(size, torch_problem("replay", error))
    return Pass(size, None, "Tensor", tuple(result.shape[:8]), str(result.dtype).removeprefix("torch."))


def _still(network: RunnableNetwork, images: Tensor) -> tuple[Tensor, Values]:
    """Run one eval pass without dropout; return the output and the results of all nodes."""
    values: Values = []
    with torch.no_grad():
        result = network.evaluate(images, replaced=bypassing(network.evaluation, {"dropout"}), keep=values)
    return result, values


def _scores(network: RunnableNetwork, size: int) -> Scores:
    """How far the outputs of one pass are from log-probabilities, computed in double precision."""
    result, values = _still(network, network.probes(size))
    outputs = result.detach().double()
    if outputs.dim() != 2 or not bool(isfinite(outputs).all()):
        return Scores(is_finite=bool(isfinite(outputs).all()))
    found = network.evaluation
    tail = _tail(network)
    return Scores(
        is_finite=True,
        largest=float(outputs.max()),
        smallest=float(outputs.min()),
        sum_error=bounded((outputs.clamp(max=50).exp().sum(1) - 1).abs().max()),
        column_error=bounded((outputs.clamp(max=50).exp().sum(0) - 1).abs().max()),
        probability_error=bounded((outputs.sum(1) - 1).abs().max()),
        tail=_words(found, tail),
        lead=_lead(found, values, outputs, tail),
    )


def bounded(value: Tensor) -> float:
    """The value, limited so that JSON can represent it."""
    return min(float(value), 1e30)


def scale_of(values: Tensor) -> float:
    """The scale for changes of these values: their spread, but at least a thousandth of the largest value."""
    spread = float(values.double().std()) if values.numel() > 1 else 0.0
    return max(spread, 1e-3 * float(values.abs().max()), 1e-12)


def _output_operation(network: RunnableNetwork) -> int | None:
    """The index of the eval operation that returned the output; None if there is none."""
    output = network.graph.evaluation.output
    if output is None or output.kind != "node" or output.index not in network.evaluation.nodes:
        return None
    return network.evaluation.nodes.index(output.index)


def _tail(network: RunnableNetwork) -> list[int]:
    """Operations from the last weighted layer (included) to the output, in order."""
    chain: set[int] = set()
    last = _output_operation(network)
    waiting = [] if last is None else [last]
    operations = network.evaluation.operations
    while waiting:
        index = waiting.pop()
        if index < 0 or index in chain:
            continue
        chain.add(index)
        if operations[index].kind not in WEIGHTED:
            waiting.extend(operations[index].inputs)
    return sorted(chain)


def _lead(found: ClassifiedProgram, values: Values, outputs: Tensor, chain: Sequence[int]) -> tuple[str, ...] | None:
    """The operations in ``chain`` up to the first result s with outputs == log_softmax(s, 1); None if there is none."""
    for position, index in enumerate(chain):
        value = values[found.nodes[index]][0].double()
        if value.shape != outputs.shape:
            continue
        if allclose(functional.log_softmax(value, dim=1), outputs, atol=1e-5, rtol=1e-4):
            return _words(found, chain[: position + 1])
    return None


def _words(found: ClassifiedProgram, indices: Sequence[int]) -> tuple[str, ...]:
    operations = [found.operations[index] for index in indices]
    return tuple(operation.name for operation in operations if operation.kind not in WEIGHTED)[:40]


def _final_scores(network: RunnableNetwork, values: Values) -> Tensor | None:
    """The input of the final softmax or log-softmax; without one, the result of the last weighted layer."""
    chain = _tail(network)
    operations, nodes = network.evaluation.operations, network.evaluation.nodes
    for index in chain:
        operation = operations[index]
        if operation.kind in {"softmax", "log_softmax"} and operation.inputs and operation.inputs[0] >= 0:
            value: Tensor = values[nodes[operation.inputs[0]]][0]
            return value
    return values[nodes[chain[0]]][0] if chain else None


def _row_errors(network: RunnableNetwork, size: int) -> tuple[float | None, float | None, bool]:
    """How much a row changes when the other images of the batch change, for the outputs and the scores before softmax.

    The changes are divided by the spread of the values, so that they are comparable between nets.
    """
    first = network.probes(size)
    other = network.probes(2 * size)[size:]
    base, values = _still(network, first)
    if size == 1:
        return 0.0, 0.0, False
    changes: list[tuple[Tensor, Tensor]] = []
    score_changes: list[tuple[Tensor, Tensor]] = []
    base_scores = _final_scores(network, values)
    for row in range(min(size, 3)):
        mixed = other.clone()
        mixed[row] = first[row]
        result, values = _still(network, mixed)
        changes.append((base[row], result[row]))
        scores = _final_scores(network, values)
        if base_scores is not None and scores is not None and _have_rows(base_scores, scores, size):
            score_changes.append((base_scores[row], scores[row]))
    exact = base.double()  # scores may be whole numbers
    spread = float((exact - exact.mean(0)).abs().max()) if exact.numel() else 0.0
    is_constant = spread < 1e-7 * max(1.0, float(exact.abs().max()))
    return _relative(changes, base), _relative(score_changes, base_scores) if score_changes else None, is_constant


def _have_rows(first: Tensor, second: Tensor, size: int) -> bool:
    """Whether two results can be compared row by row."""
    return first.shape == second.shape and first.dim() > 0 and len(first) == size


def _relative(pairs: list[tuple[Tensor, Tensor]], values: Tensor | None) -> float | None:
    if values is None or not pairs:
        return None
    change = max(float((first.double() - second.double()).abs().max()) for first, second in pairs)
    ratio = change / scale_of(values)
    return min(ratio, 1e30) if ratio == ratio else None
