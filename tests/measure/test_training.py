"""Tests of the brief training run: repeatable, limited in time, fair to unusual networks, shared by equal ones."""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.data import DataSet, write_worker_files
from grader.measure import training
from grader.measure.images import Images, load_images
from grader.measure.optimisers import Adam, Descent
from grader.measure.overfitting import overfit
from grader.measure.service import wire
from grader.measure.training import VALIDATION_IMAGES, Attempt, Outputs, attempt_of, train
from grader.model import TRAINING_CPU_SECONDS, Band, TrainingPlan
from grader.model.equality import digest
from grader.model.evidence import Ending, Evidence, Loading, Training
from grader.model.graph import Graph, Program
from grader.pipeline.measurement import Measuring, counted, training_seed
from grader.sandbox import MeasurementFailed
from tests.support.network_samples import Lab, With, bars, graph_from, images, probes, recording_of

pytestmark = pytest.mark.slow

PLAN = TrainingPlan(
    steps=60,
    batch_size=32,
    learning_rate=0.05,
    retry_learning_rate=0.1,
    retry_steps=90,
    momentum=0.9,
    runs=3,
    evaluate_every=20,
    stop_accuracy=1.1,
    margin=0.0,
    bands=(),
)
"""A stop accuracy above 1, so that a run takes all its steps."""
ANSWERS = bars(230, 2)[1]
TRAINED = 1500 - VALIDATION_IMAGES
MISSING_DEVICE = "cuda" if sys.platform == "darwin" else "mps"


