"""A network whose forward fails or returns no scores is repaired, so that every pass gives scores."""

from __future__ import annotations

import linecache
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from grader.measure.measurements import Subject, measure
from grader.model.evidence import Problem
from grader.model.recorded import graph_of
from grader.source.script import Script
from grader.worker.load.statements import problem_from
from grader.worker.record.places import moved_to, running
from tests.support.network_samples import RECORDED_SEED, SEED, doubts, images, measured, recording_of

SOURCE = """
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5)
        self.conv2 = nn.Conv2d(4, 8, 5)
        self.drop = nn.Dropout(0.3)
        self.fc1 = nn.Linear(128, 20)
        self.fc2 = nn.Linear(20, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = self.drop(F.max_pool2d(F.relu(self.conv2(x)), 2))
        x = torch.flatten(x, 1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
"""
FIRST = "x = F.max_pool2d(F.relu(self.conv1(x)), 2)"


def net_with(old: str, new: str, *, name: str) -> nn.Module:
    """The network above with one edit; its source can be found, as that of a submission can."""
    assert SOURCE.count(old) == 1, old
    text = SOURCE.replace(old, new)
    linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)
    namespace: dict[str, Any] = {"torch": torch, "nn": nn, "F": F, "__name__": name}
    exec(compile(text, name, "exec"), namespace)
    net = namespace["Net"]()
    assert isinstance(net, nn.Module)
    return net


@pytest.mark.parametrize(
    ("old", "new", "assumed"),
    [
        ("nn.Linear(20, 10)", "nn.Linear(20, 9)", "fc2 had 10 outputs"),
        ("nn.Linear(20, 10)", "nn.Linear(20, 1)", "fc2 had 10 outputs"),
        ("fc2 = nn.Linear(20, 10)", "fc2 = nn.Linear(20, 10); self.double()", "Net kept its values in float32"),
        (FIRST, f"x = x.half(); {FIRST}", "Net kept its values in float32"),
        ("dim=1)", "dim=1).to(torch.float64)", "Net kept its values in float32"),
        ("dim=1)", "dim=1).t()", "forward returned the scores by image"),
        ("dim=1)", "dim=1)[None]", "forward returned shape (N, 10)"),
        ("dim=1)", "dim=1), x", "forward returned only the scores"),
        ("return F.log_softmax(self.fc2(x), dim=1)", "return {1: self.fc2(x)}", "forward returned only the scores"),
        ("return F", "y = F", "forward ended with a return statement"),
        ("dim=1)", "dim=1).argmax(1)", "forward returned the scores instead of whole numbers"),
        ("dim=1)", "dim=1).detach().numpy()", "forward returned the scores as a tensor"),
        ("nn.Conv2d(4, 8, 5)", "nn.Conv2d(4, 8, 5),", "there were no comma after conv2"),
        ("F.relu(self.fc1(x)))", "F.relu(self.fc1(x))),", "there were no comma there"),
        ("self.drop = nn.Dropout(0.3)", "pass", "drop were a dropout"),
        ("self.fc2 = nn.Linear(20, 10)", "pass", "fc2 were a fully connected layer"),
        ("self.fc1 = ", "self.fcl = ", "self.fc1 were self.fcl"),
        ("self.fc1(x)", "fc1(x)", "fc1 were self.fc1"),
        ("F.relu(self.fc1(x))", "nn.ReLU(self.fc1(x))", "each layer were called with its input"),
        ("F.relu(self.fc1", "relu(self.fc1", "relu were imported from torch"),
        ("def forward", "def foward", "foward were called forward"),
        ("def __init__", "def _init_", "_init_ were called __init__"),
        (FIRST, f"x = x.unsqueeze(1); {FIRST}", "the images kept their shape (N, channels, height, width)"),
        (FIRST, f"x = x.view(-1, 784); {FIRST}", "the images kept their shape (N, channels, height, width)"),
        (FIRST, f"x = x.squeeze(); {FIRST}", "the images kept their shape (N, channels, height, width)"),
        (FIRST, f"x = x.permute(0, 2, 3, 1); {FIRST}", "the images kept their shape (N, channels, height, width)"),
        ("torch.flatten(x, 1)", "torch.flatten(x)", "the flatten step kept 128 values for each image"),
        ("torch.flatten(x, 1)", "x.view(-1, 64)", "the flatten step kept 128 values for each image"),
        ("torch.flatten(x, 1)", "x", "the feature maps were flattened"),
        ("nn.Linear(128, 20)", "nn.Linear(320, 20)", "fc1 had 128 inputs"),
        ("nn.Conv2d(4, 8, 5)", "nn.Conv2d(10, 8, 5)", "conv2 had 4 input channels"),
        ("dim=1", "dim=2", "the dimension of the softmax were 1"),
    ],
)  # fmt: skip
def test_one_fault_is_repaired_and_the_network_runs_as_recorded(
    old: str, new: str, assumed: str, request: pytest.FixtureRequest
) -> None:
    name = f"<{request.node.name}>"
    recording = recording_of(net_with(old, new, name=name))
    assert [repair.assumed for repair in recording.repairs] == [assumed]
    assert {run.shape == (run.batch, 10) and run.problem is None for run in recording.passes} == {True}
    assert all(run.shape != (run.batch, 10) or run.dtype != "float32" or run.returned != "Tensor"
               for run in recording.unrepaired if run.batch not in {1, 10})  # fmt: skip
    graph = graph_of(recording).graph
    assert graph is not None
    assert graph.batch == 0, "for any number of images"
    assert recording.echo is not None
    subject = Subject(graph, recording, 0, RECORDED_SEED)
    assert measure(subject, images(), seed=SEED).doubts == (), "the student's own code computes what was recorded"


