"""The brief training run: repeatable, stopped in time, fair to odd nets, and of no use to weights brought along."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from grader.data import DataSet, write_worker_files
from grader.model.evidence import Loading, Problem, Training
from grader.model import DataFiles, Job
from grader.worker import training
from grader.worker.building import is_lively, parameter_count, probe_images, refresh_weights
from grader.worker.loading import Loaded
from grader.worker.stages import build_net, lively_net, look_at_gradients
from grader.worker.tracing import Tracer
from grader.worker.training import VALIDATION_IMAGES, Attempt, Images, attempts, first_filters, load_images, train

TRAINED, HELDOUT = 1000, 230
JOB = Job(
    root="",
    script="",
    data=DataFiles("digits", "", "", 0, "", 0, 0.1, 0.3),
    steps=60,
    batch_size=32,
    learning_rate=0.05,
    retry_learning_rate=0.1,
    retry_steps=90,
    momentum=0.9,
    evaluate_every=20,
    stop_accuracy=1.1,
    first_seed=1,
    probe_seed=2,
    device="cpu",
    threads=1,
)
"""A stop accuracy above one: these runs go on to their last step."""
MISSING_DEVICE = "cuda" if sys.platform == "darwin" else "mps"


def bars(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Noisy images in which the place of a bright bar is the class, and their labels."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=generator)
    images = torch.randint(60, (count, 28, 28), generator=generator, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[4 + 2 * label : 6 + 2 * label, 4:24] += 190
    return images, labels


TRAIN, LABELS = bars(TRAINED + VALIDATION_IMAGES, 1)
QUIZ, ANSWERS = bars(HELDOUT, 2)
IMAGES = Images(TRAIN, LABELS, QUIZ, 0.15, 0.2)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Net(nn.Module):
    """Two layers with dropout between them, which learn the bars in some ten steps."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1 = nn.Linear(784, 32)
        self.fc2 = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.2, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)


def explain(kind: str, error: BaseException) -> Problem:
    return Problem(kind, str(error), type(error).__name__)


def run(
    factory: Callable[[], object] = Net,
    seed: int = 1,
    *,
    batch: int = 0,
    number: int = 0,
    images: Images = IMAGES,
    **job: Any,
) -> tuple[Training, Tensor]:
    attempt = attempts(replace(JOB, **job), number, seed=seed, batch=batch)
    record, outputs = train(factory, images, attempt, explain=explain)
    return record, outputs.heldout


def accuracy(outputs: Tensor) -> float:
    return float((outputs.argmax(1) == ANSWERS).float().mean())


def same(first: Training, second: Training) -> bool:
    return replace(first, seconds=0.0) == replace(second, seconds=0.0)


# ---- a run -----------------------------------------------------------------------------------------------------------


def test_a_net_learns() -> None:
    record, outputs = run()
    assert record.problem is None
    assert (record.seed, record.device, record.steps, record.remarks) == (1, "cpu", 60, ())
    assert record.initial_accuracy < 0.4
    assert record.curve[-1].accuracy > 0.9
    assert record.curve[-1].loss < record.curve[0].loss
    assert record.seconds > 0
    assert outputs.shape == (HELDOUT, 10)
    assert accuracy(outputs) > 0.9
    assert (record.correct, record.total) == (0, 0), "the worker does not know the answers"


def test_a_seed_fixes_the_run() -> None:
    first, outputs = run(seed=7)
    torch.rand(1000)
    np.random.default_rng().random(10)
    again, outputs_again = run(seed=7)
    other, other_outputs = run(seed=8)
    assert same(first, again)
    assert torch.equal(outputs, outputs_again)
    assert not torch.equal(outputs, other_outputs)
    assert other.seed == 8


def test_a_net_that_reseeds_torch_is_trained_in_the_same_order() -> None:
    class Reseeding(Net):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(123)

    record, outputs = run()
    reseeded, reseeded_outputs = run(Reseeding)
    assert same(record, reseeded)
    assert torch.equal(outputs, reseeded_outputs)


def test_without_an_early_stop_every_step_is_taken() -> None:
    record, _ = run(steps=50)
    assert record.steps == 50
    assert [point.step for point in record.curve] == [20, 40, 50]


