"""Measure everything about a recorded network except training: operations, outputs, modes, gradients, cost."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor, isfinite

from grader.measure.classified_program import with_effects
from grader.measure.cost import cost_of
from grader.measure.doubts import echo_doubts, knowledge_doubts
from grader.measure.effects import effects_of
from grader.measure.gradients import gradients_of
from grader.measure.images import Images
from grader.measure.network import RunnableNetwork, bypassing, open_network, torch_problem
from grader.measure.outputs import bounded, probing_of
from grader.measure.repaired_graph import repaired
from grader.measure.replay import TORCH_ERRORS, is_out_of_memory
from grader.model.evidence import ROW_TOLERANCE, Measurements, Modes, Recording, Resources, Tracing
from grader.model.graph import Graph, GraphRefused, size_of

LARGEST_TRAINED = 50_000_000
"""A net with more parameters than this is not trained; the lab's network has about 20,000."""


@dataclass(frozen=True)
class Subject:
    """One recorded network: its graph, and the other facts of its recording (``recording`` has no programs)."""

    graph: Graph
    recording: Recording
    parameters: int
    seed: int
    """Seed of the chosen weights and images in the submission's process."""
    has_run: bool = field(default=False, kw_only=True)
    """Whether the network has run in this process, as in a self-check: then its cost may be found by running it."""
    repairs: tuple[str, ...] = ()
    """Kinds of :mod:`grader.model.repair_kinds`: what is measured is the graph after these repairs."""


def measure(subject: Subject, images: Images, *, seed: int) -> Measurements:
    """Measure everything except training. ``seed`` is for weights and probe images that the submission has not seen.

    Raises GraphRefused if the graph costs too much or cannot be run.
    """
    torch.set_num_threads(1)
    try:
        return _measurements(subject, images, seed=seed)
    except TORCH_ERRORS as error:  # torch rejects a recorded operation
        if is_out_of_memory(error):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise GraphRefused(f"a replay of it fails: {reason[:200]}") from error


def _measurements(subject: Subject, images: Images, *, seed: int) -> Measurements:
    recording = subject.recording
    seconds: dict[str, float] = {}

    def probes(count: int) -> Tensor:
        return images.probes(count, seed=seed)

    with _timed(seconds, "trace"):
        cost_of(subject.graph, device="cpu" if subject.has_run else "meta")
        graph = repaired(subject.graph, subject.repairs, probes, seed=seed)
        network = open_network(graph, probes, seed=seed)
        # If forward could not be repaired, the layers are classified, but their effects are not measured.
        is_whole = graph.training.output is not None and graph.evaluation.output is not None
        effects = effects_of(network, itertools.count(seed)) if is_whole else {}
        trace = _trace(network, recording, effects)
    with _timed(seconds, "probe"):
        probe = probing_of(network, recording.passes)
    usable = [passed.batch for passed in probe.passes if passed.problem is None and passed.shape == (passed.batch, 10)]
    if not usable or graph.training.output is None or graph.evaluation.output is None:
        return Measurements(trace, probe, seconds=seconds)
    with _timed(seconds, "modes"):
        modes = _modes(network)
    with _timed(seconds, "gradients"):
        gradients = gradients_of(network, seed=seed)
    with _timed(seconds, "resources"):
        # A repair may have added layers to those that Net() has.
        recorded = sum(size_of(weight.shape) for weight in graph.weights if weight.is_registered)
        parameters = max(subject.parameters, recorded)
        resources = _resources(network, parameters)
    with _timed(seconds, "doubts"):
        doubts = (
            ()
            if subject.repairs
            else (
                *echo_doubts(network, recording, seed=subject.seed),
                *knowledge_doubts(network, images),
            )
        )
    is_hopeless = parameters > LARGEST_TRAINED or (probe.scores is not None and not probe.scores.is_finite)
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


def _trace(network: RunnableNetwork, recording: Recording, effects: dict[int, float]) -> Tracing:
    """The operations of the training pass, up to its error if it has one."""
    passes = [recorded for recorded in recording.passes if recorded.mode == "train"]
    whole = next((recorded for recorded in passes if recorded.problem is None), None)
    failed = next((recorded for recorded in passes if recorded.problem is not None), None)
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
        operations=with_effects(network.training, effects),
        output=index,
        returned=shown.returned if shown is not None else "",
        repairs=recording.repairs,
        remarks=recording.remarks,
    )


def _modes(network: RunnableNetwork) -> Modes:
    """Compare pairs of passes over one batch, in training and in evaluation mode, with and without dropout.

    For training mode, several batch sizes are tried, because dropout with a small probability may not change a small
    batch.
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
    except TORCH_ERRORS as error:
        return Modes(torch_problem("replay", error))


def _difference(network: RunnableNetwork, data: Tensor, *, is_training: bool, is_still: bool = False) -> float:
    found = network.training if is_training else network.evaluation
    replaced = bypassing(found, {"dropout"}) if is_still else None
    run = network.train if is_training else network.evaluate
    with torch.no_grad():
        change = (run(data, replaced=replaced).double() - run(data, replaced=replaced).double()).abs()
    change = change[isfinite(change)]
    return bounded(change.max()) if change.numel() else 0.0


def _resources(network: RunnableNetwork, parameters: int) -> Resources:
    """CPU seconds of an eval pass after a warm-up, best of several; scaled to 64 images for a fixed batch size.

    CPU time is used, so that a busy machine does not make a student's network look slow.
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