class Net(nn.Module):
    """Two layers with dropout between them, which learn the bars in some ten steps."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.2, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


@pytest.mark.parametrize(
    ("ours_of", "theirs_of"),
    [
        (partial(Descent, rate=0.03, momentum=0.7), partial(torch.optim.SGD, lr=0.03, momentum=0.7)),
        (partial(Adam, rate=0.03), partial(torch.optim.Adam, lr=0.03)),
    ],
    ids=["SGD", "Adam"],
)
def test_the_steps_are_those_of_torchs_optimisers(
    ours_of: Callable[[Sequence[Tensor]], Descent | Adam],
    theirs_of: Callable[[Sequence[Tensor]], torch.optim.Optimizer],
) -> None:
    def weights() -> list[Tensor]:
        generator = torch.Generator().manual_seed(1)
        return [torch.randn(size, generator=generator, requires_grad=True) for size in ((40, 30), (30,), (7, 5))]

    ours, theirs = weights(), weights()
    descent, reference = ours_of(ours), theirs_of(theirs)
    for step in range(5):
        descent.forget_gradients()
        reference.zero_grad(set_to_none=True)
        for some in (ours, theirs):
            used = some[: 2 + step % 2]  # the last one has a gradient in every second step
            torch.stack([(weight**3).sum() for weight in used]).sum().backward()  # type: ignore[no-untyped-call]
        descent.step()
        reference.step()
    assert all(map(torch.equal, ours, theirs))


def run(
    net: nn.Module | Graph,
    seed: int = 1,
    *,
    number: int = 0,
    given: Images | None = None,
    device: str = "cpu",
    most_seconds: float = 60.0,
    first_heldout: int | None = None,
    **plan: Any,
) -> tuple[Training, Outputs]:
    graph = net if isinstance(net, Graph) else graph_from(net)
    changed = replace(PLAN, **plan)
    return train(
        graph,
        given or images(),
        changed,
        attempt_of(changed, number, seed=seed),
        probes=probes,
        device=device,
        most_seconds=most_seconds,
        first_heldout=first_heldout,
    )


def accuracy(outputs: Outputs) -> float:
    return float((outputs.heldout.argmax(1) == ANSWERS).float().mean())


def same(first: Training, second: Training) -> bool:
    return replace(first, seconds=0.0) == replace(second, seconds=0.0)


# ---- a run -----------------------------------------------------------------------------------------------------------


def test_a_net_learns() -> None:
    graph = graph_from(Net())
    record, outputs = run(graph)
    assert record.problem is None
    assert (record.seed, record.device, record.steps, record.remarks) == (1, "cpu", 60, ())
    assert record.curve[-1].accuracy > 0.9
    assert record.curve[-1].loss < record.curve[0].loss
    assert record.seconds > 0
    assert record.network == digest(graph)
    assert outputs.heldout.shape == (230, 10)
    assert accuracy(outputs) > 0.9
    assert (record.correct, record.total) == (0, 0), "who trains does not know the answers"


def test_the_lab_network_learns() -> None:
    record, outputs = run(Lab(), steps=200, learning_rate=0.02, stop_accuracy=0.9)
    assert record.problem is None
    assert accuracy(outputs) > 0.8
    assert outputs.filters is not None
    assert outputs.filters.shape == (4, 5, 5)


def test_a_seed_fixes_the_run() -> None:
    graph = graph_from(Net())
    first, outputs = run(graph, seed=7)
    torch.rand(1000)
    again, outputs_again = run(graph, seed=7)
    other, other_outputs = run(graph, seed=8)
    assert same(first, again)
    assert torch.equal(outputs.heldout, outputs_again.heldout)
    assert not torch.equal(outputs.heldout, other_outputs.heldout)
    assert other.seed == 8


def test_networks_with_the_same_digest_train_the_same() -> None:
    class Other(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.second = nn.Linear(32, 10)
            self.first = nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.ReLU(inplace=True), nn.Dropout(0.2))

        def forward(self, x: Tensor) -> Tensor:
            return torch.log_softmax(self.second(self.first(x)), 1)

    graphs = [graph_from(net) for net in (Net(), Other())]
    assert digest(graphs[0]) == digest(graphs[1])
    runs = [run(graph) for graph in graphs]
    assert same(runs[0][0], runs[1][0])
    assert torch.equal(runs[0][1].heldout, runs[1][1].heldout)


def test_training_does_not_start_from_the_submissions_weights() -> None:
    torch.manual_seed(0)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    data, labels = images().normalised(images().train[:256]), images().labels[:256]
    for _ in range(60):
        optimizer.zero_grad()
        F.nll_loss(net(data), labels).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    knows = net.eval()(images().normalised(images().heldout))
    assert float((knows.argmax(1) == ANSWERS).float().mean()) > 0.9, "the weights are good ones"
    fresh, outputs = run(graph_from(Net()))
    brought, brought_outputs = run(graph_from(net))
    assert same(fresh, brought)
    assert torch.equal(outputs.heldout, brought_outputs.heldout)


def test_without_an_early_stop_every_step_is_taken() -> None:
    record, _ = run(Net(), steps=50)
    assert record.steps == 50
    assert [point.step for point in record.curve] == [20, 40, 50]


def test_training_stops_as_soon_as_it_has_learnt_enough() -> None:
    graph = graph_from(Net())
    whole, _ = run(graph)
    stopped, outputs = run(graph, stop_accuracy=0.6)
    assert stopped.steps < whole.steps
    assert stopped.curve[-1].step == stopped.steps
    assert [point.accuracy >= 0.6 for point in stopped.curve] == [False] * (len(stopped.curve) - 1) + [True]
    assert stopped.curve == whole.curve[: len(stopped.curve)], "until then it is the same run"
    assert len(outputs.heldout) == 230


def test_validation_images_are_not_trained_on() -> None:
    labels = images().labels.clone()
    labels[TRAINED:] = (labels[TRAINED:] + 1) % 10
    graph = graph_from(Net())
    record, outputs = run(graph)
    fooled, fooled_outputs = run(graph, given=replace(images(), labels=labels))
    assert torch.equal(outputs.heldout, fooled_outputs.heldout)
    assert fooled.curve[-1].accuracy < 0.1 < record.curve[-1].accuracy


def test_a_run_that_takes_too_long_says_so() -> None:
    record, outputs = run(Net(), most_seconds=0.0)
    assert record.steps == 1
    assert [remark.id for remark in record.remarks] == ["stopped-by-time"]
    assert "after 1 of 60 steps" in record.remarks[0].message
    assert len(outputs.heldout) == 230


def test_every_second_attempt_has_the_other_rate_and_length() -> None:
    given = [attempt_of(PLAN, number, seed=number) for number in range(4)]
    assert given == [Attempt(0, 0.05, 60), Attempt(1, 0.1, 90), Attempt(2, 0.05, 60), Attempt(3, 0.1, 90)]
    assert run(Net(), number=1)[0].steps == 90


def test_the_arrays_are_mapped_as_they_were_written(tmp_path: Path) -> None:
    given = images()
    answers = ANSWERS.numpy().astype(np.uint8)
    labels = given.labels.numpy().astype(np.uint8)
    data = DataSet("mnist", given.train.numpy(), labels, given.heldout.numpy(), answers, "")
    files, shuffled = write_worker_files(data, tmp_path, order_seed=5)
    loaded = load_images(files)
    assert torch.equal(loaded.train, given.train)
    assert torch.equal(loaded.labels, given.labels)
    assert loaded.labels.dtype == torch.int64
    order = np.array([int((image == given.heldout).all(dim=(1, 2)).nonzero()[0]) for image in loaded.heldout])
    assert sorted(order) == list(range(230))
    assert (answers[order] == shuffled).all()
    assert (loaded.mean, loaded.std) == (files.mean, files.std)


# ---- odd nets --------------------------------------------------------------------------------------------------------


def two_layers(step: Callable[[Tensor], Tensor], last: Callable[[Tensor], Tensor]) -> nn.Module:
    return With(
        lambda net, x: last(net.fc2(step(F.relu(net.fc1(x.flatten(1)))))),
        fc1=nn.Linear(784, 32),
        fc2=nn.Linear(32, 10),
    )


def test_plain_scores_learn_as_well_as_log_probabilities() -> None:
    record, outputs = run(two_layers(lambda x: x, lambda x: F.log_softmax(x, 1)))
    scores, score_outputs = run(two_layers(lambda x: x, lambda x: x))
    assert [point.accuracy for point in scores.curve] == pytest.approx([p.accuracy for p in record.curve], abs=0.02)
    assert accuracy(score_outputs) == pytest.approx(accuracy(outputs), abs=0.02)


def test_dropout_left_on_is_bypassed_in_evaluation() -> None:
    noisy = two_layers(lambda x: F.dropout(x, 0.2), lambda x: F.log_softmax(x, 1))
    assert torch.equal(run(noisy)[1].heldout, run(Net())[1].heldout)


def test_a_hard_coded_batch_size_is_trained_and_measured_with_it() -> None:
    graph = graph_from(With(lambda net, x: net.fc(x.view(64, -1)), fc=nn.Linear(784, 10)))
    assert graph.batch == 64
    assert 230 % 64
    record, outputs = run(graph)
    assert record.problem is None
    assert outputs.heldout.shape == (230, 10)
    assert accuracy(outputs) > 0.9


def test_batch_norm_is_measured_with_its_running_statistics() -> None:
    graph = graph_from(
        nn.Sequential(nn.Flatten(), nn.Linear(784, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10))
    )
    record, outputs = run(graph)
    assert record.problem is None
    assert accuracy(outputs) > 0.9
    one_by_one, first = run(graph, given=replace(images(), heldout=images().heldout[:1]))
    assert same(record, one_by_one)
    assert torch.allclose(first.heldout, outputs.heldout[:1], atol=1e-4), "its neighbours do not matter"


@pytest.mark.parametrize(
    "net",
    [
        With(lambda net, x: F.log_softmax(x.flatten(1)[:, :10], dim=1)),
        Net().requires_grad_(False),
        With(lambda net, x: torch.zeros(len(x), 10)),
    ],
    ids=["no weights", "frozen", "no images"],
)
def test_a_net_with_nothing_to_train(net: nn.Module) -> None:
    record, outputs = run(net)
    assert record.problem is not None
    assert record.problem.kind == "nothing-to-train"
    assert outputs.heldout.shape == (0, 10)
    assert record.network


def test_an_error_while_training_is_an_observation() -> None:
    def forward(net: Any, x: Tensor) -> Tensor:
        x = torch.sigmoid(net.fc(x.flatten(1)))
        y = x * 2
        x += 1
        return x + y

    record, outputs = run(With(forward, fc=nn.Linear(784, 10)))
    assert record.problem is not None
    assert (record.problem.kind, record.problem.exception) == ("training", "RuntimeError")
    assert (record.seed, len(outputs.heldout)) == (1, 0)


def test_values_that_are_not_finite_are_not_in_the_record() -> None:
    record, outputs = run(two_layers(lambda x: x, lambda x: x * float("nan")))
    assert record.problem is None
    assert len(record.curve) == 1, "a run that has come to nothing is not carried on"
    assert all(math.isfinite(point.loss) for point in record.curve)
    assert bool(torch.isfinite(outputs.heldout).all())


def test_a_device_that_fails_is_replaced_by_the_cpu() -> None:
    graph = graph_from(Net())
    record, outputs = run(graph, device=MISSING_DEVICE)
    assert (record.problem, record.device) == (None, "cpu")
    assert [remark.id for remark in record.remarks] == ["trained-on-cpu"]
    assert torch.equal(outputs.heldout, run(graph)[1].heldout)


def test_a_net_that_ignores_its_images_learns_nothing() -> None:
    blind = With(lambda net, x: net.fc(torch.zeros_like(x).flatten(1)), fc=nn.Linear(784, 10))
    record, outputs = run(blind)
    assert record.problem is None
    assert accuracy(outputs) < 0.3


# ---- the first filters -----------------------------------------------------------------------------------------------


def convolving(first: nn.Module) -> nn.Module:
    """A small convolutional net, whose layers are declared in the opposite order."""

    def forward(net: Any, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(F.relu(net.conv1(x)), 6)
        return F.log_softmax(net.fc(F.relu(net.conv2(x)).flatten(1)), dim=1)

    return With(forward, fc=nn.Linear(64, 10), conv2=nn.Conv2d(3, 4, 3), conv1=first)


class InColour(nn.Conv2d):
    """A convolution of three channels that repeats a grey image."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.expand(-1, 3, -1, -1))


