"""The fourteen checks on evidence records: their messages, when they are skipped, and which fault they name."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from grader.checks import CHECKS
from grader.checks.training import accuracy_of, fraction_of, next_seed
from grader.lab4.items import PART2_IDS
from grader.model import Finding, Status
from grader.model.evidence import Ending, Evidence, Modes, Operation, Pass, Problem, Remark, Repair, Training
from tests.support import evidence_samples as samples
from tests.support.evidence_samples import (
    CONV1,
    CONV2,
    DROPOUT,
    FC1,
    FC2,
    FLATTEN,
    HEALTHY,
    LAYERS,
    LOG_SOFTMAX,
    MAX_PARAMETERS,
    PLAN,
    POOL,
    RELU,
    judged,
    op,
    stopped,
    trace,
    training,
    until,
)

HEAD = (CONV1, POOL, RELU, CONV2, DROPOUT, POOL, RELU, FLATTEN)
"""The lab's network up to the flatten."""
ERROR = Problem("forward", "name 'nn' is not defined", "NameError", "task1_cnn.py", 20, 0, "x = nn.ReLU()(x)")


def statuses(evidence: Evidence) -> dict[str, str]:
    """The checks that did not pass, with their status."""
    return {id_: str(one.status) for id_, one in judged(evidence).items() if one.status is not Status.PASSED}


def said(finding: Finding) -> str:
    return f"{finding.message} | {finding.hint} | {finding.expected} | {finding.seen}"


def only_failed(evidence: Evidence, id_: str) -> Finding:
    """The finding of the check that fails; all other checks must pass."""
    assert statuses(evidence) == {id_: "failed"}
    return judged(evidence)[id_]


def with_trace(*operations: Operation) -> Evidence:
    return replace(HEALTHY, trace=trace(*operations))


def broken_forward(*repairs: Repair, problem: Problem = ERROR, **changes: Any) -> Evidence:
    """forward raises ``problem`` in every pass; with the ``repairs``, the trace covers the whole network."""
    mended = trace(*LAYERS, repairs=repairs) if repairs else stopped(*HEAD, problem=problem)
    evidence = until("modes", "finished")
    probe = replace(
        samples.PROBE,
        passes=tuple(Pass(size, problem) for size in samples.BATCHES),
        scores=None,
        row_error=None,
        score_row_error=None,
    )
    return replace(evidence, trace=mended, probe=probe, **changes)


# ---- the whole -------------------------------------------------------------------------------------------------------


def test_a_correct_network_passes_every_check() -> None:
    findings = judged(HEALTHY)
    assert set(findings) == set(PART2_IDS)
    assert {one.status for one in findings.values()} == {Status.PASSED}
    assert {one.fraction for one in findings.values()} == {Decimal(1)}


def test_every_check_is_a_rubric_item_and_depends_only_on_checks() -> None:
    ids = [check.id for check in CHECKS]
    assert sorted(ids) == sorted(PART2_IDS)
    for check in CHECKS:
        assert set(check.needs) <= set(ids[: ids.index(check.id)]), "needs come earlier in the list"
        assert set(check.blames) < set(ids)
        assert check.id not in check.blames


def test_findings_are_the_same_every_time() -> None:
    assert judged(HEALTHY) == judged(HEALTHY)


# ---- loads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            Problem("syntax", "invalid syntax", file="a.py", line=9),
            ["invalid syntax (in a.py, line 9).", "python task1"],
        ),
        (Problem("python2", "Line 3 is Python 2", line=3), ["Line 3 is Python 2. ", "print(...)"]),
        (
            Problem("missing-package", "seaborn is not there.", cell=2, line=1),
            ["(in cell 2, line 1)", "without this package"],
        ),
        (Problem("near-miss", "The class is called net"), ["called net.", "a capital N from the Latin alphabet"]),
        (Problem("no-net", "No class Net"), ["class Net(nn.Module)"]),
        (Problem("of-a-kind-to-come", ""), ["could not be read", "Correct this"]),
    ],
)
def test_a_script_without_net_fails_only_loads(problem: Problem, words: list[str]) -> None:
    evidence = replace(until("build", "finished"), load=replace(samples.LOAD, problem=problem))
    findings = judged(evidence)
    assert findings["loads"].status is Status.FAILED
    assert all(word in said(findings["loads"]) for word in words), said(findings["loads"])
    others = [one for id_, one in findings.items() if id_ != "loads"]
    assert {one.status for one in others} == {Status.SKIPPED}
    assert {one.message for one in others} == {"Not checked, because loads did not pass."}


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("not-a-module", "Net() gives a dict, not an nn.Module"), ["gives a dict", "a subclass of nn.Module"]),
        (
            Problem("build", "cannot assign module before Module.__init__() call", "AttributeError", line=8),
            ["creates layers before it calls super().__init__() in line 8.", "super().__init__()"],
        ),
        (
            Problem("build", "Net.__init__() missing 1 required positional argument: 'width'", "TypeError"),
            ["cannot be built without arguments", "default value"],
        ),
        (
            Problem("build", "name 'F' is not defined", "NameError", "a.py", 5, 0, "  self.act = F.relu  "),
            ["Net() raises an error in a.py, line 5: NameError: name 'F' is not defined.", "| self.act = F.relu"],
        ),
    ],
)
def test_a_net_that_cannot_be_built_fails_only_loads(problem: Problem, words: list[str]) -> None:
    evidence = replace(until("trace", "finished"), build=replace(samples.BUILD, problem=problem, parameters=0))
    findings = judged(evidence)
    assert all(word in said(findings["loads"]) for word in words), said(findings["loads"])
    assert statuses(evidence) == {"loads": "failed"} | dict.fromkeys(set(PART2_IDS) - {"loads"}, "skipped")


