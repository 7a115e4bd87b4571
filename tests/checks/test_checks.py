"""The fourteen checks, from evidence records to findings: what each says, what it skips, and which fault it blames."""

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
    """The items that did not pass, with what they got instead."""
    return {id_: str(one.status) for id_, one in judged(evidence).items() if one.status is not Status.PASSED}


def said(finding: Finding) -> str:
    return f"{finding.message} | {finding.hint} | {finding.expected} | {finding.seen}"


def only_failed(evidence: Evidence, id_: str) -> Finding:
    """The finding on the one item that fails; every other must hold."""
    assert statuses(evidence) == {id_: "failed"}
    return judged(evidence)[id_]


def with_trace(*operations: Operation) -> Evidence:
    return replace(HEALTHY, trace=trace(*operations))


def broken_forward(*repairs: Repair, problem: Problem = ERROR, **changes: Any) -> Evidence:
    """forward raises ``problem`` in every pass; the trace was mended as ``repairs`` say and saw the whole net."""
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


def test_a_net_as_the_lab_asks_for_passes_every_check() -> None:
    findings = judged(HEALTHY)
    assert set(findings) == set(PART2_IDS)
    assert {one.status for one in findings.values()} == {Status.PASSED}
    assert {one.fraction for one in findings.values()} == {Decimal(1)}


def test_every_check_is_a_rubric_item_and_names_only_checks() -> None:
    ids = [check.id for check in CHECKS]
    assert sorted(ids) == sorted(PART2_IDS)
    for check in CHECKS:
        assert set(check.needs) <= set(ids[: ids.index(check.id)]), "a need is judged before"
        assert set(check.blames) < set(ids)
        assert check.id not in check.blames


def test_findings_are_the_same_every_time() -> None:
    assert judged(HEALTHY) == judged(HEALTHY)


# ---- loads -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("syntax", "invalid syntax", file="a.py", line=9), ["invalid syntax (in a.py, line 9).", "python3"]),
        (Problem("python2", "Line 3 is Python 2", line=3), ["Line 3 is Python 2. ", "print(...)"]),
        (Problem("missing-package", "seaborn is not there.", cell=2, line=1), ["(in cell 2, line 1)", "do without"]),
        (Problem("near-miss", "The class is called net"), ["called net.", "Latin capital N"]),
        (Problem("no-net", "No class Net"), ["class Net(nn.Module)"]),
        (Problem("of-a-kind-to-come", ""), ["could not be read", "Correct that"]),
    ],
)
def test_a_script_that_gives_no_net_fails_loads_alone(problem: Problem, words: list[str]) -> None:
    evidence = replace(until("build", "finished"), load=replace(samples.LOAD, problem=problem))
    findings = judged(evidence)
    assert findings["loads"].status is Status.FAILED
    assert all(word in said(findings["loads"]) for word in words), said(findings["loads"])
    others = [one for id_, one in findings.items() if id_ != "loads"]
    assert {one.status for one in others} == {Status.SKIPPED}
    assert {one.message for one in others} == {"Not assessed, because loads does not hold."}


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (Problem("not-a-module", "Net() gives a dict, not an nn.Module"), ["gives a dict", "Derive the class"]),
        (
            Problem("build", "cannot assign module before Module.__init__() call", "AttributeError", line=8),
            ["before the nn.Module part is set up in line 8.", "super().__init__()"],
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
def test_a_net_that_cannot_be_built_fails_loads_alone(problem: Problem, words: list[str]) -> None:
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
        ("deadline", "did not finish in the time allowed"),
        ("exit", "ended the Python process"),
        ("signal", "crashed the Python process"),
        ("memory", "used more memory than is allowed"),
        ("crashed", "sent back something that is not evidence"),
    ],
)
def test_an_early_end_is_one_fault_where_it_belongs(stage: str, item: str, kind: str, words: str) -> None:
    findings = judged(until(stage, kind, detail="as told"))
    assert [id_ for id_, one in findings.items() if one.status is Status.FAILED] == [item]
    assert f"{words} (as told)." in findings[item].message
    assert findings[item].hint
    later = {id_ for id_, one in findings.items() if one.status is not Status.PASSED} - {item}
    assert all(findings[id_].status is Status.SKIPPED for id_ in later)


