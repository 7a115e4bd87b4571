"""Doubts about a recorded network: its program does something else, or it knows the digits before training."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, isfinite
from torch.nn import functional

from grader.measure.images import Images
from grader.measure.network import RunnableNetwork
from grader.measure.outputs import scale_of
from grader.measure.recognition import has_chance
from grader.measure.replay import State
from grader.measure.weights import chosen_state
from grader.model.evidence import ALL_CHECKS, ECHO_IMAGES, Doubt, Echo, Recording
from grader.model.graph import Graph
from grader.model.recorded import brought_along
from grader.worker.record.seeded_values import chosen_images, chosen_labels

ECHO_TOLERANCE = 1e-3
"""Tolerance, relative to the spread of the outputs. Replays on one machine agree to 1e-6; a program that does something
else differs by 1e-1."""
NOISE_MARGIN = 4
"""Factor on the difference of two replays, for networks that draw random numbers in evaluation mode."""
KNOWS_ALREADY = 0.5
"""Largest accuracy before training. An untrained net has 0.1; docs/calibration.md has the spread."""
FEW_NUMBERS = 200
"""A network with fewer numbers than this besides its weights cannot store what digits look like."""
PROGRAM_DIFFERS = "The program does something that is not in its recorded network"


def echo_doubts(network: RunnableNetwork, recording: Recording, *, seed: int) -> Iterator[Doubt]:
    """Compare the submission's own outputs, for weights and images chosen by ``seed``, with a replay on the same."""
    graph, echo = network.graph, recording.echo
    is_comparable = graph.batch in (0, ECHO_IMAGES) and all(weight.number >= 0 for weight in graph.weights)
    held = (*graph.buffers, *graph.constants)
    if not is_comparable or any(not tensor.values and tensor.count for tensor in held):
        return
    if echo is None:
        evaluated = [recorded for recorded in recording.passes if recorded.mode == "eval" and recorded.problem is None]
        if any(recorded.shape == (ECHO_IMAGES, 10) for recorded in evaluated):
            yield Doubt(
                "program-differs", ALL_CHECKS, f"{PROGRAM_DIFFERS}: it fails with weights that the grader chooses."
            )
        return
    state = chosen_state(graph, seed=seed)
    outputs = network.replay.run(graph.evaluation, chosen_images(ECHO_IMAGES, seed=seed + 1), state)
    own = torch.from_numpy(np.frombuffer(base64.b64decode(echo.outputs), "<f4").astype(np.float64))
    if outputs is None or own.numel() != outputs.numel():
        yield Doubt("program-differs", ALL_CHECKS, f"{PROGRAM_DIFFERS}: its outputs have a different size.")
        return
    replayed = outputs.detach().double().flatten()
    noise = 0.0  # where two passes differ by chance, only a larger difference counts
    if has_chance(graph.evaluation):
        images = chosen_images(ECHO_IMAGES, seed=seed + 1)
        again = network.replay.run(graph.evaluation, images, chosen_state(graph, seed=seed))
        noise = NOISE_MARGIN * _apart(again.detach().double().flatten(), replayed) if again is not None else 0.0
    if _apart(own, replayed) > max(ECHO_TOLERANCE, noise):
        yield Doubt(
            "program-differs", ALL_CHECKS, f"{PROGRAM_DIFFERS}: its outputs differ for the same weights and images."
        )
        return
    if noise <= ECHO_TOLERANCE:
        yield from _gradient_echoes(graph, echo, state, outputs)


def _apart(own: Tensor, replayed: Tensor) -> float:
    """The largest difference divided by the spread. Values that are finite in neither tensor count as equal."""
    both = isfinite(own) & isfinite(replayed)
    if bool((isfinite(own) != isfinite(replayed)).any()):
        return 1.0
    if not bool(both.any()):
        return 0.0
    own, replayed = own[both], replayed[both]
    return float((own - replayed).abs().max()) / scale_of(replayed)


def _gradient_echoes(graph: Graph, echo: Echo, state: State, outputs: Tensor) -> Iterator[Doubt]:
    if outputs.requires_grad:
        loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), chosen_labels(ECHO_IMAGES))
        try:
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        except RuntimeError:
            return  # the gradient stage reports this error
    largest = max((float(value.grad.double().norm()) for value in state.weights if value.grad is not None), default=0.0)
    for weight, tensor in zip(graph.weights, state.weights, strict=True):
        own = max(echo.gradients[weight.number], 0.0) if weight.number < len(echo.gradients) else 0.0
        replayed = 0.0 if tensor.grad is None else float(tensor.grad.double().norm())
        if abs(own - replayed) > 0.01 * max(own, replayed) + 1e-5 * largest:
            where = f" for {weight.name}" if weight.name else ""
            message = f"{PROGRAM_DIFFERS}: the backward pass gives a different gradient{where}."
            yield Doubt("backward-differs", "behaviour.gradients", message)
            yield Doubt("backward-differs", "training.accuracy", message)
            return


def knowledge_doubts(network: RunnableNetwork, images: Images) -> Iterator[Doubt]:
    """A network must not classify digits correctly before training."""
    if brought_along(network.graph) < FEW_NUMBERS:
        return
    share = untrained_accuracy(network, images)
    if share > KNOWS_ALREADY:
        seen = f"Before any training, the network classifies {share:.0%} of the images correctly"
        message = f"{seen}; check where its weights come from."
        yield Doubt("trained-before", "training.accuracy", message)


def untrained_accuracy(network: RunnableNetwork, images: Images) -> float:
    """The share of 250 training images that the network classifies correctly before training."""
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
    return right / total if total else 0.0