# ---- how a process ended ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stage", "item"),
    [
        ("load", "loads"),
        ("build", "loads"),
        ("trace", "forward.shape"),
        ("probe", "forward.shape"),
        ("modes", "behaviour.dropout_train_eval"),
        ("gradients", "behaviour.gradients"),
        ("resources", "resources"),
        ("train", "training.accuracy"),
    ],
)
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("deadline", "did not finish within the time limit"),
        ("exit", "ended the Python process"),
        ("signal", "crashed the Python process"),
        ("memory", "used more memory than is allowed"),
        ("crashed", "sent invalid data back to the grader"),
    ],
)
def test_an_early_end_is_reported_once_by_the_check_of_its_stage(stage: str, item: str, kind: str, words: str) -> None:
    findings = judged(until(stage, kind, detail="as told"))
    assert [id_ for id_, one in findings.items() if one.status is Status.FAILED] == [item]
    assert f"{words} (as told)." in findings[item].message
    assert findings[item].hint
    later = {id_ for id_, one in findings.items() if one.status is not Status.PASSED} - {item}
    assert all(findings[id_].status is Status.SKIPPED for id_ in later)


def test_after_a_lost_worker_a_tutor_decides_every_item() -> None:
    findings = judged(until("load", "lost"))
    assert findings["loads"].status is Status.NEEDS_REVIEW
    assert findings["loads"].fraction == 0
    assert findings["loads"].message == "Reading the script crashed the grader's worker process."
    assert {(one.status, one.fraction) for one in findings.values()} == {(Status.NEEDS_REVIEW, Decimal(0))}


@pytest.mark.parametrize("kind", ["unobserved", "unrecorded", "unmeasured"])
def test_a_tutor_decides_what_could_not_be_checked(kind: str) -> None:
    findings = judged(until("modes", kind, detail="as told"))
    waiting = {id_: one for id_, one in findings.items() if one.status is not Status.PASSED}
    assert {"behaviour.dropout_train_eval", "behaviour.gradients", "training.accuracy", "resources"} == set(waiting)
    assert {(one.status, one.fraction) for one in waiting.values()} == {(Status.NEEDS_REVIEW, Decimal(0))}
    assert all("(as told)." in one.message for one in waiting.values())


def test_structure_recorded_before_a_crash_still_counts() -> None:
    findings = judged(until("probe", "deadline"))
    assert all(findings[id_].status is Status.PASSED for id_ in PART2_IDS if id_.startswith("structure."))


# ---- structure -------------------------------------------------------------------------------------------------------


def test_one_convolution() -> None:
    finding = only_failed(with_trace(CONV1, POOL, DROPOUT, RELU, FLATTEN, *LAYERS[8:]), "structure.conv")
    assert finding.message == "forward uses 1 convolution layer between input and output."
    assert finding.hint.startswith("__init__ creates conv2")
    assert (finding.expected, finding.seen) == ("2 convolution layers", "conv1: 1 x 28 x 28 -> 10 x 24 x 24")


def test_no_convolution() -> None:
    findings = judged(with_trace(FLATTEN, FC1, RELU, DROPOUT, FC2, LOG_SOFTMAX))
    assert findings["structure.conv"].message.startswith("forward uses no convolution layer")
    assert findings["structure.conv"].seen == "none"
    assert findings["structure.dropout_conv"].status is Status.SKIPPED


def test_three_convolutions() -> None:
    third = replace(CONV2, layer="conv3")
    finding = only_failed(with_trace(CONV1, RELU, CONV2, RELU, third, DROPOUT, RELU, *LAYERS[7:]), "structure.conv")
    assert finding.message.startswith("forward uses 3 convolution layers")
    assert "exactly two" in finding.hint


def test_with_one_fully_connected_layer_its_dropout_is_skipped() -> None:
    evidence = with_trace(*HEAD, replace(FC1, shape_out=(4, 10)), LOG_SOFTMAX)
    assert statuses(evidence) == {"structure.linear": "failed", "structure.dropout_fc": "skipped"}
    finding = judged(evidence)["structure.linear"]
    assert finding.message == "forward uses 1 fully connected layer between input and output."
    assert finding.hint.startswith("__init__ creates fc2")


