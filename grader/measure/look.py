"""Looking at a recorded network: its operations, outputs, modes, gradients and cost, everything short of training."""

from __future__ import annotations

import base64
import itertools
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, allclose, isfinite
from torch.nn import functional

from grader.measure.anatomy import Anatomy, with_effects
from grader.measure.effects import effects_of
from grader.measure.images import Images
from grader.measure.network import Network, bypassing, open_network
from grader.measure.recognition import dropout_settings
from grader.measure.replay import State, Values, cost_of
from grader.measure.weights import chosen_state, fresh_state
from grader.model.evidence import (
    ECHO_IMAGES,
    ROW_TOLERANCE,
    Doubt,
    Echo,
    Gradients,
    Measurements,
    Modes,
    ParameterGradient,
    Pass,
    Probing,
    Problem,
    RecordedPass,
    Recording,
    Resources,
    Scores,
    Tracing,
)
from grader.model.graph import Graph, Node
from grader.model.operations import Kind
from grader.model.recorded import brought_along
from grader.worker.chosen import chosen_images, chosen_labels

BATCHES = (1, 2, 3, 64, 100)
"""DESIGN.md, forward.batch."""
ROWS_COMPARED = 3
"""Images whose outputs are compared row by row, where a net takes so many."""
SEEDS_TRIED = 8
LEAST_GRADIENT = 1e-7
"""Of the largest gradient in the network, each over the root of its size: less teaches nothing. See docs/calibration.md."""
LARGEST_TRAINED = 50_000_000
"""Parameters above which a net is not trained: the lab's own has some 20,000."""
ECHO_TOLERANCE = 1e-3
"""Of the outputs' spread. Replays on the same machine agree to 1e-6; a program that does something else is off by 1e-1."""
KNOWS_ALREADY = 0.5
"""An untrained net is right on one image in ten; see docs/calibration.md for the spread."""
FEW_NUMBERS = 200
"""So many numbers besides weights cannot hold what digits look like."""
PROGRAM_DIFFERS = "The program does something that its recorded network does not say"


@dataclass(frozen=True)
class Subject:
    """One recorded network: its graph, and what the recording says besides (``recording`` has no programs)."""

    graph: Graph
    recording: Recording
    parameters: int
    seed: int
    """Of the chosen weights and images, as the submission's process had it."""


def look(subject: Subject, images: Images, *, seed: int) -> Measurements:
    """Measure everything but training. ``seed`` is for weights and probes that the submission has never seen.

    Raises GraphRefused for a graph that costs too much or cannot be run.
    """
    torch.set_num_threads(1)
    graph, recording = subject.graph, subject.recording
    seconds: dict[str, float] = {}

    def probes(count: int) -> Tensor:
        return images.probes(count, seed=seed)

    with _timed(seconds, "trace"):
        cost_of(graph)
        network = open_network(graph, probes, seed=seed)
        # Of repaired sizes the layers are looked at, and not how much they matter.
        effects = {} if recording.repairs else effects_of(network, itertools.count(seed))
        trace = _trace(network, recording, effects)
    if any(repair.kind == "device" for repair in recording.repairs):
        # With a GPU the rest would run there, and without one it would fail; the verdict must not depend on that.
        return Measurements(trace, seconds=seconds)
    with _timed(seconds, "probe"):
        probe = _probe(network, recording.passes)
    usable = [one.batch for one in probe.passes if one.problem is None and one.shape == (one.batch, 10)]
    if not usable or graph.training.output is None or graph.evaluation.output is None:
        return Measurements(trace, probe, seconds=seconds)
    with _timed(seconds, "modes"):
        modes = _modes(network)
    with _timed(seconds, "gradients"):
        gradients = _gradients(network, seed=seed)
    with _timed(seconds, "resources"):
        resources = _resources(network, subject.parameters)
    with _timed(seconds, "doubts"):
        doubts = (*_echoes(network, subject), *_knowledge(network, images))
    is_hopeless = (
        subject.parameters > LARGEST_TRAINED
        or gradients.problem is not None
        or (probe.scores is not None and not probe.scores.is_finite)
        or any(one.is_fresh and one.kind in {"conv", "linear", "norm"} for one in trace.operations)
        or any(one.drops_everything for one in trace.operations)
    )
    is_mixing = probe.row_error is not None and probe.row_error > ROW_TOLERANCE
    return Measurements(
        trace, probe, modes, gradients, resources, doubts, seconds, not is_hopeless, is_worth_retrying=not is_mixing
    )


