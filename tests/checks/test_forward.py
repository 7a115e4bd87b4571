"""The checks of forward: its result, its errors, and its batch sizes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from grader.lab4.items import PART2_TITLES
from grader.model import Status
from grader.model.evidence import Layer, Operation, Pass, Problem, Repair
from tests.support import evidence_samples as samples
from tests.support.check_samples import ERROR, HEAD, broken_forward, only_failed, probed, statuses, text_of
from tests.support.evidence_samples import (
    CONV1,
    CONV2,
    FC1,
    FC2,
    FLATTEN,
    HEALTHY,
    LAYERS,
    RELU,
    findings_of,
    stopped,
    trace,
    until,
)

# ---- forward.shape ---------------------------------------------------------------------------------------------------


def test_after_an_error_in_forward_earlier_layers_count_and_later_checks_are_skipped() -> None:
    findings = findings_of(replace(broken_forward(), trace=stopped(*HEAD, FC1, RELU, problem=ERROR)))
    assert findings["forward.shape"].message == ("nn is not defined in task1_cnn.py, line 20.")
    assert findings["forward.shape"].seen == ERROR.code
    passed = {id_ for id_, finding in findings.items() if finding.status is Status.PASSED}
    assert passed == {"loads", "structure.conv", "structure.dropout_conv"}
    failed = {id_ for id_, finding in findings.items() if finding.status is Status.FAILED}
    assert failed == {"forward.shape"}


def test_without_executed_layers_the_structure_is_skipped() -> None:
    findings = findings_of(replace(broken_forward(), trace=stopped(problem=ERROR)))
    skipped = {id_ for id_, finding in findings.items() if finding.status is Status.SKIPPED}
    assert skipped == set(PART2_TITLES) - {"loads", "forward.shape"}
    assert "runs no layer" in findings["structure.conv"].message


@pytest.mark.parametrize(
    ("repair", "words"),
    [
        (
            Repair("linear-size", "fc1", "", 300, 320),
            ["fc1 takes 300 inputs, but gets 320", "nn.Linear(320, ...)"],
        ),
        (Repair("linear-size", "", "", 300, 320), ["a fully connected layer takes 300"]),
        (
            Repair("conv-channels", "conv2", "", 12, 10),
            ["conv2 takes 12 input channels, but gets 10", "nn.Conv2d(10, ...)"],
        ),
        (
            Repair("conv-channels", "conv2", "", 12, 10, problem=Problem("forward", line=28, code="made here")),
            ["conv2 (created in line 28) takes 12 input channels, but gets 10 in task1_cnn.py, line 20.", "made here"],
        ),
        (
            Repair("reshape-rows", "", "", 320, 160, problem=Problem("forward", line=37)),
            ["The flatten step in line 37 gives rows of 160"],
        ),
        (Repair("flatten-missing", "fc1", "", 320, 4), ["fc1 gets feature maps", "x.view(x.size(0), -1)"]),
        (Repair("reshape-size", "", "", 160, 320), ["asks for 160 values for each image, but there are 320"]),
        (Repair("reshape-size", "", "", 0, 320), ["asks for another number of values for each image"]),
        (Repair("reshape-layout", "", ""), ["view does not work", "reshape instead of view"]),
    ],
)
def test_a_size_mismatch_is_reported_with_the_right_size(repair: Repair, words: list[str]) -> None:
    evidence = broken_forward(repair)
    findings = findings_of(evidence)
    assert all(word in text_of(findings["forward.shape"]) for word in words), text_of(findings["forward.shape"])
    later = {id_ for id_ in PART2_TITLES if id_.startswith(("forward.batch", "output", "behaviour", "training"))}
    assert statuses(evidence) == {"forward.shape": "failed"} | dict.fromkeys(later | {"resources"}, "skipped")


@pytest.mark.parametrize(
    ("repair", "ran", "named"),
    [
        (Repair("linear-size", "fc1", "", 320, 1440), (CONV1, FLATTEN, FC1, FC2), "conv2 and pool"),
        (Repair("conv-channels", "conv2", "", 12, 10), (CONV2, FLATTEN, FC1, FC2), "conv1"),
        (Repair("reshape-size", "", "", 320, 1440), (CONV1, FLATTEN), "conv2 and pool"),
        (Repair("linear-size", "fc1", "", 300, 320), (*HEAD, FC1), "pool"),
        (Repair("flatten-missing", "fc1", "", 320, 4), (CONV1, FC1), ""),
        (Repair("linear-size", "fc1", "", 300, 320), (*HEAD, samples.op("pool", layer="pool"), FC1), ""),
    ],
)
def test_an_unused_layer_is_named_where_sizes_do_not_fit(
    repair: Repair, ran: tuple[Operation, ...], named: str
) -> None:
    broken = broken_forward(repair)
    assert broken.build is not None
    build = replace(broken.build, layers=(*broken.build.layers, Layer("pool", "MaxPool2d", 0)))
    finding = findings_of(replace(broken, build=build, trace=trace(*ran, repairs=(repair,))))["forward.shape"]
    assert finding.message.partition("forward never applies ")[2].partition(", which")[0] == named


def test_a_move_to_the_gpu_fails_on_any_machine() -> None:
    repaired = trace(*LAYERS, repairs=(Repair("device", "", "is moved to a GPU"),))
    findings = findings_of(replace(until("probe", "finished"), trace=repaired))
    assert findings["forward.shape"].status is Status.FAILED
    assert ".cuda()" in findings["forward.shape"].hint
    assert findings["structure.relu"].status is Status.PASSED


@pytest.mark.parametrize(
    ("repairs", "problem", "words"),
    [
        (
            (Repair("forward-name", "foward", "should be called forward"),),
            Problem("forward", 'Module [Net] is missing the required "forward" function', "NotImplementedError"),
            ["no method called forward", "Rename foward to forward."],
        ),
        (
            (),
            Problem("forward", 'Module [Net] is missing the required "forward" function', "NotImplementedError"),
            ["Write the method forward(self, x)."],
        ),
        (
            (Repair("init-name", "__int__", "should be called __init__"),),
            Problem("forward", "'Net' object has no attribute 'conv1'", "AttributeError"),
            ["Net has no __init__", "Rename __int__ to __init__"],
        ),
        (
            (),
            Problem("forward", "'Net' object has no attribute 'fc3'", "AttributeError", line=30),
            ["raises an error in line 30: AttributeError: 'Net' object has no attribute 'fc3'"],
        ),
        (
            (
                Repair(
                    "missing-layer",
                    "conv1",
                    "is never created",
                    problem=Problem("forward", line=9, code="conv1 = nn.Conv2d(1, 10, 5)"),
                ),
            ),
            Problem("forward", "'Net' object has no attribute 'conv1'", "AttributeError", line=30),
            [
                "stops in line 30: self.conv1 is never created, because line 9 makes only a local name.",
                "write self.conv1 = ... in line 9",
            ],
        ),
        (
            (
                Repair(
                    "missing-layer",
                    "conv1",
                    "is never created",
                    problem=Problem("forward", line=30, code="x = self.conv1(x)"),
                ),
            ),
            Problem("forward", "'Net' object has no attribute 'conv1'", "AttributeError", line=30),
            ["stops in line 30: self.conv1 is never created.", "Create it in __init__"],
        ),
        (
            (Repair("layer-call", "", "", problem=Problem("forward", line=25, code="x = nn.ReLU(x)")),),
            Problem(
                "forward", "dropout(): argument 'input' (position 1) must be Tensor, not ReLU", "TypeError", line=26
            ),
            ["nn.ReLU(x) in line 25 makes a layer and does not apply it.", "F.relu(x), or nn.ReLU()(x)"],
        ),
        (
            (Repair("map-too-small", "conv2", ""), Repair("reshape-size", "", "", 320, 720)),
            Problem("forward", "Kernel size can't be greater than actual input size", "RuntimeError", line=22),
            ["The feature map is smaller than the next kernel in line 22"],
        ),
        (
            (Repair("reshape-rows", "", "", 320, 160),),
            Problem(
                "forward", "mat1 and mat2 shapes cannot be multiplied (128x160 and 320x50)", "RuntimeError", line=21
            ),
            ["The flatten step in line 21 gives rows of 160 values, but each image has 320."],
        ),
        (
            (),
            Problem("forward", "'Net' object has no attribute '_forward_hooks'", "AttributeError"),
            ["Begin __init__ with super().__init__()."],
        ),
        (
            (),
            Problem("forward", "Net.forward() takes 1 positional argument but 2 were given", "TypeError"),
            ["cannot be called with one batch as its only argument", "forward(self, x)"],
        ),
        (
            (),
            Problem("forward", "Kernel size can't be greater than actual input size", "RuntimeError", line=22),
            ["The feature map is smaller than the next kernel in line 22", "Use smaller kernels"],
        ),
    ],
)
def test_the_cause_of_an_error_in_forward(repairs: tuple[Repair, ...], problem: Problem, words: list[str]) -> None:
    finding = findings_of(broken_forward(*repairs, problem=problem))["forward.shape"]
    assert finding.status is Status.FAILED
    assert all(word in text_of(finding) for word in words), text_of(finding)


def test_a_blank_template() -> None:
    load = replace(samples.LOAD, is_blank=True)
    evidence = replace(broken_forward(), load=load, trace=stopped(problem=ERROR))
    assert findings_of(evidence)["forward.shape"].message == "Net is still blank, as in the template."


def test_an_error_in_training_mode_only() -> None:
    finding = findings_of(replace(HEALTHY, trace=stopped(*HEAD, problem=ERROR)))["forward.shape"]
    assert finding.message.startswith("forward works in evaluation mode but raises an error in training mode in task1")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"returned": "NoneType", "shape": (), "dtype": ""}, ["forward returns nothing", "return statement"]),
        ({"returned": "tuple", "shape": (), "dtype": ""}, ["returns a tuple instead of a tensor"]),
        ({"dtype": "float64"}, ["returns float64 values", ".double()"]),
        ({"dtype": "int64", "shape": (64,)}, ["class numbers instead of scores", "argmax"]),
        ({"shape": (64, 11)}, ["11 scores for each image, but there are 10 digits"]),
        ({"shape": (64, 4, 4, 10)}, ["4 dimensions instead of 2", "Flatten"]),
        ({"shape": (64,)}, ["does not return one row of ten scores"]),
    ],
)
def test_a_wrong_result(changes: dict[str, Any], words: list[str]) -> None:
    wrong = tuple(replace(run, **changes) for run in samples.PROBE.passes)
    probe = replace(samples.PROBE, passes=wrong, scores=None)
    evidence = replace(until("modes", "finished"), probe=probe)
    finding = findings_of(evidence)["forward.shape"]
    assert finding.status is Status.FAILED
    assert all(word in text_of(finding) for word in words), text_of(finding)
    assert findings_of(evidence)["structure.conv"].status is Status.PASSED


@pytest.mark.parametrize(
    ("steps", "shape", "message", "ahead"),
    [
        (
            (CONV1, RELU),
            (10, 24, 24),
            "ends after the first convolution (conv1): it returns 10 x 24 x 24",
            "conv2, fc1",
        ),
        (HEAD, (320,), "ends after the second convolution (conv2): it returns 320", "fc1 and fc2"),
        ((*HEAD, FC1, RELU), (50,), "ends after the first fully connected layer (fc1): it returns 50", "fc2"),
        ((), (1, 28, 28), "applies no layer yet: it returns 1 x 28 x 28", "conv1, conv2"),
    ],
)
def test_a_forward_that_ends_early(
    steps: tuple[Operation, ...], shape: tuple[int, ...], message: str, ahead: str
) -> None:
    passes = tuple(replace(run, shape=(run.batch, *shape)) for run in samples.PROBE.passes)
    probe = replace(samples.PROBE, passes=passes, scores=None)
    evidence = replace(until("modes", "finished"), probe=probe, trace=trace(*steps))
    finding = findings_of(evidence)["forward.shape"]
    assert finding.message == f"forward {message} values for each image, not 10 scores."
    assert f"does not call {ahead}" in finding.hint


def test_a_flatten_that_splits_images_is_reported_with_the_right_size() -> None:
    probe = replace(
        samples.PROBE,
        passes=tuple(Pass(size, None, "Tensor", (2 * size, 10), "float32") for size in samples.BATCHES),
        scores=None,
    )
    split = replace(FLATTEN, shape_out=(8, 160))
    evidence = replace(until("modes", "finished"), probe=probe, trace=trace(*HEAD[:-1], split, *LAYERS[8:]))
    finding = findings_of(evidence)["forward.shape"]
    assert finding.message == (
        "64 images give 128 rows of scores, because the flatten step mixes the images of a batch."
    )
    assert "20 x 4 x 4 = 320 values there: use x.view(-1, 320)" in finding.hint
    assert findings_of(evidence)["structure.linear"].status is Status.PASSED


def test_a_hard_coded_batch_size() -> None:
    finding = only_failed(probed({64}), "forward.batch")
    assert finding.message == "forward works only for batches of 64 images."
    assert "x.size(0)" in finding.hint
    assert finding.seen == "fails for 1, 2, 3, 100 images"


def test_a_squeeze_that_drops_a_batch_of_one() -> None:
    finding = only_failed(probed({2, 3, 64, 100}), "forward.batch")
    assert finding.message.startswith("forward does not work for a single image: NameError")
    assert "squeeze()" in finding.hint


def test_some_batch_sizes_fail() -> None:
    finding = only_failed(probed({2, 64, 100}), "forward.batch")
    assert finding.message.startswith("forward does not work for batches of 1, 3 images")


def test_rows_that_depend_on_each_other() -> None:
    finding = only_failed(probed(set(samples.BATCHES), row_error=0.2, score_row_error=0.2), "forward.batch")
    assert finding.message == "The scores of an image depend on the other images in its batch."
    assert finding.seen == "scores that change when the other images in the batch change"


def test_rows_mixed_only_by_the_softmax_pass_the_batch_check() -> None:
    finding = findings_of(probed(set(samples.BATCHES), row_error=0.2, score_row_error=1e-6))["forward.batch"]
    assert finding.status is Status.PASSED
    assert "Only the final softmax" in finding.message