def test_three_fully_connected_layers() -> None:
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, DROPOUT, replace(FC2, layer="fc1b"), RELU, FC2, LOG_SOFTMAX), "structure.linear"
    )
    assert finding.message.startswith("forward uses 3 fully connected layers")


def test_a_missing_dropout_is_reported_with_the_place_of_another() -> None:
    finding = only_failed(
        with_trace(CONV1, DROPOUT, RELU, CONV2, POOL, RELU, FLATTEN, *LAYERS[8:]), "structure.dropout_conv"
    )
    assert finding.message == "There is no dropout between the second convolution and the first fully connected layer."
    assert "after the second convolution" in finding.hint
    assert finding.seen == "no dropout there, but a dropout after the first convolution (conv1)"


def test_a_missing_dropout_between_the_fully_connected_layers() -> None:
    finding = only_failed(with_trace(*HEAD, FC1, RELU, FC2, LOG_SOFTMAX), "structure.dropout_fc")
    assert "between the first and the second fully connected layer" in finding.message


def test_a_dropout_whose_result_is_not_used() -> None:
    aside = replace(DROPOUT, inputs=(9,))
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, aside, replace(FC2, inputs=(9,)), LOG_SOFTMAX), "structure.dropout_fc"
    )
    assert "its result is not used" in finding.message
    assert "x = F.dropout" in finding.hint


@pytest.mark.parametrize(
    ("idle", "message", "seen"),
    [
        (replace(DROPOUT, probability=0.0), "has p=0, so it has no effect", "drop with p=0"),
        (replace(DROPOUT, probability=1.0), "has p=1, so it sets every value to zero", "drop with p=1"),
        (replace(DROPOUT, is_active=False), "is off in training mode too", "drop with training=False"),
    ],
)
def test_a_dropout_without_effect(idle: Operation, message: str, seen: str) -> None:
    evidence = with_trace(*HEAD, FC1, RELU, idle, FC2, LOG_SOFTMAX)
    finding = judged(evidence)["structure.dropout_fc"]
    assert [id_ for id_, status in statuses(evidence).items() if status == "failed"] == ["structure.dropout_fc"]
    assert message in finding.message
    assert finding.seen == seen
    assert finding.hint


def test_two_dropouts_without_effect_fail_both_places_and_the_behaviour() -> None:
    idle = replace(DROPOUT, probability=0.0)
    steps = [idle if one.kind == "dropout" else one for one in LAYERS]
    evidence = replace(with_trace(*steps), modes=Modes(None))
    failed = ["structure.dropout_conv", "structure.dropout_fc", "behaviour.dropout_train_eval"]
    assert statuses(evidence) == dict.fromkeys(failed, "failed")
    assert "has no effect in training mode" in judged(evidence)["behaviour.dropout_train_eval"].message


def test_without_dropout_its_behaviour_is_skipped() -> None:
    evidence = replace(with_trace(*(one for one in LAYERS if one.kind != "dropout")), modes=Modes(None))
    assert statuses(evidence) == {
        "structure.dropout_conv": "failed",
        "structure.dropout_fc": "failed",
        "behaviour.dropout_train_eval": "skipped",
    }


def test_a_missing_relu_is_reported_with_its_layer() -> None:
    finding = only_failed(with_trace(CONV1, POOL, *LAYERS[3:]), "structure.relu")
    assert finding.message == "There is no ReLU after the first convolution (conv1)."
    assert "F.relu" in finding.hint


def test_all_missing_relus_are_reported_together() -> None:
    finding = only_failed(with_trace(*(one for one in LAYERS if one.kind != "relu")), "structure.relu")
    assert finding.message.startswith("There is no ReLU after the first convolution (conv1)")
    assert "the second convolution (conv2) and the first fully connected layer (fc1)" in finding.message


def test_a_softmax_between_hidden_layers() -> None:
    steps = (*HEAD, FC1, RELU, op("softmax", "softmax"), DROPOUT, FC2, LOG_SOFTMAX)
    finding = judged(with_trace(*steps))["structure.relu"]
    assert finding.status is Status.FAILED
    assert finding.message.startswith("forward applies softmax after the first fully connected layer (fc1)")
    assert "Replace it with F.relu" in finding.hint


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "leaky_relu"])
def test_another_activation(name: str) -> None:
    steps = [op("activation", name) if one is RELU else one for one in LAYERS]
    finding = only_failed(with_trace(*steps), "structure.relu")
    assert (
        finding.message == f"forward applies {name} after the first convolution (conv1), where the lab asks for a ReLU."
    )
    assert f"instead of {name}" in finding.hint


def test_a_relu_on_the_output() -> None:
    finding = only_failed(with_trace(*LAYERS[:-1], RELU, LOG_SOFTMAX), "structure.relu")
    assert (
        finding.message == "forward applies a ReLU to the output scores, after the second fully connected layer (fc2)."
    )