class ByHand(nn.Module):
    """A convolution written with the function, in a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(3, 1, 5, 5) / 5)

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight)


@pytest.mark.parametrize(
    ("first", "shape"),
    [
        (nn.Conv2d(1, 3, 5), (3, 5, 5)),
        (InColour(3, 3, 5), (3, 5, 5)),
        (nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, (1, 7), padding="same"), nn.ReLU())), (3, 1, 7)),
        (ByHand(), (3, 5, 5)),
        (nn.Sequential(nn.Conv2d(1, 32, 11, padding=5), nn.Conv2d(32, 3, 1)), (32, 11, 11)),
    ],
    ids=["plain", "colour", "nested", "by-hand", "as-many-as-are-shown"],
)
@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_filters_of_many_kinds_are_sent(first: nn.Module, shape: tuple[int, ...]) -> None:
    graph = graph_from(convolving(first))
    filters, after = (run(graph, steps=steps)[1].filters for steps in (20, 40))
    assert filters is not None
    assert after is not None
    assert filters.shape == shape
    assert not torch.equal(filters, after), "those of the trained network"


@pytest.mark.parametrize(
    "net",
    [
        Net(),
        convolving(nn.Sequential(nn.Conv2d(1, 33, 3, padding=1), nn.Conv2d(33, 3, 3))),
        convolving(nn.Conv2d(1, 3, (1, 12))),
        convolving(nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 3, 5))),
        nn.Sequential(nn.Flatten(2), nn.Conv1d(1, 3, 5, 5), nn.Flatten(), nn.Linear(468, 10)),
    ],
    ids=["no-convolution", "too-many", "too-large", "computed", "in-a-line"],
)
def test_a_net_without_small_filters_shows_none(net: nn.Module) -> None:
    assert run(net, steps=20)[1].filters is None


# ---- one batch by heart ----------------------------------------------------------------------------------------------


def test_one_batch_can_be_overfitted() -> None:
    record = overfit(graph_from(Lab()), images(), probes=probes, seed=1, most_seconds=60)
    assert (record.problem, record.correct, record.total) == (None, 64, 64)
    assert record.steps < training.VALIDATION_IMAGES


def test_a_net_that_cannot_overfit_a_batch_reports_how_far_it_came() -> None:
    blind = With(lambda net, x: net.fc(torch.zeros_like(x).flatten(1)), fc=nn.Linear(784, 10))
    record = overfit(graph_from(blind), images(), probes=probes, seed=1, most_seconds=60)
    assert record.problem is None
    assert record.correct < 32
    frozen = overfit(graph_from(Net().requires_grad_(False)), images(), probes=probes, seed=1, most_seconds=60)
    assert frozen.problem is not None


def test_a_net_for_one_batch_size_learns_a_batch_of_that_size() -> None:
    graph = graph_from(With(lambda net, x: net.fc(x.view(50, 784)), fc=nn.Linear(784, 10)))
    record = overfit(graph, images(), probes=probes, seed=1, most_seconds=60)
    assert (record.correct, record.total) == (50, 50)


# ---- once for all that are alike -------------------------------------------------------------------------------------


@dataclass
class Answering:
    """Answers each request for training with the next of ``accuracies``, after ``wait`` seconds."""

    accuracies: list[float]
    seconds: float = 1.0
    wait: float = 0.0
    failure: BaseException | None = None
    images: int = 100
    asked: list[wire.Train] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def measure(self, request: bytes, *, seconds: float) -> bytes:
        asked = wire.decode_request(request)
        assert isinstance(asked, wire.Train)
        with self.lock:
            self.asked.append(asked)
            number = len(self.asked) - 1
        time.sleep(self.wait)
        if self.failure is not None:
            raise self.failure
        count = min(self.images, asked.first_heldout or self.images)
        outputs = np.zeros((count, 10), np.float32)
        outputs[np.arange(count), [0 if row < count * self.accuracies[number] else 1 for row in range(count)]] = 1
        record = Training(None, asked.seed, steps=10, seconds=self.seconds)
        return wire.encode(wire.Trained(record, {"heldout": (count, 10)}), {"heldout": outputs})


BANDED = replace(PLAN, bands=(Band(0.7, Decimal(1)),), margin=0.05)
ZEROS = np.zeros(100, np.uint8)


def measuring(pool: Answering) -> Measuring:
    return Measuring(pool, BANDED, counted(ZEROS), recorded_seed=3, seed=11)


def test_a_good_first_run_is_enough() -> None:
    answering = Answering([0.95])
    trainings, is_own = measuring(answering).train(graph_from(Net()))
    assert is_own
    assert [(training.correct, training.total) for training in trainings] == [(95, 100)]
    (asked,) = answering.asked
    assert (asked.number, asked.seed, asked.probe_seed, asked.plan.bands) == (0, trainings[0].seed, 11, ())
    assert asked.most_seconds == TRAINING_CPU_SECONDS


@pytest.mark.parametrize(("accuracies", "tested"), [([0.85], 500), ([0.75, 0.72], 2000)])
def test_a_run_near_a_band_is_tested_on_all_heldout_images(accuracies: list[float], tested: int) -> None:
    answering = Answering(accuracies, images=2000)
    pool = Measuring(answering, BANDED, counted(np.zeros(2000, np.uint8)), recorded_seed=3, seed=11)
    ((training,), _) = pool.train(graph_from(Net()))
    assert (training.total, training.correct) == (tested, round(tested * accuracies[-1]))
    runs = len(answering.asked)
    assert training.seconds == runs * answering.seconds, "both runs count against the network's limit"
    assert answering.asked[-1].most_seconds == TRAINING_CPU_SECONDS - (runs - 1) * answering.seconds
    assert len({(asked.seed, asked.number) for asked in answering.asked}) == 1, "the same run again"


def test_a_run_that_stops_early_may_be_tested_on_fewer_images() -> None:
    outputs = [run(Net(), stop_accuracy=stop, first_heldout=70)[1].heldout for stop in (0.3, 1.1)]
    assert [len(output) for output in outputs] == [70, 230]


def test_a_poor_run_is_tried_again_under_other_seeds() -> None:
    answering = Answering([0.1, 0.2, 0.3])
    trainings, _ = measuring(answering).train(graph_from(Net()))
    asked = [request.seed for request in answering.asked]
    assert [training.seed for training in trainings] == asked
    assert len(set(asked)) == 3
    assert [(request.number, request.most_seconds) for request in answering.asked] == [
        (0, TRAINING_CPU_SECONDS),
        (1, TRAINING_CPU_SECONDS - 1),
        (2, TRAINING_CPU_SECONDS - 2),
    ]
    once = Answering([0.1])
    assert len(measuring(once).train(graph_from(Net()), is_worth_retrying=False)[0]) == 1


def test_seeds_depend_on_the_secret_and_the_network() -> None:
    drawn = {
        training_seed(secret, network, number)
        for secret in (11, 12)
        for network in ("one", "other")
        for number in range(3)
    }
    assert len(drawn) == 12
    assert training_seed(11, "one", 0) == training_seed(11, "one", 0)


def test_all_runs_together_have_one_budget() -> None:
    answering = Answering([0.1, 0.2, 0.3], seconds=TRAINING_CPU_SECONDS * 0.6)
    trainings, _ = measuring(answering).train(graph_from(Net()))
    assert len(trainings) == 2
    assert answering.asked[1].most_seconds == pytest.approx(TRAINING_CPU_SECONDS * 0.4)


def test_threads_that_ask_for_one_network_share_a_run() -> None:
    answering = Answering([0.9, 0.9], wait=0.2)
    service = measuring(answering)
    alike = [graph_from(Net()) for _ in range(3)]
    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(service.train, [*alike, *alike]))
    assert len(answering.asked) == 1
    assert {trainings for trainings, _ in found} == {found[0][0]}
    assert [is_own for _, is_own in found].count(True) == 1
    service.train(graph_from(Lab()))
    assert len(answering.asked) == 2


@pytest.mark.parametrize(
    "failure", [MeasurementFailed(Ending("memory", "measure", "too much")), KeyboardInterrupt(), ValueError("odd")]
)
def test_threads_share_a_failure_as_well(failure: BaseException) -> None:
    answering = Answering([], wait=0.2, failure=failure)
    service, graph = measuring(answering), graph_from(Net())

    def asked(_: int) -> BaseException | None:
        try:
            service.train(graph)
        except BaseException as error:
            return error
        return None

    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(asked, range(4))) == [failure] * 4
    assert len(answering.asked) == 1


@dataclass
class Refusing:
    """Refuses every request with a reason."""

    def measure(self, request: bytes, *, seconds: float) -> bytes:
        wire.decode_request(request)
        return wire.encode(wire.Refused("it is too large"))


def test_what_is_refused_ends_as_unrecorded_and_without_a_loss() -> None:
    service = Measuring(Refusing(), PLAN, counted(ZEROS), recorded_seed=3, seed=11)
    stages: list[str] = []
    evidence = Evidence(Ending("finished"), Loading(None), record=recording_of(Net()))
    found = service.complete(evidence, stages.append)
    assert (found.ending, found.trainings) == (Ending("unrecorded", "record", "it is too large"), ())
    assert stages == ["measure"]
    assert found.record is not None
    assert {run.program for run in found.record.passes} == {Program()}
    with pytest.raises(MeasurementFailed, match="it is too large"):
        service.train(graph_from(Net()))


def test_without_a_recording_there_is_nothing_to_measure() -> None:
    evidence = Evidence(Ending("deadline", "build"), Loading(None))
    assert Measuring(Refusing(), PLAN, counted(ZEROS), 3, 11).complete(evidence, lambda stage: None) is evidence


def test_predictions_arrive_unchanged() -> None:
    outputs = np.random.default_rng(0).random((7, 10)).astype(np.float32)
    filters = np.ones((2, 3, 3), np.float32)
    shapes = {"heldout": (7, 10), "filters": (2, 3, 3)}
    record = Training(None, 1)
    message, arrays = wire.decode_reply(
        wire.encode(wire.Trained(record, shapes), {"heldout": outputs, "filters": filters})
    )
    assert isinstance(message, wire.Trained)
    assert message.training == record
    assert (arrays["heldout"] == outputs).all()
    assert (arrays["filters"] == filters).all()
    with pytest.raises(ValueError, match=r"buffer|size|reshape"):
        wire.decode_reply(wire.encode(wire.Trained(record, shapes), {"heldout": outputs}))