def test_training_stops_as_soon_as_it_has_learnt_enough() -> None:
    whole, _ = run()
    stopped, outputs = run(stop_accuracy=0.8)
    assert stopped.steps < whole.steps
    assert stopped.curve[-1].step == stopped.steps
    assert [point.accuracy >= 0.8 for point in stopped.curve] == [False] * (len(stopped.curve) - 1) + [True]
    assert stopped.curve == whole.curve[: len(stopped.curve)], "until then it is the same run"
    assert len(outputs) == HELDOUT


def test_validation_images_are_not_trained_on() -> None:
    labels = LABELS.clone()
    labels[TRAINED:] = (labels[TRAINED:] + 1) % 10
    record, outputs = run()
    fooled, fooled_outputs = run(images=replace(IMAGES, labels=labels))
    assert torch.equal(outputs, fooled_outputs)
    assert fooled.curve[-1].accuracy < 0.1 < record.curve[-1].accuracy


def test_a_run_that_takes_too_long_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "MOST_SECONDS", 0.0)
    record, outputs = run()
    assert record.steps == 20
    assert [remark.id for remark in record.remarks] == ["stopped-by-time"]
    assert "after 20 of 60 steps" in record.remarks[0].message
    assert len(outputs) == HELDOUT


def test_every_second_attempt_has_the_other_rate_and_length() -> None:
    given = [attempts(JOB, number, seed=number, batch=64) for number in range(4)]
    assert [(one.seed, one.learning_rate, one.steps) for one in given] == [
        (0, 0.05, 60),
        (1, 0.1, 90),
        (2, 0.05, 60),
        (3, 0.1, 90),
    ]
    assert given[0] == Attempt(JOB, 0, 0.05, 60, 64)
    assert run(number=1)[0].steps == 90


def test_the_arrays_are_mapped_as_they_were_written(tmp_path: Path) -> None:
    data = DataSet("digits", TRAIN.numpy(), LABELS.numpy().astype(np.uint8), QUIZ.numpy(), ANSWERS.numpy(), "", "")
    files, answers = write_worker_files(data, tmp_path, order_seed=5)
    loaded = load_images(files)
    assert torch.equal(loaded.train, TRAIN)
    assert torch.equal(loaded.labels, LABELS)
    assert loaded.labels.dtype == torch.int64
    order = np.array([int((image == QUIZ).all(dim=(1, 2)).nonzero()[0]) for image in loaded.heldout])
    assert sorted(order) == list(range(HELDOUT))
    assert (ANSWERS.numpy()[order] == answers).all()
    assert (loaded.mean, loaded.std) == (files.mean, files.std)


# ---- odd nets --------------------------------------------------------------------------------------------------------


def test_plain_scores_learn_as_well_as_log_probabilities() -> None:
    class Scores(Net):
        def forward(self, x: Tensor) -> Tensor:
            x = F.dropout(F.relu(self.fc1(x.flatten(1))), 0.2, training=self.training)
            return self.fc2(x)  # type: ignore[no-any-return]

    record, outputs = run()
    scores, score_outputs = run(Scores)
    assert [point.accuracy for point in scores.curve] == pytest.approx([p.accuracy for p in record.curve], abs=0.02)
    assert accuracy(score_outputs) == pytest.approx(accuracy(outputs), abs=0.02)


def test_a_hard_coded_batch_size_is_trained_and_measured_with_it() -> None:
    class Fixed(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x.view(64, -1))

    assert HELDOUT % 64
    record, outputs = run(Fixed, batch=64)
    assert record.problem is None
    assert outputs.shape == (HELDOUT, 10)
    assert accuracy(outputs) > 0.9


def test_dropout_left_on_is_held_while_a_net_is_measured() -> None:
    class Noisy(Net):
        def forward(self, x: Tensor) -> Tensor:
            return F.log_softmax(self.fc2(F.dropout(F.relu(self.fc1(x.flatten(1))), 0.2)), dim=1)

    assert torch.equal(run(Noisy)[1], run()[1])