def test_a_lost_worker_is_for_a_tutor_and_costs_nothing_beside() -> None:
    findings = judged(until("load", "lost"))
    assert findings["loads"].status is Status.NEEDS_REVIEW
    assert findings["loads"].fraction == 0
    assert findings["loads"].message == "Reading the script brought the grader's worker down."
    assert {(one.status, one.fraction) for one in findings.values()} == {(Status.NEEDS_REVIEW, Decimal(0))}


@pytest.mark.parametrize("kind", ["unobserved", "unrecorded", "unmeasured"])
def test_what_could_not_be_looked_at_waits_for_a_tutor_and_is_no_loss(kind: str) -> None:
    findings = judged(until("modes", kind, detail="as told"))
    waiting = {id_: one for id_, one in findings.items() if one.status is not Status.PASSED}
    assert {"behaviour.dropout_train_eval", "behaviour.gradients", "training.accuracy", "resources"} == set(waiting)
    assert {(one.status, one.fraction) for one in waiting.values()} == {(Status.NEEDS_REVIEW, Decimal(0))}
    assert all("(as told)." in one.message for one in waiting.values())


def test_structure_seen_before_a_crash_in_the_probes_still_counts() -> None:
    findings = judged(until("probe", "deadline"))
    assert all(findings[id_].status is Status.PASSED for id_ in PART2_IDS if id_.startswith("structure."))


# ---- structure -------------------------------------------------------------------------------------------------------


def test_one_convolution() -> None:
    finding = only_failed(with_trace(CONV1, POOL, DROPOUT, RELU, FLATTEN, *LAYERS[8:]), "structure.conv")
    assert finding.message == "1 convolution layer is executed between input and output."
    assert finding.hint.startswith("conv2 is declared")
    assert (finding.expected, finding.seen) == ("2 convolution layers", "conv1: 1 x 28 x 28 -> 10 x 24 x 24")


def test_no_convolution() -> None:
    findings = judged(with_trace(FLATTEN, FC1, RELU, DROPOUT, FC2, LOG_SOFTMAX))
    assert findings["structure.conv"].message.startswith("0 convolution layers are executed")
    assert findings["structure.conv"].seen == "none"
    assert findings["structure.dropout_conv"].status is Status.SKIPPED


def test_three_convolutions() -> None:
    third = replace(CONV2, layer="conv3")
    finding = only_failed(with_trace(CONV1, RELU, CONV2, RELU, third, DROPOUT, RELU, *LAYERS[7:]), "structure.conv")
    assert finding.message.startswith("3 convolution layers are executed")
    assert "exactly two" in finding.hint


def test_one_fully_connected_layer_leaves_no_place_for_its_dropout() -> None:
    evidence = with_trace(*HEAD, replace(FC1, shape_out=(4, 10)), LOG_SOFTMAX)
    assert statuses(evidence) == {"structure.linear": "failed", "structure.dropout_fc": "skipped"}
    finding = judged(evidence)["structure.linear"]
    assert finding.message == "1 fully connected layer is executed between input and output."
    assert finding.hint.startswith("fc2 is declared")


def test_three_fully_connected_layers() -> None:
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, DROPOUT, replace(FC2, layer="fc1b"), RELU, FC2, LOG_SOFTMAX), "structure.linear"
    )
    assert finding.message.startswith("3 fully connected layers are executed")


def test_a_missing_dropout_says_where_the_others_stand() -> None:
    finding = only_failed(
        with_trace(CONV1, DROPOUT, RELU, CONV2, POOL, RELU, FLATTEN, *LAYERS[8:]), "structure.dropout_conv"
    )
    assert finding.message == "No dropout lies between the second convolution and the first fully connected layer."
    assert "after the second convolution" in finding.hint
    assert finding.seen == "no dropout there; one stands behind the first convolution (conv1)"


def test_a_missing_dropout_between_the_fully_connected_layers() -> None:
    finding = only_failed(with_trace(*HEAD, FC1, RELU, FC2, LOG_SOFTMAX), "structure.dropout_fc")
    assert "between the first and the second fully connected layer" in finding.message


def test_a_dropout_whose_result_is_thrown_away() -> None:
    aside = replace(DROPOUT, inputs=(9,))
    finding = only_failed(
        with_trace(*HEAD, FC1, RELU, aside, replace(FC2, inputs=(9,)), LOG_SOFTMAX), "structure.dropout_fc"
    )
    assert "its result is not used" in finding.message
    assert "x = F.dropout" in finding.hint


