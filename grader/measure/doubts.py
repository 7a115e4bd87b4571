"""Why a recorded network may not be what was handed in: its program does something else, or it knows the digits."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, isfinite
from torch.nn import functional

from grader.measure.images import Images
from grader.measure.network import Network
from grader.measure.outputs import scale_of
from grader.measure.recognition import has_chance
from grader.measure.replay import State
from grader.measure.weights import chosen_state
from grader.model.evidence import ECHO_IMAGES, Doubt, Echo, Recording
from grader.model.graph import Graph
from grader.model.recorded import brought_along
from grader.worker.record.chosen import chosen_images, chosen_labels

ECHO_TOLERANCE = 1e-3
"""Of the outputs' spread. Replays on the same machine agree to 1e-6; a program that does something else is off by
1e-1."""
NOISE_MARGIN = 4
"""Times the difference of two replays, where chance plays a part in evaluation mode."""
KNOWS_ALREADY = 0.5
"""An untrained net is right on one image in ten; see docs/calibration.md for the spread."""
FEW_NUMBERS = 200
"""So many numbers besides weights cannot hold what digits look like."""
PROGRAM_DIFFERS = "The program does something that its recorded network does not say"


def echo_doubts(network: Network, recording: Recording, *, seed: int) -> Iterator[Doubt]:
    """The submission's own run on weights and images chosen by ``seed``, against a replay on the same."""
    graph, echo = network.graph, recording.echo
    is_comparable = graph.batch in (0, ECHO_IMAGES) and all(weight.number >= 0 for weight in graph.weights)
    held = (*graph.buffers, *graph.constants)
    if not is_comparable or any(not tensor.values and tensor.count for tensor in held):
        return
    if echo is None:
        evaluated = [recorded for recorded in recording.passes if recorded.mode == "eval" and recorded.problem is None]
        if any(recorded.shape == (ECHO_IMAGES, 10) for recorded in evaluated):
            yield Doubt("program-differs", "", f"{PROGRAM_DIFFERS}: it fails on weights that are not its own.")
        return
    state = chosen_state(graph, seed=seed)
    outputs = network.replay.run(graph.evaluation, chosen_images(ECHO_IMAGES, seed=seed + 1), state)
    own = torch.from_numpy(np.frombuffer(base64.b64decode(echo.outputs), "<f4").astype(np.float64))
    if outputs is None or own.numel() != outputs.numel():
        yield Doubt("program-differs", "", f"{PROGRAM_DIFFERS}: its outputs have another size.")
        return
    replayed = outputs.detach().double().flatten()
    noise = 0.0  # where no two passes are alike, only more than that tells anything
    if has_chance(graph.evaluation):
        images = chosen_images(ECHO_IMAGES, seed=seed + 1)
        again = network.replay.run(graph.evaluation, images, chosen_state(graph, seed=seed))
        noise = NOISE_MARGIN * _apart(again.detach().double().flatten(), replayed) if again is not None else 0.0
    if _apart(own, replayed) > max(ECHO_TOLERANCE, noise):
        yield Doubt("program-differs", "", f"{PROGRAM_DIFFERS}: on the same weights and images its outputs are others.")
        return
    if noise <= ECHO_TOLERANCE:
        yield from _gradient_echoes(graph, echo, state, outputs)


def _apart(own: Tensor, replayed: Tensor) -> float:
    """The largest difference over the spread; values that are finite in neither are the same."""
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
            return  # told where gradients are looked at
    largest = max((float(value.grad.double().norm()) for value in state.weights if value.grad is not None), default=0.0)
    for weight, tensor in zip(graph.weights, state.weights, strict=True):
        own = max(echo.gradients[weight.number], 0.0) if weight.number < len(echo.gradients) else 0.0
        replayed = 0.0 if tensor.grad is None else float(tensor.grad.double().norm())
        if abs(own - replayed) > 0.01 * max(own, replayed) + 1e-5 * largest:
            where = f" of {weight.name}" if weight.name else ""
            message = f"{PROGRAM_DIFFERS}: backward gives another gradient{where}."
            yield Doubt("backward-differs", "behaviour.gradients", message)
            yield Doubt("backward-differs", "training.accuracy", message)
            return


def knowledge_doubts(network: Network, images: Images) -> Iterator[Doubt]:
    """A net must not know the digits before it has learnt them."""
    if brought_along(network.graph) < FEW_NUMBERS:
        return
    share = untrained_accuracy(network, images)
    if share > KNOWS_ALREADY:
        message = f"Before any training the net is right on {share:.0%} of the images; where are its weights from?"
        yield Doubt("trained-before", "training.accuracy", message)


def untrained_accuracy(network: Network, images: Images) -> float:
    """The share of 250 training images that the network is right on as it begins."""
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