def frozen() -> nn.Module:
    return Net().requires_grad_(False)


class WithoutParameters(nn.Module):
    """A net in which nothing can be learnt."""

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(x.flatten(1)[:, :10], dim=1)


@pytest.mark.parametrize("factory", [WithoutParameters, frozen])
def test_a_net_with_nothing_to_train(factory: Callable[[], nn.Module]) -> None:
    record, outputs = run(factory)
    assert record.problem is not None
    assert record.problem.kind == "nothing-to-train"
    assert outputs.shape == (0, 10)


def test_an_error_while_training_is_an_observation() -> None:
    class Fails(Net):
        def forward(self, x: Tensor) -> Tensor:
            if self.training:
                raise ValueError("not like this")
            return super().forward(x)

    record, outputs = run(Fails)
    assert record.problem == Problem("training", "not like this", "ValueError")
    assert (record.seed, len(outputs)) == (1, 0)


def test_what_is_not_finite_stays_out_of_the_record() -> None:
    class Broken(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(x) * float("nan")

    record, outputs = run(Broken)
    assert record.problem is None
    assert all(math.isfinite(point.loss) for point in record.curve)
    assert bool(torch.isfinite(outputs).all())


def test_a_device_that_fails_is_replaced_by_the_cpu() -> None:
    record, outputs = run(device=MISSING_DEVICE)
    assert (record.problem, record.device) == (None, "cpu")
    assert [remark.id for remark in record.remarks] == ["trained-on-cpu"]
    assert torch.equal(outputs, run()[1])


# ---- the first filters -----------------------------------------------------------------------------------------------


class Convolving(nn.Module):
    """The layers of a small convolutional net, declared in the opposite order; a test replaces what runs first."""

    def __init__(self, first: nn.Module | None = None) -> None:
        super().__init__()
        self.fc = nn.Linear(64, 10)
        self.conv2 = nn.Conv2d(3, 4, 3)
        self.conv1 = first or nn.Conv2d(1, 3, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.adaptive_avg_pool2d(F.relu(self.conv1(x)), 6)
        return F.log_softmax(self.fc(F.relu(self.conv2(x)).flatten(1)), dim=1)


def filters_after(factory: Callable[[], nn.Module]) -> tuple[Tensor | None, nn.Module]:
    """The filters that a short run sends, and the net that it trained."""
    nets: list[nn.Module] = []

    def kept() -> nn.Module:
        nets.append(factory())
        return nets[-1]

    record, outputs = train(kept, IMAGES, attempts(replace(JOB, steps=20), 0, seed=1, batch=0), explain=explain)
    assert record.problem is None
    assert set(outputs.arrays) == {"heldout", "untrained", *(() if outputs.filters is None else ("filters",))}
    return outputs.filters, nets[-1]


def test_the_filters_are_those_that_run_first_after_training() -> None:
    filters, net = filters_after(Convolving)
    assert isinstance(net, Convolving)
    assert filters is not None
    weight = net.conv1.weight
    assert isinstance(weight, Tensor)
    assert torch.equal(filters, weight.detach()[:, 0])
    assert type(filters) is Tensor
    fresh = Convolving()
    refresh_weights(fresh, seed=1)
    assert isinstance(fresh.conv1.weight, Tensor)
    assert not torch.equal(filters, fresh.conv1.weight.detach()[:, 0]), "and not those that it starts with"


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
        (lambda: InColour(3, 3, 5), (3, 5, 5)),
        (lambda: nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, (1, 7), padding="same"), nn.ReLU())), (3, 1, 7)),
        (ByHand, (3, 5, 5)),
        (lambda: nn.Sequential(nn.Conv2d(1, 32, 11, padding=5), nn.Conv2d(32, 3, 1)), (32, 11, 11)),
        (lambda: nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 3, 5)), (3, 5, 5)),
    ],
    ids=["colour", "nested", "by-hand", "as-many-as-are-shown", "parametrised"],
)
def test_filters_of_many_kinds_are_sent(first: Callable[[], nn.Module], shape: tuple[int, ...]) -> None:
    filters, net = filters_after(lambda: Convolving(first()))
    assert filters is not None
    assert filters.shape == shape
    weights = [weight for _, weight in net.conv1.named_parameters() if weight.dim() == 4]  # type: ignore[union-attr]
    if len(weights) == 1:
        assert torch.equal(filters, weights[0].detach().mean(1))