@contextmanager
def _timed(seconds: dict[str, float], stage: str) -> Iterator[None]:
    start = time.process_time()
    try:
        yield
    finally:
        seconds[stage] = round(time.process_time() - start, 4)


def _problem(error: Exception) -> Problem:
    text = str(error).strip().splitlines()
    return Problem("replay", text[0][:300] if text else "", type(error).__name__)


# ---- the operations --------------------------------------------------------------------------------------------------


def _trace(network: Network, recording: Recording, effects: dict[int, float]) -> Tracing:
    """The operations of the training pass, or as far as it came."""
    passes = [one for one in recording.passes if one.mode == "train"]
    whole = next((one for one in passes if one.problem is None), None)
    failed = next((one for one in passes if one.problem is not None), None)
    shown = whole or failed
    output = network.graph.training.output
    index: int | None = None
    if whole is not None and output is not None:
        nodes = network.training.nodes
        known = {node: at for at, node in enumerate(nodes) if node >= 0}
        index = -1 if output.kind == "input" else known.get(output.index) if output.kind == "node" else None
    return Tracing(
        problem=None if whole is not None or failed is None else failed.problem,
        batch=network.size(4),
        operations=with_effects(network.training, effects)[:400],
        output=index,
        returned=shown.returned if shown is not None else "",
        repairs=recording.repairs,
        remarks=recording.remarks,
    )


# ---- outputs ---------------------------------------------------------------------------------------------------------


def _probe(network: Network, passes: Sequence[RecordedPass]) -> Probing:
    """Eval-mode passes at every batch size, then row independence and the shape of the scores at a size that works."""
    found = tuple(_pass(network, passes, size) for size in BATCHES)
    extra = network.graph.batch
    if extra and extra not in BATCHES:
        found = (*found, _pass(network, passes, extra))
    usable = [one.batch for one in found if one.problem is None and one.shape == (one.batch, 10)]
    if not usable or network.graph.evaluation.output is None:
        return Probing(found)
    size = network.size(ROWS_COMPARED if ROWS_COMPARED in usable else max(usable))
    rows, score_rows, is_constant = _row_errors(network, size)
    return Probing(found, _scores(network, size), rows, score_rows, is_constant)


def _pass(network: Network, passes: Sequence[RecordedPass], size: int) -> Pass:
    """What came out for so many images: as recorded, and of a graph for any number as replayed."""
    recorded = {one.batch: one for one in passes if one.mode == "eval"}
    one = recorded.get(size)
    nearest = one or recorded.get(3) or next(iter(recorded.values()), None)
    if nearest is None:
        return Pass(size, Problem("not-run", "no pass was recorded"))
    if one is None and network.graph.batch:
        return Pass(size, nearest.problem or Problem("replay", "no pass of this size was recorded"))
    if nearest.problem is not None or network.graph.batch not in (0, size) or nearest.returned != "Tensor":
        return Pass(size, nearest.problem, nearest.returned, nearest.shape, nearest.dtype)
    if one is not None and one.shape != (size, 10):
        return Pass(size, None, one.returned, one.shape, one.dtype)
    try:
        with torch.no_grad():
            result = network.evaluate(network.probes(size))
    except Exception as error:
        return Pass(size, _problem(error))
    return Pass(size, None, "Tensor", tuple(result.shape[:8]), str(result.dtype).removeprefix("torch."))


def _still(network: Network, images: Tensor) -> tuple[Tensor, Values]:
    """One eval pass without dropout, and all results."""
    values: Values = []
    with torch.no_grad():
        result = network.evaluate(images, replaced=bypassing(network.evaluation, {"dropout"}), keep=values)
    return result, values