@pytest.mark.parametrize(
    ("idle", "message", "seen"),
    [
        (replace(DROPOUT, probability=0.0), "has p=0, so it never drops anything", "drop with p=0"),
        (replace(DROPOUT, probability=1.0), "has p=1, so it zeroes everything", "drop with p=1"),
        (replace(DROPOUT, is_active=False), "is switched off during training as well", "drop with training=False"),
    ],
)
def test_an_idle_dropout(idle: Operation, message: str, seen: str) -> None:
    evidence = with_trace(*HEAD, FC1, RELU, idle, FC2, LOG_SOFTMAX)
    finding = judged(evidence)["structure.dropout_fc"]
    assert [id_ for id_, status in statuses(evidence).items() if status == "failed"] == ["structure.dropout_fc"]
    assert message in finding.message
    assert finding.seen == seen
    assert finding.hint


def test_two_idle_dropouts_fail_both_places_and_the_behaviour() -> None:
    idle = replace(DROPOUT, probability=0.0)
    steps = [idle if one.kind == "dropout" else one for one in LAYERS]
    evidence = replace(with_trace(*steps), modes=Modes(None))
    failed = ["structure.dropout_conv", "structure.dropout_fc", "behaviour.dropout_train_eval"]
    assert statuses(evidence) == dict.fromkeys(failed, "failed")
    assert "drops nothing in training mode" in judged(evidence)["behaviour.dropout_train_eval"].message


def test_no_dropout_at_all_leaves_nothing_to_compare() -> None:
    evidence = replace(with_trace(*(one for one in LAYERS if one.kind != "dropout")), modes=Modes(None))
    assert statuses(evidence) == {
        "structure.dropout_conv": "failed",
        "structure.dropout_fc": "failed",
        "behaviour.dropout_train_eval": "skipped",
    }


def test_a_missing_relu_is_named_by_its_layer() -> None:
    finding = only_failed(with_trace(CONV1, POOL, *LAYERS[3:]), "structure.relu")
    assert finding.message == "No ReLU follows the first convolution (conv1)."
    assert "F.relu" in finding.hint


def test_all_missing_relus_are_told_at_once() -> None:
    finding = only_failed(with_trace(*(one for one in LAYERS if one.kind != "relu")), "structure.relu")
    assert finding.message.startswith("No ReLU follows the first convolution (conv1)")
    assert "the second convolution (conv2) and the first fully connected layer (fc1)" in finding.message


def test_a_softmax_between_hidden_layers() -> None:
    steps = (*HEAD, FC1, RELU, op("softmax", "softmax"), DROPOUT, FC2, LOG_SOFTMAX)
    finding = judged(with_trace(*steps))["structure.relu"]
    assert finding.status is Status.FAILED
    assert finding.message.startswith("A softmax is used after the first fully connected layer (fc1)")
    assert "Take the softmax out" in finding.hint


@pytest.mark.parametrize("name", ["tanh", "sigmoid", "leaky_relu"])
def test_another_activation(name: str) -> None:
    steps = [op("activation", name) if one is RELU else one for one in LAYERS]
    finding = only_failed(with_trace(*steps), "structure.relu")
    assert finding.message == f"{name} is used behind the first convolution (conv1), where the lab asks for a ReLU."
    assert f"instead of {name}" in finding.hint


def test_a_relu_on_the_output() -> None:
    finding = only_failed(with_trace(*LAYERS[:-1], RELU, LOG_SOFTMAX), "structure.relu")
    assert finding.message == "A ReLU is applied to the output scores, behind the second fully connected layer (fc2)."


def test_a_convolution_after_a_fully_connected_layer() -> None:
    evidence = with_trace(FLATTEN, FC1, RELU, CONV1, RELU, CONV2, DROPOUT, RELU, FC2, LOG_SOFTMAX)
    finding = judged(evidence)["structure.order"]
    assert finding.status is Status.FAILED
    assert finding.message == "A convolution is executed after a fully connected layer."
    assert finding.seen == "fc1, conv1, conv2, fc2"


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ((DROPOUT, *LAYERS), "A dropout is applied to the input image, before the first layer."),
        ((*LAYERS[:-1], DROPOUT, LOG_SOFTMAX), "A dropout is applied behind the last layer, to the output."),
        ((*LAYERS[:-2], LOG_SOFTMAX, FC2, LOG_SOFTMAX), "A log-softmax is applied before the last layer."),
    ],
    ids=["dropout first", "dropout last", "log-softmax early"],
)
def test_order(steps: tuple[Operation, ...], message: str) -> None:
    findings = judged(with_trace(*steps))
    assert findings["structure.order"].status is Status.FAILED
    assert findings["structure.order"].message == message
    assert findings["structure.order"].hint