def test_a_convolution_after_a_fully_connected_layer() -> None:
    evidence = with_trace(FLATTEN, FC1, RELU, CONV1, RELU, CONV2, DROPOUT, RELU, FC2, LOG_SOFTMAX)
    finding = judged(evidence)["structure.order"]
    assert finding.status is Status.FAILED
    assert finding.message == "forward applies a convolution after a fully connected layer."
    assert finding.seen == "fc1, conv1, conv2, fc2"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((DROPOUT, *LAYERS), "forward applies dropout to the input image, before the first layer."),
        ((*LAYERS[:-1], DROPOUT, LOG_SOFTMAX), "forward applies dropout to the output, after the last layer."),
        ((*LAYERS[:-2], LOG_SOFTMAX, FC2, LOG_SOFTMAX), "forward applies log-softmax before the last layer."),
    ],
    ids=["dropout first", "dropout last", "log-softmax early"],
)
def test_order(steps: tuple[Operation, ...], message: str) -> None:
    findings = judged(with_trace(*steps))
    assert findings["structure.order"].status is Status.FAILED
    assert findings["structure.order"].message == message
    assert findings["structure.order"].hint


def test_a_dropout_without_effect_does_not_break_the_order() -> None:
    assert statuses(with_trace(replace(DROPOUT, probability=0.0), *LAYERS)) == {}


# ---- forward.shape ---------------------------------------------------------------------------------------------------


def test_after_an_error_in_forward_earlier_layers_count_and_later_checks_are_skipped() -> None:
    findings = judged(replace(broken_forward(), trace=stopped(*HEAD, FC1, RELU, problem=ERROR)))
    assert findings["forward.shape"].message == (
        "forward raises an error in task1_cnn.py, line 20: NameError: name 'nn' is not defined."
    )
    assert findings["forward.shape"].seen == ERROR.code
    passed = {id_ for id_, one in findings.items() if one.status is Status.PASSED}
    assert passed == {"loads", "structure.conv", "structure.dropout_conv"}
    failed = {id_ for id_, one in findings.items() if one.status is Status.FAILED}
    assert failed == {"forward.shape"}


def test_without_executed_layers_the_structure_is_skipped() -> None:
    findings = judged(replace(broken_forward(), trace=stopped(problem=ERROR)))
    skipped = {id_ for id_, one in findings.items() if one.status is Status.SKIPPED}
    assert skipped == set(PART2_IDS) - {"loads", "forward.shape"}
    assert "runs no layer" in findings["structure.conv"].message


@pytest.mark.parametrize(
    ("repair", "words"),
    [
        (
            Repair("linear-size", "fc1", "", 300, 320),
            ["fc1 expects 300 inputs, but gets 320", "nn.Linear(320, ...)"],
        ),
        (Repair("linear-size", "", "", 300, 320), ["a fully connected layer expects 300"]),
        (
            Repair("conv-channels", "conv2", "", 12, 10),
            ["conv2 expects 12 input channels, but gets 10", "nn.Conv2d(10, ...)"],
        ),
        (Repair("flatten-missing", "fc1", "", 320, 4), ["fc1 gets feature maps", "x.view(x.size(0), -1)"]),
        (Repair("reshape-size", "", "", 160, 320), ["expects 160 values for each image, but there are 320"]),
        (Repair("reshape-size", "", "", 0, 320), ["expects another number of values for each image"]),
        (Repair("reshape-layout", "", ""), ["view does not work here", "reshape instead of view"]),
    ],
)
def test_a_size_mismatch_is_reported_with_the_right_size(repair: Repair, words: list[str]) -> None:
    evidence = broken_forward(repair)
    findings = judged(evidence)
    assert all(word in said(findings["forward.shape"]) for word in words), said(findings["forward.shape"])
    later = {id_ for id_ in PART2_IDS if id_.startswith(("forward.batch", "output", "behaviour", "training"))}
    assert statuses(evidence) == {"forward.shape": "failed"} | dict.fromkeys(later | {"resources"}, "skipped")


def test_a_move_to_the_gpu_fails_on_any_machine() -> None:
    repaired = trace(*LAYERS, repairs=(Repair("device", "", "is moved to a GPU"),))
    findings = judged(replace(until("probe", "finished"), trace=repaired))
    assert findings["forward.shape"].status is Status.FAILED
    assert ".cuda()" in findings["forward.shape"].hint
    assert findings["structure.relu"].status is Status.PASSED