def _scores(network: Network, size: int) -> Scores:
    """What one pass's outputs look like as log-probabilities, in double precision."""
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
        sum_error=_bounded((outputs.clamp(max=50).exp().sum(1) - 1).abs().max()),
        column_error=_bounded((outputs.clamp(max=50).exp().sum(0) - 1).abs().max()),
        probability_error=_bounded((outputs.sum(1) - 1).abs().max()),
        tail=_words(found, tail),
        lead=_lead(found, values, outputs, tail),
    )


def _bounded(value: Tensor) -> float:
    return min(float(value), 1e30)


def _output_operation(network: Network) -> int | None:
    """The index of the eval operation that made the result; None when none did."""
    output = network.graph.evaluation.output
    if output is None or output.kind != "node" or output.index not in network.evaluation.nodes:
        return None
    return network.evaluation.nodes.index(output.index)


def _tail(network: Network) -> list[int]:
    """Operations between the last weighted one (itself included) and the output, in order."""
    chain: set[int] = set()
    last = _output_operation(network)
    waiting = [] if last is None else [last]
    operations = network.evaluation.operations
    while waiting:
        index = waiting.pop()
        if index < 0 or index in chain:
            continue
        chain.add(index)
        if operations[index].kind not in {"conv", "linear"}:
            waiting.extend(operations[index].inputs)
    return sorted(chain)


def _lead(found: Anatomy, values: Values, outputs: Tensor, chain: Sequence[int]) -> tuple[str, ...] | None:
    """The operations before the earliest result s, from the last weighted one on, with outputs == log_softmax(s, 1)."""
    for position, index in enumerate(chain):
        value = values[found.nodes[index]][0].double()
        if value.shape != outputs.shape:
            continue
        if allclose(functional.log_softmax(value, dim=1), outputs, atol=1e-5, rtol=1e-4):
            return _words(found, chain[: position + 1])
    return None


def _words(found: Anatomy, indices: Sequence[int]) -> tuple[str, ...]:
    operations = [found.operations[index] for index in indices]
    return tuple(one.name for one in operations if one.kind not in {"conv", "linear"})[:40]


def _final_scores(network: Network, values: Values) -> Tensor | None:
    """The scores that enter the final softmax or log-softmax, or the last weighted result when there is none."""
    chain = _tail(network)
    operations, nodes = network.evaluation.operations, network.evaluation.nodes
    for index in chain:
        operation = operations[index]
        if operation.kind in {"softmax", "log_softmax"} and operation.inputs and operation.inputs[0] >= 0:
            value: Tensor = values[nodes[operation.inputs[0]]][0]
            return value
    return values[nodes[chain[0]]][0] if chain else None