def test_a_dropout_that_stands_elsewhere_and_never_drops_is_no_fault_of_order() -> None:
    assert statuses(with_trace(replace(DROPOUT, probability=0.0), *LAYERS)) == {}


# ---- forward.shape ---------------------------------------------------------------------------------------------------


def test_after_an_error_in_forward_what_ran_before_it_counts_and_the_rest_is_skipped() -> None:
    findings = judged(replace(broken_forward(), trace=stopped(*HEAD, FC1, RELU, problem=ERROR)))
    assert findings["forward.shape"].message == (
        "forward raises an error in task1_cnn.py, line 20: NameError: name 'nn' is not defined."
    )
    assert findings["forward.shape"].seen == ERROR.code
    passed = {id_ for id_, one in findings.items() if one.status is Status.PASSED}
    assert passed == {"loads", "structure.conv", "structure.dropout_conv"}
    failed = {id_ for id_, one in findings.items() if one.status is Status.FAILED}
    assert failed == {"forward.shape"}


def test_when_nothing_ran_nothing_of_the_structure_is_judged() -> None:
    findings = judged(replace(broken_forward(), trace=stopped(problem=ERROR)))
    skipped = {id_ for id_, one in findings.items() if one.status is Status.SKIPPED}
    assert skipped == set(PART2_IDS) - {"loads", "forward.shape"}
    assert "runs no layer" in findings["structure.conv"].message


@pytest.mark.parametrize(
    ("repair", "words"),
    [
        (
            Repair("linear-size", "fc1", "", 300, 320),
            ["fc1 is declared for 300 inputs, but 320 values arrive", "nn.Linear(320, ...)"],
        ),
        (Repair("linear-size", "", "", 300, 320), ["a fully connected layer is declared for 300"]),
        (
            Repair("conv-channels", "conv2", "", 12, 10),
            ["conv2 is declared for 12 input channels, but 10 arrive", "nn.Conv2d(10, ...)"],
        ),
        (Repair("flatten-missing", "fc1", "", 320, 4), ["fc1 is given feature maps", "x.view(x.size(0), -1)"]),
        (Repair("reshape-size", "", "", 160, 320), ["asks for 160 values for each image, but there are 320"]),
        (Repair("reshape-size", "", "", 0, 320), ["asks for values for each image"]),
        (Repair("reshape-layout", "", ""), ["view cannot be used here", "reshape instead of view"]),
    ],
)
def test_a_size_that_does_not_fit_is_told_with_the_right_number(repair: Repair, words: list[str]) -> None:
    evidence = broken_forward(repair)
    findings = judged(evidence)
    assert all(word in said(findings["forward.shape"]) for word in words), said(findings["forward.shape"])
    later = {id_ for id_ in PART2_IDS if id_.startswith(("forward.batch", "output", "behaviour", "training"))}
    assert statuses(evidence) == {"forward.shape": "failed"} | dict.fromkeys(later | {"resources"}, "skipped")


def test_a_move_to_the_gpu_fails_with_and_without_one() -> None:
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
            ["cannot be called with a batch alone", "forward(self, x)"],
        ),
        (
            ("__init__", "forward"),
            Problem("forward", "Kernel size can't be greater than actual input size", "RuntimeError", line=22),
            ["The image has become smaller than the next kernel in line 22", "Use smaller kernels"],
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
    assert judged(evidence)["forward.shape"].message == "Net is still as blank as in the template."


def test_an_error_in_training_mode_only() -> None:
    finding = judged(replace(HEALTHY, trace=stopped(*HEAD, problem=ERROR)))["forward.shape"]
    assert finding.message.startswith("forward works in evaluation mode but raises an error in training mode in task1")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"returned": "NoneType", "shape": (), "dtype": ""}, ["forward returns nothing", "return statement"]),
        ({"returned": "tuple", "shape": (), "dtype": ""}, ["returns a tuple instead of a tensor"]),
        ({"dtype": "float64"}, ["returns float64 numbers", ".double()"]),
        ({"dtype": "int64", "shape": (64,)}, ["class numbers instead of scores", "argmax"]),
        ({"shape": (64, 11)}, ["11 scores for each image, and there are 10 digits"]),
        ({"shape": (64, 4, 4, 10)}, ["more than two dimensions", "Flatten"]),
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