@pytest.mark.parametrize(
    ("methods", "problem", "words"),
    [
        (
            ("__init__", "foward"),
            Problem("forward", 'Module [Net] is missing the required "forward" function', "NotImplementedError"),
            ["no method called forward", "Rename foward to forward."],
        ),
        (
            ("__init__",),
            Problem("forward", 'Module [Net] is missing the required "forward" function', "NotImplementedError"),
            ["Write the method forward(self, x)."],
        ),
        (
            ("__int__", "forward"),
            Problem("forward", "'Net' object has no attribute 'conv1'", "AttributeError"),
            ["Net has no __init__", "Rename __int__ to __init__"],
        ),
        (
            ("__init__", "forward"),
            Problem("forward", "'Net' object has no attribute 'fc3'", "AttributeError", line=30),
            ["raises an error in line 30: AttributeError: 'Net' object has no attribute 'fc3'"],
        ),
        (
            ("__init__", "forward"),
            Problem("forward", "'Net' object has no attribute '_forward_hooks'", "AttributeError"),
            ["Begin __init__ with super().__init__()."],
        ),
        (
            ("__init__", "forward"),
            Problem("forward", "Net.forward() takes 1 positional argument but 2 were given", "TypeError"),
            ["cannot be called with one batch as its only argument", "forward(self, x)"],
        ),
        (
            ("__init__", "forward"),
            Problem("forward", "Kernel size can't be greater than actual input size", "RuntimeError", line=22),
            ["The feature map is smaller than the next kernel in line 22", "Use smaller kernels"],
        ),
    ],
)
def test_the_cause_of_an_error_in_forward(methods: tuple[str, ...], problem: Problem, words: list[str]) -> None:
    load = replace(samples.LOAD, methods=methods)
    finding = judged(replace(broken_forward(problem=problem), load=load))["forward.shape"]
    assert finding.status is Status.FAILED
    assert all(word in said(finding) for word in words), said(finding)


def test_a_blank_template() -> None:
    load = replace(samples.LOAD, is_blank=True)
    evidence = replace(broken_forward(), load=load, trace=stopped(problem=ERROR))
    assert judged(evidence)["forward.shape"].message == "Net is still blank, as in the template."


def test_an_error_in_training_mode_only() -> None:
    finding = judged(replace(HEALTHY, trace=stopped(*HEAD, problem=ERROR)))["forward.shape"]
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
    wrong = tuple(replace(one, **changes) for one in samples.PROBE.passes)
    probe = replace(samples.PROBE, passes=wrong, scores=None)
    evidence = replace(until("modes", "finished"), probe=probe)
    finding = judged(evidence)["forward.shape"]
    assert finding.status is Status.FAILED
    assert all(word in said(finding) for word in words), said(finding)
    assert judged(evidence)["structure.conv"].status is Status.PASSED


def test_a_flatten_that_splits_images_is_reported_with_the_right_size() -> None:
    probe = replace(
        samples.PROBE,
        passes=tuple(Pass(size, None, "Tensor", (2 * size, 10), "float32") for size in samples.BATCHES),
        scores=None,
    )
    split = replace(FLATTEN, shape_out=(8, 160))
    evidence = replace(until("modes", "finished"), probe=probe, trace=trace(*HEAD[:-1], split, *LAYERS[8:]))
    finding = judged(evidence)["forward.shape"]
    assert finding.message == (
        "64 images give 128 rows of scores, because the flatten step mixes the images of a batch."
    )
    assert "20 x 4 x 4 = 320 values there: use x.view(-1, 320)" in finding.hint
    assert judged(evidence)["structure.linear"].status is Status.PASSED


# ---- forward.batch ---------------------------------------------------------------------------------------------------


def probed(works: set[int], problem: Problem | None = ERROR, **changes: Any) -> Evidence:
    passes = tuple(one if one.batch in works else Pass(one.batch, problem) for one in samples.PROBE.passes)
    return replace(HEALTHY, probe=replace(samples.PROBE, passes=passes, **changes))


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
    assert finding.seen == "scores that change by 0.2 times their spread"


def test_rows_mixed_only_by_the_softmax_pass_the_batch_check() -> None:
    finding = judged(probed(set(samples.BATCHES), row_error=0.2, score_row_error=1e-6))["forward.batch"]
    assert finding.status is Status.PASSED
    assert "only the final softmax" in finding.message


# ---- output.log_softmax ----------------------------------------------------------------------------------------------


def scored(**changes: Any) -> Evidence:
    return replace(HEALTHY, probe=replace(samples.PROBE, scores=replace(samples.SCORES, **changes)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"largest": 0.4, "smallest": 0.01, "sum_error": 0.6, "probability_error": 1e-7, "tail": ("softmax",)},
            ["are probabilities (softmax)", "F.log_softmax(x, dim=1)"],
        ),
        ({"sum_error": 0.5, "column_error": 1e-7}, ["is computed over the batch (dim=0)"]),
        ({"largest": 3.0, "sum_error": 40.0, "tail": ()}, ["plain scores, because forward does not apply log-softmax"]),
        ({"largest": 9.0, "sum_error": 40.0}, ["although forward calls log-softmax", "without changing it"]),
        ({"tail": ("softmax", "log_softmax")}, ["forward applies softmax before the log-softmax", "Remove softmax"]),
        ({"tail": ("sigmoid", "-", "logsumexp"), "lead": ("sigmoid",)}, ["forward applies sigmoid before"]),
    ],
)
def test_an_output_that_is_not_log_softmax_fails_only_that_check(changes: dict[str, Any], words: list[str]) -> None:
    finding = only_failed(scored(**changes), "output.log_softmax")
    assert all(word in said(finding) for word in words), said(finding)