def _row_errors(network: Network, size: int) -> tuple[float | None, float | None, bool]:
    """How much rows change when their neighbours do, for the outputs and for the scores before the final softmax.

    Changes are divided by the spread of the values, so that they mean the same for every net.
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


def _have_rows(one: Tensor, other: Tensor, size: int) -> bool:
    """Whether two results can be compared row by row."""
    return one.shape == other.shape and one.dim() > 0 and len(one) == size


def _relative(pairs: list[tuple[Tensor, Tensor]], values: Tensor | None) -> float | None:
    if values is None or not pairs:
        return None
    change = max(float((one.double() - two.double()).abs().max()) for one, two in pairs)
    scale = max(float(values.double().std()) if values.numel() > 1 else 0.0, 1e-3 * float(values.abs().max()), 1e-12)
    ratio = change / scale
    return min(ratio, 1e30) if ratio == ratio else None


# ---- modes -----------------------------------------------------------------------------------------------------------


def _modes(network: Network) -> Modes:
    """Pairs of passes over one batch in training and in eval mode, with dropout free and with dropout held.

    Several sizes are tried in order: a dropout that seldom drops may leave a small batch alone.
    """
    sizes = [network.size(size) for size in (16, 64, 100)]
    data = network.probes(sizes[0])
    torch.manual_seed(network.seed)
    try:
        train = 0.0
        for size in sizes:
            train = max(train, _difference(network, network.probes(size), is_training=True))
            if train > 0:
                break
        return Modes(
            None,
            train,
            max(_difference(network, data, is_training=False) for _ in range(2)),
            _difference(network, data, is_training=True, is_still=True),
            _difference(network, data, is_training=False, is_still=True),
        )
    except Exception as error:
        return Modes(_problem(error))


def _difference(network: Network, data: Tensor, *, is_training: bool, is_still: bool = False) -> float:
    found = network.training if is_training else network.evaluation
    replaced = bypassing(found, {"dropout"}) if is_still else None
    run = network.train if is_training else network.evaluate
    with torch.no_grad():
        change = (run(data, replaced=replaced).double() - run(data, replaced=replaced).double()).abs()
    change = change[isfinite(change)]
    return _bounded(change.max()) if change.numel() else 0.0


# ---- gradients -------------------------------------------------------------------------------------------------------


def _gradients(network: Network, *, seed: int) -> Gradients:
    """The gradients of a net as the submission initialises it: weights that always start dead are a fault, and new ones
    would hide it. Those that start dead by chance get another chance.
    """
    first: Gradients | None = None
    for number in range(SEEDS_TRIED):
        state = fresh_state(network.graph, seed=seed + number, like_own=True)
        found = _gradients_of(network, state)
        first = first or found
        if found.problem is not None or all(one.state != "zero" for one in found.parameters):
            return found
    return first or Gradients(None)


def _gradients_of(network: Network, state: State) -> Gradients:
    """Backward passes from the loss in training mode.

    A gradient counts as zero only if it stays zero over three batches with an SGD step between them: a last layer that
    starts at zero, or one batch that leaves a ReLU dead, is no fault. ``state`` is changed by the steps.
    """
    graph, size = network.graph, network.size(32)
    states = ["none"] * len(state.weights)
    labels = chosen_labels(size)
    torch.manual_seed(network.seed)
    for attempt in range(3):
        for weight in state.weights:
            weight.grad = None
        data = network.probes(size + attempt)[:size]
        try:
            outputs = network.replay.run(graph.training, data, state)
            assert outputs is not None
            loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), labels)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        except Exception as error:
            return Gradients(_problem(error), _listed(graph, states), _unregistered(graph))
        largest = max((_size(weight.grad) for weight in state.weights), default=0.0)
        for index, weight in enumerate(state.weights):
            if states[index] != "ok":
                # A bias before a batch norm changes nothing, and its gradient is what rounding leaves.
                least = LEAST_GRADIENT * largest if weight.dim() > 1 else 0.0
                states[index] = _gradient_state(weight.grad, least)
        if all(one == "ok" for one in states):
            break
        with torch.no_grad():
            for weight in state.weights:
                if weight.grad is not None and bool(isfinite(weight.grad).all()):
                    weight.sub_(weight.grad, alpha=0.1)
    return Gradients(None, _listed(graph, states), _unregistered(graph))


def _size(gradient: Tensor | None) -> float:
    """The root mean square of a gradient's values; 0 for one that is not there or not finite."""
    if gradient is None or not gradient.numel():
        return 0.0
    size = float(gradient.double().square().mean().sqrt())
    return size if size < float("inf") else 0.0


def _gradient_state(gradient: Tensor | None, least: float) -> str:
    if gradient is None:
        return "none"
    if not bool(isfinite(gradient).all()):
        return "nonfinite"
    return "ok" if _size(gradient) > least else "zero"


def _listed(graph: Graph, states: Sequence[str]) -> tuple[ParameterGradient, ...]:
    return tuple(
        ParameterGradient(one.name[:120], one.shape, state, one.is_trainable)
        for one, state in zip(graph.weights[:500], states, strict=False)
        if one.is_registered
    )


def _unregistered(graph: Graph) -> tuple[str, ...]:
    """Words for weights that take part and that net.parameters() does not give."""
    words = [
        f"a weight of shape {' x '.join(map(str, one.shape))}" for one in graph.weights if not one.is_registered
    ]
    return tuple(dict.fromkeys(words))[:20]


# ---- cost ------------------------------------------------------------------------------------------------------------


def _resources(network: Network, parameters: int) -> Resources:
    """CPU seconds of a warm eval pass, scaled to 64 images when the net takes only another batch size; best of several.

    The process's own CPU clock is read, so that a busy machine does not slow a student down.
    """
    size = network.size(64)
    data = network.probes(size)
    best = float("inf")
    with torch.no_grad():
        for number in range(4):
            start = time.process_time()
            network.evaluate(data)
            if number:  # the first warms up
                best = min(best, (time.process_time() - start) * 64 / size)
            if best < 0.2:
                break
    return Resources(None, parameters, best)