def test_a_flatten_that_splits_images_is_told_with_the_right_number() -> None:
    probe = replace(
        samples.PROBE,
        passes=tuple(Pass(size, None, "Tensor", (2 * size, 10), "float32") for size in samples.BATCHES),
        scores=None,
    )
    split = replace(FLATTEN, shape_out=(8, 160))
    evidence = replace(until("modes", "finished"), probe=probe, trace=trace(*HEAD[:-1], split, *LAYERS[8:]))
    finding = judged(evidence)["forward.shape"]
    assert finding.message == "64 images give 128 rows of scores, so the flatten mixes images of a batch."
    assert "20 x 4 x 4 = 320 values there: use x.view(-1, 320)" in finding.hint
    assert judged(evidence)["structure.linear"].status is Status.PASSED


# ---- forward.batch ---------------------------------------------------------------------------------------------------


def probed(works: set[int], problem: Problem | None = ERROR, **changes: Any) -> Evidence:
    passes = tuple(one if one.batch in works else Pass(one.batch, problem) for one in samples.PROBE.passes)
    return replace(HEALTHY, probe=replace(samples.PROBE, passes=passes, **changes))


def test_a_hard_coded_batch_size() -> None:
    finding = only_failed(probed({64}), "forward.batch")
    assert finding.message == "forward works for batches of 64 images only."
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
    assert finding.message == "The result for an image depends on the other images in its batch."
    assert finding.seen == "scores that change by 0.2 of their spread"


def test_rows_that_depend_on_each_other_in_the_softmax_only_are_marked_there() -> None:
    finding = judged(probed(set(samples.BATCHES), row_error=0.2, score_row_error=1e-6))["forward.batch"]
    assert finding.status is Status.PASSED
    assert "final softmax only" in finding.message


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
        ({"sum_error": 0.5, "column_error": 1e-7}, ["runs over the batch (dim=0)"]),
        ({"largest": 3.0, "sum_error": 40.0, "tail": ()}, ["plain scores: no log-softmax is applied"]),
        ({"largest": 9.0, "sum_error": 40.0}, ["although a log-softmax is called", "unchanged"]),
        ({"tail": ("softmax", "log_softmax")}, ["A softmax is applied before the log-softmax", "Take the softmax out"]),
        ({"tail": ("sigmoid", "-", "logsumexp"), "lead": ("sigmoid",)}, ["A sigmoid is applied before"]),
    ],
)
def test_an_output_that_is_no_log_softmax_fails_there_alone(changes: dict[str, Any], words: list[str]) -> None:
    finding = only_failed(scored(**changes), "output.log_softmax")
    assert all(word in said(finding) for word in words), said(finding)


def test_outputs_that_are_not_finite_are_told_and_nothing_is_compared() -> None:
    evidence = scored(is_finite=False)
    assert statuses(evidence) == {"output.log_softmax": "failed", "behaviour.dropout_train_eval": "skipped"}
    finding = judged(evidence)["output.log_softmax"]
    assert "not finite (NaN or infinity)" in finding.message
    assert "log of zero" in finding.hint


@pytest.mark.parametrize(
    ("tail", "remark"),
    [
        (("log_softmax",), "The outputs are log-probabilities."),
        (("log_softmax", "log_softmax"), "applied twice, which changes nothing"),
        (("softmax", "log"), "F.log_softmax does both steps in one"),
        (("logsumexp", "-"), "The outputs are log-probabilities."),
    ],
)
def test_every_way_to_a_log_softmax_passes(tail: tuple[str, ...], remark: str) -> None:
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
            ["made inside forward", "Make nn.Dropout in __init__"],
        ),
        (
            replace(DROPOUT, is_registered=False),
            {"eval_difference": 1.0},
            ["where net.eval() cannot reach it", "nn.ModuleList"],
        ),
        (DROPOUT, {"eval_difference": 1.0, "eval_still": 1.0}, ["random results in evaluation mode"]),
        (DROPOUT, {"train_still": 2.0}, ["because of something other than dropout"]),
        (DROPOUT, {"problem": ERROR}, ["A pass in training or evaluation mode raises an error in task1_cnn.py"]),
    ],
)
def test_dropout_that_misbehaves(dropout: Operation, modes: dict[str, Any], words: list[str]) -> None:
    steps = [replace(dropout, is_active=True) if one is DROPOUT else one for one in LAYERS]
    finding = only_failed(moded(with_trace(*steps), **modes), "behaviour.dropout_train_eval")
    assert all(word in said(finding) for word in words), said(finding)