def test_outputs_that_are_not_finite_fail_and_dropout_is_skipped() -> None:
    evidence = scored(is_finite=False)
    assert statuses(evidence) == {"output.log_softmax": "failed", "behaviour.dropout_train_eval": "skipped"}
    finding = judged(evidence)["output.log_softmax"]
    assert "not finite (NaN or infinity)" in finding.message
    assert "log of zero" in finding.hint


@pytest.mark.parametrize(
    ("tail", "remark"),
    [
        (("log_softmax",), "The outputs are log-probabilities."),
        (("log_softmax", "log_softmax"), "the second log_softmax changes nothing"),
        (("softmax", "log"), "F.log_softmax does both steps at once"),
        (("logsumexp", "-"), "The outputs are log-probabilities."),
    ],
)
def test_every_way_to_compute_log_softmax_passes(tail: tuple[str, ...], remark: str) -> None:
    finding = judged(scored(tail=tail))["output.log_softmax"]
    assert finding.status is Status.PASSED
    assert remark in finding.message


def test_outputs_that_could_not_be_read_again_are_skipped() -> None:
    probe = replace(samples.PROBE, scores=None)
    assert statuses(replace(HEALTHY, probe=probe)) == {"output.log_softmax": "skipped"}


# ---- behaviour.dropout_train_eval ------------------------------------------------------------------------------------


def moded(evidence: Evidence = HEALTHY, **changes: Any) -> Evidence:
    return replace(evidence, modes=replace(samples.MODES, **changes))


@pytest.mark.parametrize(
    ("dropout", "modes", "words"),
    [
        (
            op("dropout", probability=0.5),
            {"eval_difference": 1.0},
            ["stays on in evaluation mode", "training=self.training"],
        ),
        (
            replace(DROPOUT, is_registered=False, is_fresh=True),
            {"eval_difference": 1.0},
            ["created inside forward", "Create it in __init__"],
        ),
        (
            replace(DROPOUT, is_registered=False),
            {"eval_difference": 1.0},
            ["so net.eval() does not turn it off", "nn.ModuleList"],
        ),
        (DROPOUT, {"eval_difference": 1.0, "eval_still": 1.0}, ["outputs are random in evaluation mode"]),
        (DROPOUT, {"train_still": 2.0}, ["something other than dropout"]),
        (
            DROPOUT,
            {"problem": ERROR},
            ["The forward pass raises an error in training or evaluation mode in task1_cnn.py"],
        ),
    ],
)
def test_wrong_behaviour_of_dropout(dropout: Operation, modes: dict[str, Any], words: list[str]) -> None:
    steps = [replace(dropout, is_active=True) if one is DROPOUT else one for one in LAYERS]
    finding = only_failed(moded(with_trace(*steps), **modes), "behaviour.dropout_train_eval")
    assert all(word in said(finding) for word in words), said(finding)


def test_a_handmade_dropout_may_be_random_when_torch_dropout_is_fixed() -> None:
    steps = [replace(one, name="*") if one.kind == "dropout" else one for one in LAYERS]
    assert statuses(moded(with_trace(*steps), train_still=1.0)) == {}


def test_rounding_differences_between_passes_are_ignored() -> None:
    assert statuses(moded(eval_difference=1e-7)) == {}


def test_constant_outputs_skip_the_dropout_behaviour() -> None:
    probe = replace(samples.PROBE, constant_rows=True)
    assert statuses(moded(replace(HEALTHY, probe=probe), train_difference=0.0)) == {
        "behaviour.dropout_train_eval": "skipped"
    }


# ---- behaviour.gradients ---------------------------------------------------------------------------------------------


def graded(state: str = "ok", names: tuple[str, ...] = ("conv1.w", "conv1.b"), **changes: Any) -> Evidence:
    """Evidence in which the gradients of the parameters in ``names`` have this state."""
    parameters = tuple(replace(one, state=state, **changes) if one.name in names else one for one in samples.PARAMETERS)
    return replace(HEALTHY, gradients=replace(samples.GRADIENTS, parameters=parameters))


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (graded("none", is_trainable=False), ["The parameters of conv1 are frozen", "requires_grad = False"]),
        (graded("none"), ["No gradient reaches conv1", "without .detach(), .data, .numpy()"]),
        (graded("zero"), ["The gradient of conv1 is zero everywhere"]),
        (graded("nonfinite"), ["The gradient of conv1 is not finite"]),
        (graded("none", ("conv1.w", "conv2.w", "fc1.w", "fc2.w")), ["reaches conv1", "conv2", "fc1"]),
    ],
    ids=["frozen", "cut off", "zero", "not finite", "many"],
)
def test_a_gradient_that_is_missing(evidence: Evidence, words: list[str]) -> None:
    finding = only_failed(evidence, "behaviour.gradients")
    assert all(word in said(finding) for word in words), said(finding)


def test_the_operation_that_blocks_the_gradient_is_named() -> None:
    steps = (*HEAD, op("detach", "data"), *LAYERS[8:])
    finding = only_failed(replace(graded("none"), trace=trace(*steps)), "behaviour.gradients")
    assert finding.seen == ".data"
    assert "without .detach(), .data, .numpy()" in finding.hint
    assert "use torch.no_grad() only around the evaluation" in finding.hint