@pytest.mark.parametrize(
    ("old", "new", "kind", "line"),
    [
        ("self.fc2 = ", "fc2 = ", "missing-layer", "fc2 = nn.Linear(20, 10)"),
        ("self.drop = ", "selfdrop = ", "missing-layer", "selfdrop = nn.Dropout(0.3)"),
        ("F.relu(self.fc1(x))", "nn.ReLU(self.fc1(x))", "layer-call", "x = self.drop(nn.ReLU(self.fc1(x)))"),
        ("return F", "x = nn.ReLU(x)\n        return F", "layer-call", "x = nn.ReLU(x)"),
        ("nn.Linear(128, 20)", "nn.Linear(320, 20)", "linear-size", "self.fc1 = nn.Linear(320, 20)"),
        ("nn.Conv2d(4, 8, 5)", "nn.Sequential(\n            nn.Conv2d(10, 8, 5),\n            nn.ReLU())",
         "conv-channels", "nn.Conv2d(10, 8, 5),"),
        ("x = torch.flatten(x, 1)", "x = torch.flatten(x)\n        x = x * 1", "flatten-batch", "x = torch.flatten(x)"),
        ("x = torch.flatten(x, 1)", "x = x.view(-1, 64)", "reshape-rows", "x = x.view(-1, 64)"),
        ("x = torch.flatten(x, 1)", "x = x.view(-1, 500)", "reshape-size", "x = x.view(-1, 500)"),
    ],
)  # fmt: skip
def test_the_problem_of_a_repair_is_at_the_line_of_the_fault(old: str, new: str, kind: str, line: str) -> None:
    name = f"<line of {new}>"
    net = net_with(old, new, name=name)
    text = linecache.cache[name][2]  # type: ignore[misc]  # the entry is a tuple of four
    recording = recording_of(
        net, explain=lambda kind, error: problem_from(kind, error, {name: Script(name, "".join(text))})
    )
    repair = next(repair for repair in recording.repairs if repair.kind == kind)
    assert repair.problem is not None
    assert repair.problem.code == line
    assert text[repair.problem.line - 1].strip() == line


def test_a_line_is_looked_for_only_in_the_file_of_the_problem() -> None:
    error = running()
    assert error.__traceback__ is not None
    here = Problem("forward", line=error.__traceback__.tb_lineno, code="a line of another file")
    assert moved_to(here, error, (error.__traceback__.tb_frame.f_code.co_filename, 3)) is None


def test_a_layer_that_is_not_called_is_no_missing_attribute() -> None:
    recording = recording_of(net_with("self.fc2(x)", "self.fc2", name="<not called>"))
    assert recording.repairs == ()


def test_the_layer_after_a_stand_in_is_repaired_too() -> None:
    recording = recording_of(net_with("self.conv2 = nn.Conv2d(4, 8, 5)", "pass", name="<stand-in>"))
    assert [repair.assumed for repair in recording.repairs] == ["conv2 were a convolution", "fc1 had 256 inputs"]
    assert recording.unrepaired


def test_a_network_that_works_is_not_repaired() -> None:
    recording = recording_of(net_with("dim=1", "dim=-1", name="<works>"))
    assert (recording.repairs, recording.unrepaired) == ((), ())


def test_several_faults_are_repaired_one_after_the_other() -> None:
    net = net_with("nn.Linear(20, 10)", "nn.Linear(30, 9),", name="<several>")
    recording = recording_of(net)
    assert {repair.kind for repair in recording.repairs} == {"comma", "linear-size", "class-count"}
    assert recording.passes[0].shape == (64, 10)


def test_of_several_tensors_the_log_probabilities_are_the_scores() -> None:
    both = "return torch.ones(10, 10), self.fc2(x), F.log_softmax(self.fc2(x), dim=1), x.view(-1, 10, 2)"
    found = measured(net_with("return F.log_softmax(self.fc2(x), dim=1)", both, name="<both>"))
    assert found.probe is not None
    assert found.probe.scores is not None
    assert found.probe.scores.sum_error < 1e-3


def test_with_several_stand_ins_everything_waits_for_a_tutor() -> None:
    def net() -> nn.Module:
        return net_with("self.fc1 = nn.Linear(128, 20)", "del self.drop", name="<layers>")

    assert [repair.kind for repair in recording_of(net()).repairs][:2] == ["missing-layer", "missing-layer"]
    assert doubts(net()) == {"missing-layers"}


def test_a_fixed_number_of_images_beside_another_fault_is_not_repaired() -> None:
    net = net_with("torch.flatten(x, 1)", "x.view(64, 128)", name="<fixed>")
    net.fc2 = nn.Linear(20, 9)
    recording = recording_of(net)
    assert [repair.kind for repair in recording.repairs] == ["class-count"]
    assert graph_of(recording).doubts == ()
    assert {run.batch for run in recording.passes if run.problem is None} == {64}


def test_an_init_that_cannot_be_called_is_no_repair() -> None:
    recording = recording_of(net_with("def __init__(self)", "def _init_(self, hidden)", name="<init>"))
    assert recording.unrepaired == ()


def test_an_error_that_nothing_repairs_keeps_the_operations_before_it() -> None:
    recording = recording_of(net_with("return F", "raise ValueError('no'); return F", name="<raises>"))
    assert recording.unrepaired == ()
    assert all(run.problem is not None for run in recording.passes)
    assert any(run.program.nodes for run in recording.passes)


def test_a_repaired_network_is_measured_to_the_end() -> None:
    found = measured(net_with("nn.Linear(20, 10)", "nn.Linear(20, 9)", name="<measured>"))
    assert found.is_trainable
    assert found.gradients is not None
    used = [gradient for gradient in found.gradients.parameters if gradient.state != "none"]
    assert {gradient.state for gradient in used} == {"ok"}
    assert len(used) == 8