def test_a_handmade_dropout_may_be_random_where_torchs_is_held() -> None:
    steps = [replace(one, name="*") if one.kind == "dropout" else one for one in LAYERS]
    assert statuses(moded(with_trace(*steps), train_still=1.0)) == {}


def test_rounding_between_two_passes_is_no_difference() -> None:
    assert statuses(moded(eval_difference=1e-7)) == {}


def test_outputs_that_never_change_leave_nothing_to_compare() -> None:
    probe = replace(samples.PROBE, constant_rows=True)
    assert statuses(moded(replace(HEALTHY, probe=probe), train_difference=0.0)) == {
        "behaviour.dropout_train_eval": "skipped"
    }


# ---- behaviour.gradients ---------------------------------------------------------------------------------------------


def graded(state: str = "ok", names: tuple[str, ...] = ("conv1.w", "conv1.b"), **changes: Any) -> Evidence:
    """The parameters of these names have another gradient."""
    parameters = tuple(replace(one, state=state, **changes) if one.name in names else one for one in samples.PARAMETERS)
    return replace(HEALTHY, gradients=replace(samples.GRADIENTS, parameters=parameters))


@pytest.mark.parametrize(
    ("evidence", "words"),
    [
        (graded("none", is_trainable=False), ["Weights of conv1 are frozen", "requires_grad = False"]),
        (graded("none"), ["No gradient reaches conv1", "no .detach(), .data, .numpy()"]),
        (graded("zero"), ["The gradient of conv1 is zero throughout"]),
        (graded("nonfinite"), ["The gradient of conv1 is not finite"]),
        (graded("none", ("conv1.w", "conv2.w", "fc1.w", "fc2.w")), ["reaches conv1", "conv2", "fc1"]),
    ],
    ids=["frozen", "cut off", "zero", "not finite", "many"],
)
def test_a_gradient_that_is_missing(evidence: Evidence, words: list[str]) -> None:
    finding = only_failed(evidence, "behaviour.gradients")
    assert all(word in said(finding) for word in words), said(finding)


def test_the_word_that_cuts_the_connection_is_named() -> None:
    steps = (*HEAD, op("detach", "data"), *LAYERS[8:])
    finding = only_failed(replace(graded("none"), trace=trace(*steps)), "behaviour.gradients")
    assert finding.seen == ".data"
    assert "no .detach(), .data, .numpy()" in finding.hint
    assert "torch.no_grad(), which belongs around evaluation only" in finding.hint


def test_layers_outside_the_net() -> None:
    steps = [replace(one, is_registered=one.kind != "linear") for one in LAYERS]
    finding = only_failed(with_trace(*steps), "behaviour.gradients")
    assert finding.message.startswith("A fully connected layer is not registered in Net")
    assert "nn.ModuleList" in finding.hint


def test_layers_made_anew_in_each_pass() -> None:
    steps = [replace(one, is_registered=False, is_fresh=True) if one.kind == "conv" else one for one in LAYERS]
    evidence = replace(with_trace(*steps), trainings=())
    assert statuses(evidence) == {
        "behaviour.gradients": "failed",
        "forward.batch": "skipped",
        "behaviour.dropout_train_eval": "skipped",
        "training.accuracy": "skipped",
    }
    assert judged(evidence)["behaviour.gradients"].message.startswith("A convolution is made anew in each forward pass")


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (
            Problem("backward", "one of the variables has been modified by an inplace operation", "RuntimeError"),
            ["changed in place", "x = x + y, not x += y"],
        ),
        (Problem("backward", "something else", "RuntimeError"), ["backward raises an error: RuntimeError: something"]),
    ],
)
def test_a_backward_that_raises(problem: Problem, words: list[str]) -> None:
    gradients = replace(samples.GRADIENTS, problem=problem)
    evidence = replace(HEALTHY, gradients=gradients, trainings=())
    finding = judged(evidence)["behaviour.gradients"]
    assert statuses(evidence) == {"behaviour.gradients": "failed", "training.accuracy": "skipped"}
    assert all(word in said(finding) for word in words), said(finding)