# ---- doubts ----------------------------------------------------------------------------------------------------------


def _echoes(network: Network, subject: Subject) -> Iterator[Doubt]:
    """The submission's own run on chosen weights and images, against a replay on the same."""
    graph, echo = subject.graph, subject.recording.echo
    is_comparable = graph.batch in (0, ECHO_IMAGES) and all(one.number >= 0 for one in graph.weights)
    held = (*graph.buffers, *graph.constants)
    if echo is None or not is_comparable or any(not one.values and one.count for one in held):
        return
    state = chosen_state(graph, seed=subject.seed)
    outputs = network.replay.run(graph.evaluation, chosen_images(ECHO_IMAGES, seed=subject.seed + 1), state)
    own = torch.from_numpy(np.frombuffer(base64.b64decode(echo.outputs), "<f4").astype(np.float64))
    if outputs is None or own.numel() != outputs.numel():
        yield Doubt("program-differs", "", f"{PROGRAM_DIFFERS}: its outputs have another size.")
        return
    if any(node.kind is Kind.RANDOM or _is_active_dropout(node) for node in graph.evaluation.nodes):
        return  # no two passes are alike
    replayed = outputs.detach().double().flatten()
    if _apart(own, replayed) > ECHO_TOLERANCE:
        yield Doubt("program-differs", "", f"{PROGRAM_DIFFERS}: on the same weights and images its outputs are others.")
        return
    yield from _gradient_echoes(graph, echo, state, outputs)


def _is_active_dropout(node: Node) -> bool:
    return node.kind is Kind.DROPOUT and dropout_settings(node)["is_active"] is True


def _apart(own: Tensor, replayed: Tensor) -> float:
    """The largest difference over the spread; values that are finite in neither are the same."""
    both = isfinite(own) & isfinite(replayed)
    if bool((isfinite(own) != isfinite(replayed)).any()):
        return 1.0
    if not bool(both.any()):
        return 0.0
    own, replayed = own[both], replayed[both]
    scale = max(float(replayed.std()) if replayed.numel() > 1 else 0.0, 1e-3 * float(replayed.abs().max()), 1e-12)
    return float((own - replayed).abs().max()) / scale


def _gradient_echoes(graph: Graph, echo: Echo, state: State, outputs: Tensor) -> Iterator[Doubt]:
    if outputs.requires_grad:
        loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), chosen_labels(ECHO_IMAGES))
        try:
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        except RuntimeError:
            return  # told where gradients are looked at
    largest = max((float(one.grad.double().norm()) for one in state.weights if one.grad is not None), default=0.0)
    for one, weight in zip(graph.weights, state.weights, strict=True):
        own = max(echo.gradients[one.number], 0.0) if one.number < len(echo.gradients) else 0.0
        replayed = 0.0 if weight.grad is None else float(weight.grad.double().norm())
        if abs(own - replayed) > 0.01 * max(own, replayed) + 1e-5 * largest:
            where = f" of {one.name}" if one.name else ""
            message = f"{PROGRAM_DIFFERS}: backward gives another gradient{where}."
            yield Doubt("backward-differs", "behaviour.gradients", message)
            yield Doubt("backward-differs", "training.accuracy", message)
            return


def _knowledge(network: Network, images: Images) -> Iterator[Doubt]:
    """A net must not know the digits before it has learnt them."""
    if brought_along(network.graph) < FEW_NUMBERS:
        return
    size = network.size(250)
    right = total = 0
    with torch.no_grad():
        for start in range(0, 250, size):
            labels = images.labels[start : start + size]
            if len(labels) < size:
                break
            outputs = network.evaluate(images.normalised(images.train[start : start + size]))
            right += int((outputs.argmax(1) == labels).sum())
            total += size
    if total and right / total > KNOWS_ALREADY:
        message = f"Before any training the net is right on {right / total:.0%} of the images; where are its weights from?"
        yield Doubt("trained-before", "training.accuracy", message)