def test_layers_that_are_not_registered() -> None:
    steps = [replace(one, is_registered=one.kind != "linear") for one in LAYERS]
    finding = only_failed(with_trace(*steps), "behaviour.gradients")
    assert finding.message.startswith("A fully connected layer is not registered in Net")
    assert "nn.ModuleList" in finding.hint


def test_layers_created_in_each_forward_pass() -> None:
    steps = [replace(one, is_registered=False, is_fresh=True) if one.kind == "conv" else one for one in LAYERS]
    evidence = replace(with_trace(*steps), trainings=())
    assert statuses(evidence) == {
        "behaviour.gradients": "failed",
        "forward.batch": "skipped",
        "behaviour.dropout_train_eval": "skipped",
        "training.accuracy": "skipped",
    }
    assert judged(evidence)["behaviour.gradients"].message.startswith(
        "A convolution layer is created in each forward pass"
    )


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            Problem("backward", "one of the variables has been modified by an inplace operation", "RuntimeError"),
            ["changes a tensor in place", "x = x + y instead of x += y"],
        ),
        (
            Problem("backward", "something else", "RuntimeError"),
            ["The backward pass raises an error: RuntimeError: something"],
        ),
    ],
)
def test_an_error_in_the_backward_pass(problem: Problem, words: list[str]) -> None:
    gradients = replace(samples.GRADIENTS, problem=problem)
    evidence = replace(HEALTHY, gradients=gradients, trainings=())
    finding = judged(evidence)["behaviour.gradients"]
    assert statuses(evidence) == {"behaviour.gradients": "failed", "training.accuracy": "skipped"}
    assert all(word in said(finding) for word in words), said(finding)


def test_a_network_that_uses_no_parameter() -> None:
    gradients = replace(samples.GRADIENTS, parameters=())
    finding = only_failed(replace(HEALTHY, gradients=gradients), "behaviour.gradients")
    assert finding.message == "The forward pass uses no trainable parameter."


# ---- resources -------------------------------------------------------------------------------------------------------


def test_too_many_parameters_fail_without_a_forward_pass() -> None:
    build = replace(samples.BUILD, parameters=60_000_000)
    evidence = replace(until("trace", "finished"), build=build)
    findings = judged(evidence)
    assert [id_ for id_, one in findings.items() if one.status is Status.FAILED] == ["resources"]
    assert findings["resources"].message == "Net has too many parameters: 60,000,000."
    assert findings["forward.shape"].message == "Not checked, because Net has too many parameters to run."


@pytest.mark.parametrize(("parameters", "status"), [(MAX_PARAMETERS - 1, "passed"), (MAX_PARAMETERS, "failed")])
def test_the_limit_itself_is_too_many(parameters: int, status: str) -> None:
    build = replace(samples.BUILD, parameters=parameters)
    assert judged(replace(HEALTHY, build=build))["resources"].status == status


@pytest.mark.parametrize(("seconds", "status"), [(0.999, "passed"), (1.0, "failed")])
def test_speed(seconds: float, status: str) -> None:
    resources = replace(samples.RESOURCES, forward_seconds=seconds)
    finding = judged(replace(HEALTHY, resources=resources))["resources"]
    assert finding.status == status
    assert finding.seen == f"21,840 parameters, {1000 * seconds:.0f} ms"


def test_a_forward_pass_that_could_not_be_timed_is_skipped() -> None:
    resources = replace(samples.RESOURCES, problem=ERROR)
    assert statuses(replace(HEALTHY, resources=resources)) == {"resources": "skipped"}


# ---- training.accuracy -----------------------------------------------------------------------------------------------


def trained(*accuracies: float, ending: Ending = samples.FINISHED) -> Finding:
    runs = tuple(training(one, seed) for seed, one in enumerate(accuracies, start=1))
    return judged(replace(HEALTHY, trainings=runs, ending=ending))["training.accuracy"]


@pytest.mark.parametrize(
    ("accuracies", "status", "fraction"),
    [
        ((0.97,), "passed", "1"),
        ((0.90,), "passed", "1"),
        ((0.2, 0.95), "passed", "1"),
        ((0.7, 0.71, 0.69), "partial", "0.5"),
        ((0.1, 0.12, 0.1), "failed", "0"),
        ((0.7, 0.7, 0.1), "needs_review", "0.5"),
        ((0.1, 0.1, 0.7), "needs_review", "0"),
        ((0.89, 0.85, 0.86), "needs_review", "0.5"),
        ((0.49, 0.485, 0.485), "needs_review", "0"),
        ((0.51, 0.515, 0.515), "needs_review", "0.5"),
    ],
)
def test_bands(accuracies: tuple[float, ...], status: str, fraction: str) -> None:
    finding = trained(*accuracies)
    assert (finding.status, finding.fraction) == (status, Decimal(fraction))