def test_a_net_in_which_no_weight_takes_part() -> None:
    gradients = replace(samples.GRADIENTS, parameters=())
    finding = only_failed(replace(HEALTHY, gradients=gradients), "behaviour.gradients")
    assert finding.message == "No trainable weight takes part in the forward pass."


# ---- resources -------------------------------------------------------------------------------------------------------


def test_too_many_parameters_fail_although_nothing_was_run() -> None:
    build = replace(samples.BUILD, parameters=60_000_000)
    evidence = replace(until("trace", "finished"), build=build)
    findings = judged(evidence)
    assert [id_ for id_, one in findings.items() if one.status is Status.FAILED] == ["resources"]
    assert findings["resources"].message == "Net has 60,000,000 parameters."
    assert findings["forward.shape"].message == "Not run, because the net is too large."


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


def test_a_pass_that_could_not_be_timed_costs_nothing() -> None:
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


def test_what_training_says() -> None:
    assert trained(0.97).message == "The net learns: 97.0% of the held-out images are right after 100 steps."
    failed = trained(0.1, 0.12, 0.11)
    assert failed.message == "After brief training only 11.0% of the held-out images are right."
    assert failed.seen == "10.0%, 12.0%, 11.0% (3 seeds)"
    assert failed.expected == "at least 90% on held-out images after at most 100 steps"
    assert "edge of a band" in trained(0.89, 0.89, 0.89).message
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


def test_a_net_too_slow_to_train_is_for_a_tutor() -> None:
    slow = training(0.7, remarks=(Remark("stopped-by-time", "it took too long"),))
    finding = judged(replace(HEALTHY, trainings=(slow,)))["training.accuracy"]
    assert (finding.status, finding.fraction) == (Status.NEEDS_REVIEW, Decimal("0.5"))
    assert "too slow" in finding.message


def test_a_net_that_learnt_nothing_in_two_whole_runs_is_not_too_slow() -> None:
    stopped = training(0.1, remarks=(Remark("stopped-by-time", "it took too long"),))
    finding = judged(replace(HEALTHY, trainings=(training(0.1), training(0.1), stopped)))["training.accuracy"]
    assert finding.status is Status.FAILED
    assert "too slow" not in finding.message


def test_training_that_was_not_measured_to_its_end_is_for_a_tutor() -> None:
    finding = trained(0.7, ending=Ending("unmeasured", "train", "deadline"))
    assert finding.status is Status.NEEDS_REVIEW
    assert finding.message == "The training run could not be finished on the recorded network (deadline)."


def test_a_crash_after_a_run_that_reached_the_best_band_costs_nothing() -> None:
    assert trained(0.97, ending=Ending("signal", "train")).status is Status.PASSED


def test_a_crash_in_the_second_run_is_told() -> None:
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
def test_training_that_another_fault_explains_is_not_a_second_one(
    evidence: Evidence, cause: str, accuracy: float
) -> None:
    spoilt = replace(evidence, trainings=(training(accuracy),))
    assert statuses(spoilt) == {cause: "failed", "training.accuracy": "skipped"}
    assert cause in judged(spoilt)["training.accuracy"].message


def test_a_fault_beside_good_training_leaves_its_points() -> None:
    assert judged(graded("none"))["training.accuracy"].status is Status.PASSED


def test_what_failed_for_a_reason_found_elsewhere_blames_it() -> None:
    evidence = moded(probed(set(samples.BATCHES), row_error=0.2, score_row_error=0.2), train_still=2.0)
    assert statuses(evidence) == {"behaviour.dropout_train_eval": "failed", "forward.batch": "skipped"}
    assert judged(evidence)["forward.batch"].message == (
        "Not marked by itself: the fault in behaviour.dropout_train_eval explains it."
    )


# ---- seeds -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accuracies", "following"),
    [((0.95,), None), ((0.9,), None), ((0.89,), 2), ((0.1,), 2), ((0.1, 0.1), 3), ((0.1, 0.95), None)],
)
def test_the_next_seed(accuracies: tuple[float, ...], following: int | None) -> None:
    runs = tuple(training(one, seed) for seed, one in enumerate(accuracies, start=1))
    assert next_seed(runs, PLAN) == following


def test_after_the_last_seed_there_is_no_other() -> None:
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
