"""The short training run: it measures whether a network can learn, under the same conditions for every submission.

MNIST is in memory as uint8 and is normalised batch by batch, without a DataLoader. The seed determines the run, and its
length is a number of steps. The outputs for the held-out images go to the parent, because only the parent has their
labels.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from grader.measure.images import Images
from grader.measure.network import Probes, bypassing, open_network, torch_problem
from grader.measure.optimisers import Descent
from grader.measure.recognition import has_chance
from grader.measure.replay import TORCH_ERRORS, Replacement, Replay, State, is_out_of_memory
from grader.measure.weights import fresh_state
from grader.model import TRAINING_CPU_SECONDS, TrainingPlan
from grader.model.equality import digest
from grader.model.evidence import CurvePoint, Problem, Remark, Training
from grader.model.graph import Graph
from grader.model.images import MOST_CHANNELS, SIDE, are_filters
from grader.model.operations import Kind
from grader.model.training import ON_CPU

VALIDATION_IMAGES = 300
"""Images from the end of the training set; their accuracy decides when to stop."""
EVALUATION_BATCH = 250
RESERVED_STEPS = 15
"""Training steps that take as long as the final evaluation, for which time is reserved: 2,300 images forward, while a
step takes 64 images forward and backward.
"""


@dataclass(frozen=True)
class Attempt:
    """One training run. Every second run of a plan uses the retry learning rate and length."""

    seed: int
    learning_rate: float
    steps: int


def attempt_of(plan: TrainingPlan, number: int, *, seed: int) -> Attempt:
    """Attempt ``number`` (from 0) of a plan."""
    if number % 2:
        return Attempt(seed, plan.retry_learning_rate, plan.retry_steps)
    return Attempt(seed, plan.learning_rate, plan.steps)


@dataclass(frozen=True)
class Outputs:
    """What a training run gives besides its record.

    ``heldout`` are the outputs for the held-out images, (n, 10), empty if the training failed. ``filters`` are those of
    the first convolution, (n, height, width), if they can be shown.
    """

    heldout: Tensor
    filters: Tensor | None = None


NOTHING = Outputs(torch.empty(0, 10))


def train(
    graph: Graph,
    images: Images,
    plan: TrainingPlan,
    attempt: Attempt,
    *,
    probes: Probes,
    device: str = "cpu",
    most_seconds: float = TRAINING_CPU_SECONDS,
    first_heldout: int | None = None,
) -> tuple[Training, Outputs]:
    """Train the network from new initial weights as ``attempt`` says, then run it on the held-out images.

    If the run reaches its stop accuracy, only on the first ``first_heldout`` of them (None: on all).
    After ``most_seconds`` of CPU time the run stops early, with a remark.

    The loss is the negative log likelihood of a log-softmax of the outputs. For log-probabilities, the log-softmax
    changes nothing. A net that returns plain scores does not fail here, because another check reports that fault. If
    torch lacks an operation on the GPU, the network is trained on the CPU.
    """
    still: dict[int, Replacement] = {}
    if has_chance(graph.evaluation):
        still = bypassing(open_network(graph, probes, seed=attempt.seed).evaluation, {"dropout"})
    run = _Run(graph, images, plan, attempt, still, most_seconds, first_heldout)
    try:
        return run.on(device)
    except TORCH_ERRORS as error:
        if device == "cpu" and is_out_of_memory(error):
            raise
        problem = torch_problem("training", error)
    if device != "cpu":
        try:
            record, outputs = run.on("cpu")
        except TORCH_ERRORS as error:
            if is_out_of_memory(error):
                raise
            problem = torch_problem("training", error)
        else:
            remark = Remark(ON_CPU, f"training on {device} failed, so it ran on the CPU")
            return replace(record, remarks=(*record.remarks, remark)), outputs
    return Training(problem, attempt.seed, device, network=digest(graph)), NOTHING


@dataclass(frozen=True)
class _Run:
    graph: Graph
    images: Images
    plan: TrainingPlan
    attempt: Attempt
    still: dict[int, Replacement]
    """Bypasses of dropout in evaluation; another check reports dropout that is left on in evaluation mode."""
    most_seconds: float
    first_heldout: int | None

    def on(self, device: str) -> tuple[Training, Outputs]:
        """Run the attempt on one device."""
        start = time.process_time()
        graph, plan, seed = self.graph, self.plan, self.attempt.seed
        replay = Replay(graph, device=device)
        state = fresh_state(graph, seed=seed, device=device)
        weights = [value for value in state.weights if value.requires_grad]
        name = digest(graph)
        if not weights:
            problem = Problem("nothing-to-train", "the net has no trainable parameters")
            return Training(problem, seed, device, network=name), NOTHING
        size = graph.batch or plan.batch_size
        descent = Descent(weights, rate=self.attempt.learning_rate, momentum=plan.momentum)
        count = len(self.images.train) - VALIDATION_IMAGES
        generator = torch.Generator().manual_seed(seed)
        torch.manual_seed(seed)
        order = torch.randperm(count, generator=generator)
        curve: list[CurvePoint] = []
        remarks: list[Remark] = []
        recent = torch.zeros((), device=device)
        since = step = position = 0
        tested = self.images.heldout
        while step < self.attempt.steps:
            if position + size > count:
                order, position = torch.randperm(count, generator=generator), 0
            picks = order[position : position + size]
            position += size
            descent.forget_gradients()
            outputs = replay.run(graph.training, self.images.normalised(self.images.train[picks], device), state)
            assert outputs is not None
            labels = self.images.labels[picks].to(device)
            loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), labels)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            descent.step()
            step, since = step + 1, since + 1
            recent += loss.detach()
            spent = time.process_time() - start
            is_out_of_time = spent * (1 + RESERVED_STEPS / step) > self.most_seconds
            if step % plan.evaluate_every and step != self.attempt.steps and not is_out_of_time:
                continue
            accuracy = self._accuracy(replay, state, device)
            mean_loss = float(recent) / since
            curve.append(CurvePoint(step, accuracy, mean_loss if abs(mean_loss) < 1e30 else 1e30))
            recent, since = torch.zeros((), device=device), 0
            if accuracy >= plan.stop_accuracy:
                tested = tested[: self.first_heldout]
                break
            if not math.isfinite(mean_loss):
                break
            if is_out_of_time:
                message = f"training was stopped after {step} of {self.attempt.steps} steps because it took too long"
                remarks.append(Remark("stopped-by-time", message))
                break
        heldout = self._outputs(replay, state, tested, device)
        seconds = round(time.process_time() - start, 4)
        record = Training(None, seed, device, step, seconds, tuple(curve), remarks=tuple(remarks), network=name)
        return record, Outputs(heldout, first_filters(graph, state))

    def _outputs(self, replay: Replay, state: State, data: Tensor, device: str) -> Tensor:
        """Eval-mode outputs (n, 10) on the CPU, without dropout.

        For a network with a fixed batch size, the last batch is filled up with blank images.
        """
        size = self.graph.batch or EVALUATION_BATCH
        parts = []
        with torch.no_grad():
            for start in range(0, len(data), size):
                part = data[start : start + size]
                missing = size - len(part) if self.graph.batch else 0
                if missing:
                    part = torch.cat([part, part.new_zeros(missing, SIDE, SIDE)])
                held = State(state.weights, [buffer.clone() for buffer in state.buffers], state.constants)
                given = self.images.normalised(part, device)
                result = replay.run(self.graph.evaluation, given, held, replaced=self.still)
                assert result is not None
                parts.append(result[: size - missing].detach())
        outputs = torch.cat(parts).float().cpu()
        return torch.nan_to_num(outputs, nan=-1e30, posinf=1e30, neginf=-1e30)

    def _accuracy(self, replay: Replay, state: State, device: str) -> float:
        count = len(self.images.train) - VALIDATION_IMAGES
        outputs = self._outputs(replay, state, self.images.train[count:], device)
        return float((outputs.argmax(1) == self.images.labels[count:]).float().mean())


def first_filters(graph: Graph, state: State) -> Tensor | None:
    """The weights (n, height, width) of the first convolution, input channels averaged.

    None if there is none, if it is too large to be shown, or if its weights are computed.
    """
    node = next((node for node in graph.evaluation.nodes if node.kind is Kind.CONV), None)
    weight = (
        next((source for source in node.sources() if source.kind == "parameter"), None) if node is not None else None
    )
    if weight is None:
        return None
    values = state.weights[weight.index].detach().float().cpu()
    if values.dim() != 4 or values.shape[1] > MOST_CHANNELS or not are_filters((len(values), *values.shape[2:])):
        return None
    filters = values.mean(1)
    return filters if bool(torch.isfinite(filters).all()) else None
