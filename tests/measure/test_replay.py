"""Tests of replaying a recorded graph, and of its initial weights."""

from __future__ import annotations

import base64
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grader.measure.cost import cost_of
from grader.measure.replay import Replay, Step, Values
from grader.measure.weights import chosen_state, fresh_state
from grader.model import Job
from grader.model.evidence import Evidence
from grader.model.graph import Graph, Program
from grader.model.recorded import graph_of
from grader.sandbox import Wish, WorkerPool
from grader.submissions.discovery import discover
from grader.submissions.files import copy_submission
from grader.worker.record.seeded_values import chosen_images
from tests.support.network_samples import (
    INPUT,
    RECORDED_SEED,
    Lab,
    graph_from,
    linear,
    node,
    probes,
    program,
)
from tests.support.places import TESTS
from tests.support.share import share

pytestmark = pytest.mark.slow

SUBMISSIONS, FILES = TESTS / "submissions", TESTS / "networks"


# ---- the replay ------------------------------------------------------------------------------------------------------


VALID = share(sorted(path.name for path in SUBMISSIONS.iterdir() if path.name.startswith("valid-")), 8)
NETWORKS = share(sorted(path.stem for path in FILES.glob("*.py")), 8)


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Evidence]:
    """Valid samples and public networks, recorded as when it is graded."""
    jobs = {}
    for submission in discover(SUBMISSIONS, tmp_path_factory.mktemp("unpacked")):
        if submission.id in VALID:
            folder = tmp_path_factory.mktemp("work")
            copy_submission(submission, folder)
            jobs[submission.id] = Job(str(folder), submission.script or "", RECORDED_SEED)
    for name in NETWORKS:
        folder = tmp_path_factory.mktemp("work")
        shutil.copy(FILES / f"{name}.py", folder)
        jobs[name] = Job(str(folder), f"{name}.py", RECORDED_SEED)
    with WorkerPool(workers=2, isolation=Wish.OFF) as pool, ThreadPoolExecutor(2) as threads:
        return dict(zip(jobs, threads.map(pool.record, jobs.values()), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("name", [*VALID, *NETWORKS])
def test_a_replay_gives_what_the_program_gives(name: str, evidence: Mapping[str, Evidence]) -> None:
    assert evidence[name].ending.kind == "finished", evidence[name].ending
    recording = evidence[name].record
    assert recording is not None
    assert recording.echo is not None
    recorded = graph_of(recording)
    assert recorded.graph is not None
    if name != "micro_batches_joined":
        assert (recorded.doubts, recorded.graph.batch) == ((), 0)
    graph = recorded.graph
    outputs = Replay(graph).run(
        graph.evaluation, chosen_images(64, seed=RECORDED_SEED + 1), chosen_state(graph, seed=RECORDED_SEED)
    )
    own = np.frombuffer(base64.b64decode(recording.echo.outputs), "<f4").reshape(64, 10)
    assert outputs is not None
    assert float(np.abs(outputs.detach().float().numpy() - own).max()) < 1e-5 * max(1.0, float(np.abs(own).max()))
    cost_of(graph)


def test_a_replay_of_other_sizes_gives_what_the_module_gives() -> None:
    net = Lab().eval()
    graph = graph_from(net)  # which leaves chosen weights in the net
    state, replay = chosen_state(graph, seed=RECORDED_SEED), Replay(graph)
    for count in (1, 2, 7, 150):
        outputs = replay.run(graph.evaluation, probes(count), state)
        assert outputs is not None
        assert torch.allclose(outputs, net(probes(count)), atol=1e-6)


def test_buffers_keep_their_values_from_pass_to_pass() -> None:
    net = nn.Sequential(nn.Conv2d(1, 2, 5), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(1152, 10))
    graph = graph_from(net)
    with torch.no_grad():
        net[1].reset_running_stats()  # type: ignore[operator]  # torch leaves it untyped
    state, replay = chosen_state(graph, seed=RECORDED_SEED), Replay(graph)
    net.train()
    for seed in (1, 2):
        net(chosen_images(16, seed=seed))
        replay.run(graph.training, chosen_images(16, seed=seed), state)
    assert torch.allclose(state.buffers[0], net[1].running_mean, atol=1e-6)  # type: ignore[arg-type]
    outputs = replay.run(graph.evaluation, probes(3), state)
    assert outputs is not None
    assert torch.allclose(outputs, net.eval()(probes(3)), atol=1e-5)
    assert not any(buffer.requires_grad for buffer in state.buffers)


def test_parts_of_a_pass_can_be_replaced_and_kept() -> None:
    graph = graph_from(linear(lambda net, x: F.relu_(net.fc(x.flatten(1)))))
    state, replay = fresh_state(graph, seed=1), Replay(graph)
    values: Values = []
    whole = replay.run(graph.training, probes(3), state, keep=values)
    without = replay.run(graph.training, probes(3), state, replaced={2: lambda here: here.values[1][0]})
    assert whole is not None
    assert without is not None
    assert torch.equal(without.clamp(min=0), whole)
    assert torch.equal(values[1][0], without), "kept as it was before it was written into"
    doubled = replay.run(graph.training, probes(3), state, replaced={2: lambda here: here.result() * 2})
    assert doubled is not None
    assert torch.equal(doubled, whole * 2)


def test_detached_gradients_stay_detached() -> None:
    graph = graph_from(Lab(between=lambda x: x.data))
    state = fresh_state(graph, seed=1)
    outputs = Replay(graph).run(graph.training, probes(3), state)
    assert outputs is not None
    outputs.sum().backward()  # type: ignore[no-untyped-call]
    assert [weight.grad is None for weight in state.weights] == [True] * 4 + [False] * 4


def test_uninitialised_memory_reads_as_zeros() -> None:
    for op in ("empty.memory_format", "new_empty", "empty_like"):
        first = [INPUT] if op != "empty.memory_format" else []
        given = [*first, [3, 4]] if op != "empty_like" else first
        graph = Graph(program(node(op, *given, device={"word": "device"})), Program())
        outputs = Replay(graph).run(graph.training, probes(2), fresh_state(graph, seed=1))
        assert outputs is not None
        assert not outputs.any()


# ---- weights to begin with -------------------------------------------------------------------------------------------


def test_initial_weights_depend_only_on_the_seed_and_are_torchs() -> None:
    graph = graph_from(Lab())
    first, again, other = (fresh_state(graph, seed=seed) for seed in (3, 3, 4))
    assert all(torch.equal(weight, same) for weight, same in zip(first.weights, again.weights, strict=True))
    assert not any(torch.equal(weight, new) for weight, new in zip(first.weights, other.weights, strict=True))
    for weight, own in zip(first.weights, Lab().parameters(), strict=True):
        assert weight.requires_grad
        assert float(weight.detach().std()) == pytest.approx(float(own.detach().std()), rel=0.8)


def test_a_submissions_own_weights_are_not_initial_weights() -> None:
    net = Lab()
    with torch.no_grad():
        for weight in net.parameters():
            weight.copy_(torch.arange(weight.numel()).view(weight.shape) / weight.numel())
    graph = graph_from(net)
    state = fresh_state(graph, seed=1)
    assert all(float(weight.detach().abs().max()) <= 0.23 for weight in state.weights)
    own = fresh_state(graph, seed=1, like_own=True)
    assert float(own.weights[0].detach().max()) > 0.9, "of like values, in another order"
    assert not torch.equal(own.weights[0].detach().flatten(), torch.arange(100) / 100)


def test_a_weight_of_no_layer_keeps_its_initial_values() -> None:
    net = linear(lambda net, x: net.fc(x.flatten(1)) * net.scale, scale=nn.Parameter(torch.arange(10.0)))
    graph = graph_from(net)
    place = next(index for index, weight in enumerate(graph.weights) if weight.name == "scale")
    assert fresh_state(graph, seed=1).weights[place].tolist() == list(range(10))


def test_frozen_weights_stay_frozen() -> None:
    net = Lab()
    net.conv1.weight.requires_grad_(False)
    graph = graph_from(net)
    assert [weight.requires_grad for weight in fresh_state(graph, seed=1).weights] == [False] + [True] * 7


@pytest.mark.parametrize(("size", "window"), [((6, 3, 9, 9), ([2, 2],)), ((5, 1, 8, 8), ([2, 2], [1, 1], [1, 1]))])
def test_the_faster_max_pooling_gives_the_same_values_and_gradients(
    size: tuple[int, ...], window: tuple[list[int], ...]
) -> None:
    images = [torch.randn(size, generator=torch.Generator().manual_seed(1)).relu().requires_grad_() for _ in range(2)]
    wanted = torch.ops.aten.max_pool2d_with_indices.default(images[0], *window)
    step = Step(node("max_pool2d_with_indices", INPUT, *window), "cpu")
    found = step({"input": images[1:]}, len(images[1]))
    for mine, theirs in zip(found, wanted, strict=True):
        assert torch.equal(mine, theirs)
        assert mine.stride() == theirs.stride()
    for values in (found[0], wanted[0]):
        (values * torch.arange(values.numel()).view_as(values)).sum().backward()
    plain, fast = (image.grad for image in images)
    assert plain is not None
    assert fast is not None
    assert torch.equal(plain, fast)