@pytest.mark.parametrize(
    "factory",
    [
        Net,
        lambda: Convolving(nn.Sequential(nn.Conv2d(1, 33, 3, padding=1), nn.Conv2d(33, 3, 3))),
        lambda: Convolving(nn.Conv2d(1, 3, (1, 12))),
        lambda: nn.Sequential(nn.Flatten(2), nn.Conv1d(1, 3, 5, 5), nn.Flatten(), nn.Linear(468, 10)),
    ],
    ids=["no-convolution", "too-many", "too-large", "in-a-line"],
)
def test_a_net_without_small_filters_shows_none(factory: Callable[[], nn.Module]) -> None:
    assert filters_after(factory)[0] is None


class Liar(Tensor):
    """A tensor that answers every question by itself."""

    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # torch's own
        return 4


def fails() -> Tensor:
    raise RuntimeError("not yours")


def shadowed() -> Tensor:
    weight = torch.zeros(40, 1, 5, 5)
    weight.dim = lambda: 3  # type: ignore[method-assign]
    weight.detach = lambda: torch.zeros(3, 1, 5, 5)  # type: ignore[method-assign]
    return weight


@pytest.mark.parametrize(
    "weight",
    [
        fails,
        shadowed,
        lambda: "weights",
        lambda: torch.zeros(3, 1, 5, 5).as_subclass(Liar),
        lambda: nn.Parameter(torch.zeros(3, 1, 5, 5, device="meta")),
        lambda: torch.zeros(3, 1, 5, 5, dtype=torch.int64),
        lambda: torch.zeros(3, 0, 5, 5)[:0],
    ],
)
def test_weights_that_cannot_be_shown_are_left_out(weight: Callable[[], object]) -> None:
    class Odd(nn.Module):
        @property
        def weight(self) -> object:
            return weight()

    net = nn.Sequential(Odd())
    assert first_filters(net, ("conv 0 75",)) is None
    assert first_filters(net, ("conv conv2d 75",)) is None
    assert first_filters(net, None) is None


def test_what_is_no_number_is_left_to_the_parent() -> None:
    net = nn.Sequential(nn.Conv2d(1, 3, 5))
    nn.init.constant_(net.get_parameter("0.weight"), math.nan)
    filters = first_filters(net, ("conv 0 78",))
    assert filters is not None
    assert bool(filters.isnan().all())


# ---- fresh weights ---------------------------------------------------------------------------------------------------


class Handmade(nn.Module):
    """A net whose weights are bare parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(784, 10) / 28)
        self.bias = nn.Parameter(torch.zeros(10))

    def forward(self, x: Tensor) -> Tensor:
        return F.log_softmax(x.flatten(1) @ self.weight + self.bias, dim=1)


class Stubborn(nn.Linear):
    """A layer that will not be reset."""

    def reset_parameters(self) -> None:
        if not hasattr(self, "is_made"):
            super().reset_parameters()
        self.is_made = True


class StubbornNet(Net):
    """A net of layers that will not be reset."""

    def __init__(self) -> None:
        super().__init__()
        self.fc1, self.fc2 = Stubborn(784, 32), Stubborn(32, 10)


def learnt(net: nn.Module) -> nn.Module:
    """The net after a training of its own, as a student may bring it along."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        F.nll_loss(net(normalised(TRAIN[:256])), LABELS[:256]).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return net


def normalised(images: Tensor) -> Tensor:
    return ((images.float() / 255 - IMAGES.mean) / IMAGES.std).unsqueeze(1)


@pytest.mark.parametrize("kind", [Net, Handmade, StubbornNet])
def test_weights_brought_along_start_at_chance(kind: type[nn.Module]) -> None:
    torch.manual_seed(0)
    weights = learnt(kind()).state_dict()

    def loaded() -> nn.Module:
        net = kind()
        net.load_state_dict(weights)
        return net

    knows = loaded().eval()(normalised(QUIZ))
    assert accuracy(knows) > 0.9, "the weights are good ones"
    record, outputs = run(loaded)
    assert record.initial_accuracy < 0.4
    assert accuracy(outputs) > 0.9, "and the net can still learn"