def test_messages_of_the_training_check() -> None:
    assert trained(0.97).message == "The network learns: 97.0% of the held-out images are correct after 100 steps."
    failed = trained(0.1, 0.12, 0.11)
    assert failed.message == "After a short training run, only 11.0% of the held-out images are correct."
    assert failed.seen == "10.0%, 12.0%, 11.0% (3 seeds)"
    assert failed.expected == "at least 90% correct on held-out images after at most 100 steps"
    assert "close to the limit between two bands" in trained(0.89, 0.89, 0.89).message
    assert failed.hint


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("nothing-to-train", ""), "no trainable parameters"),
        (Problem("training", "it broke", "RuntimeError"), "Training stops with an error: RuntimeError: it broke."),
    ],
)
def test_training_that_cannot_be_done(problem: Problem, words: str) -> None:
    finding = only_failed(replace(HEALTHY, trainings=(Training(problem, 1),)), "training.accuracy")
    assert words in finding.message


def test_a_network_too_slow_to_train_waits_for_a_tutor() -> None:
    slow = training(0.7, remarks=(Remark("stopped-by-time", "it took too long"),))
    finding = judged(replace(HEALTHY, trainings=(slow,)))["training.accuracy"]
    assert (finding.status, finding.fraction) == (Status.NEEDS_REVIEW, Decimal("0.5"))
    assert "too slow" in finding.message


def test_a_network_that_failed_two_complete_runs_is_not_too_slow() -> None:
    stopped = training(0.1, remarks=(Remark("stopped-by-time", "it took too long"),))
    finding = judged(replace(HEALTHY, trainings=(training(0.1), training(0.1), stopped)))["training.accuracy"]
    assert finding.status is Status.FAILED
    assert "too slow" not in finding.message


def test_training_that_did_not_finish_waits_for_a_tutor() -> None:
    finding = trained(0.7, ending=Ending("unmeasured", "train", "deadline"))
    assert finding.status is Status.NEEDS_REVIEW
    assert finding.message == "The training run could not be finished on the recorded network (deadline)."


def test_a_crash_after_a_run_in_the_best_band_passes() -> None:
    assert trained(0.97, ending=Ending("signal", "train")).status is Status.PASSED


def test_a_crash_in_the_second_run_is_reported() -> None:
    finding = trained(0.1, ending=Ending("signal", "train"))
    assert finding.message == "The training run crashed the Python process."


@pytest.mark.parametrize(
    ("evidence", "cause"),
    [
        (scored(largest=3.0, sum_error=40.0, tail=()), "output.log_softmax"),
        (graded("none"), "behaviour.gradients"),
        (with_trace(CONV1, POOL, *LAYERS[3:]), "structure.relu"),
        (with_trace(DROPOUT, *LAYERS), "structure.order"),
        (probed({64}), "forward.batch"),
    ],
)
@pytest.mark.parametrize("accuracy", [0.1, 0.89])
def test_low_accuracy_explained_by_another_fault_is_skipped(evidence: Evidence, cause: str, accuracy: float) -> None:
    spoilt = replace(evidence, trainings=(training(accuracy),))
    assert statuses(spoilt) == {cause: "failed", "training.accuracy": "skipped"}
    assert cause in judged(spoilt)["training.accuracy"].message


def test_good_training_passes_despite_another_fault() -> None:
    assert judged(graded("none"))["training.accuracy"].status is Status.PASSED


def test_a_check_that_fails_because_of_another_fault_names_it() -> None:
    evidence = moded(probed(set(samples.BATCHES), row_error=0.2, score_row_error=0.2), train_still=2.0)
    assert statuses(evidence) == {"behaviour.dropout_train_eval": "failed", "forward.batch": "skipped"}
    assert judged(evidence)["forward.batch"].message == (
        "Not marked separately: the fault in behaviour.dropout_train_eval explains it."
    )


# ---- seeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accuracies", "following"),
    [((0.95,), None), ((0.9,), None), ((0.89,), 2), ((0.1,), 2), ((0.1, 0.1), 3), ((0.1, 0.95), None)],
)
def test_the_next_seed(accuracies: tuple[float, ...], following: int | None) -> None:
    runs = tuple(training(one, seed) for seed, one in enumerate(accuracies, start=1))
    assert next_seed(runs, PLAN) == following


def test_no_seed_follows_the_last_one() -> None:
    assert next_seed(tuple(training(0.1, seed) for seed in PLAN.seeds), PLAN) is None


def test_a_problem_is_not_tried_again() -> None:
    assert next_seed((Training(ERROR, 1),), PLAN) is None


def test_fractions() -> None:
    assert [fraction_of(one, PLAN) for one in (1.0, 0.9, 0.8999, 0.5, 0.49, 0.0)] == [
        Decimal(1),
        Decimal(1),
        Decimal("0.5"),
        Decimal("0.5"),
        Decimal(0),
        Decimal(0),
    ]
    assert accuracy_of(Training(None, 1)) == 0.0
    assert accuracy_of(training(0.25)) == 0.25