def test_fresh_weights_depend_on_the_seed_alone() -> None:
    first, second, third = Net(), Net(), Net()
    refresh_weights(first, seed=3)
    torch.rand(99)
    refresh_weights(second, seed=3)
    refresh_weights(third, seed=4)
    assert torch.equal(first.fc1.weight, second.fc1.weight)
    assert not torch.equal(first.fc1.weight, third.fc1.weight)


def test_a_students_own_initialisation_keeps_its_scale() -> None:
    net = Handmade()
    before = net.weight.detach().clone()
    refresh_weights(net, seed=1)
    assert not torch.equal(net.weight, before)
    assert torch.equal(net.weight.detach().flatten().sort().values, before.flatten().sort().values)


def test_a_weight_shared_by_two_layers_stays_shared() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    refresh_weights(net, seed=1)
    assert net[1].weight is net[0].weight
    assert parameter_count(net) == 16 + 4 + 4


def test_a_net_without_parameters_is_left_alone() -> None:
    net = WithoutParameters()
    refresh_weights(net, seed=1)
    assert parameter_count(net) == 0


def test_refreshing_does_not_switch_gradients_off() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1152, 10))
    refresh_weights(net, seed=1)
    assert all(parameter.requires_grad and parameter.is_leaf for parameter in net.parameters())


# ---- weights that are born dead --------------------------------------------------------------------------------------


class BornDead(Net):
    """Every ReLU of the first layer is shut under some seeds: those for which ``unlucky`` says so."""

    unlucky: Callable[[int], bool] = staticmethod(lambda seed: False)

    def __init__(self) -> None:
        super().__init__()
        if type(self).unlucky(torch.initial_seed()):
            with torch.no_grad():
                for parameter in self.parameters():
                    parameter.fill_(-1.0)


def loaded(factory: Callable[[], object]) -> Loaded:
    return Loaded(Loading(None), factory, explain)


def blends(count: int) -> Tensor:
    return probe_images(count, seed=count, images=None, mean=0.13, std=0.31)


@pytest.mark.parametrize("is_always", [False, True])
def test_only_a_net_that_is_always_born_dead_has_dead_gradients(is_always: bool) -> None:
    class Sometimes(BornDead):
        unlucky = staticmethod(lambda seed: is_always or seed < 3)

    net, _ = build_net(Sometimes, seed=0, explain=explain)
    assert net is not None
    tracer = Tracer(net, images := blends(8))
    with tracer.recording():
        net(images)
    found = look_at_gradients(loaded(Sometimes), tracer, seed=0, images=blends, size=8)
    states = {one.state for one in found.parameters if one.is_used}
    assert ("zero" in states) == is_always
    assert not is_lively(net, blends)
    assert is_lively(lively_net(net, loaded(Sometimes), seed=0, images=blends), blends), "torch's own reset mends it"


def test_half_dead_weights_give_way_to_others() -> None:
    class HalfDead(nn.Module):
        """Looks at its images with a chance that its seed decides, and at a batch of sixteen always."""

        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(784, 10)
            self.is_dead = torch.initial_seed() < 3

        def forward(self, x: Tensor) -> Tensor:
            x = x.flatten(1)
            return cast(Tensor, self.fc(torch.zeros_like(x) if self.is_dead and len(x) < 16 else x))

    net, _ = build_net(HalfDead, seed=0, explain=explain)
    assert net is not None
    assert not is_lively(net, blends)
    assert is_lively(lively_net(net, loaded(HalfDead), seed=0, images=blends), blends)


def test_a_net_that_never_looks_at_its_images_stays_what_it_is() -> None:
    class Blind(Net):
        def forward(self, x: Tensor) -> Tensor:
            return super().forward(torch.zeros_like(x))

    net = Blind()
    assert lively_net(net, loaded(Blind), seed=0, images=blends) is net
