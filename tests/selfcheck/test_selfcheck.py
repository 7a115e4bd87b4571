"""The students' self-check: the first hint for common faults, the same statuses as the grader, and its texts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import nbformat
import pytest

from grader.data.bundled import self_check_data
from grader.data.worker_files import write_worker_files
from grader.lab4.files import ANSWERS
from grader.lab4.items import PART1_IDS, PART2_TITLES
from grader.model import GraderFault, Status
from grader.model.evidence import Behind, Ending, Evidence, Loading, Measurements, Problem, Training
from grader.model.graph import Graph, Node, Program, Source, Weight
from grader.rubric.loading import load_rubric
from grader.selfcheck import STEPS, SelfCheck, run_self_check
from grader.selfcheck.observation import observe
from grader.selfcheck.records import record_from
from grader.selfcheck.run import SEED
from grader.selfcheck.steps import OVERFITS, SHAPES, points, step_findings
from grader.selfcheck.task import RECORDS, Observed, Task
from grader.selfcheck.wording import Asked, answers, next_step
from grader.selfcheck.work_copy import copy_work
from grader.selfcheck.written_work import State, look_at_answers
from grader.storage.json_files import packed
from grader.worker.environment import SETTINGS
from tests.support import evidence_samples as samples
from tests.support.places import ROOT
from tests.support.share import share

COHORT = ROOT / "tests" / "submissions"
SHARE = 18
"""Besides the common faults, one in SHARE cases of the sample cohort is checked."""
MOST_SECONDS = 3600
IDS = [step.id for step in STEPS]


def self_check(*cases: str) -> dict[str, dict[str, list[str]]]:
    """Status, message and hint of each step of the self-check, by case of the sample cohort. Uses two processes."""
    command = [sys.executable, "-m", "tests.support.selfcheck_cohort", str(COHORT)]
    environment = os.environ | SETTINGS
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                subprocess.Popen([*command, *half], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
            )
            for half in (cases[::2], cases[1::2])
        ]
        printed = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    entries = [json.loads(line) for text in printed for line in text.splitlines()]
    return {entry["id"]: entry["steps"] for entry in entries}


# ---- common faults ---------------------------------------------------------------------------------------------------

FAULTS = {
    "fault-super-init-forgotten": ("loads", "Begin __init__ with super().__init__()."),
    "fault-logits": ("output.log_softmax", "Return F.log_softmax(x, dim=1)."),
    "fault-softmax": ("output.log_softmax", "instead of softmax"),
    "fault-wrong-fc1-size": ("forward.shape", "Change its number of inputs"),
    "fault-no-conv-dropout": ("structure.dropout_conv", "after the second convolution"),
    "fault-no-fc-dropout": ("structure.dropout_fc", "after the first fully connected layer"),
    "fault-dropout-always-on": ("behaviour.dropout_train_eval", "training=self.training"),
    "fault-no-relu-after-fc1": ("structure.relu", "F.relu (or nn.ReLU)"),
    "fault-hard-coded-batch": ("forward.batch", "Do not use a fixed batch size in Net"),
    "fault-blank-template": ("forward.shape", "Write __init__ and forward."),
    "fault-three-convs": ("structure.conv", "exactly two convolution layers"),
    "broken-syntax-error": ("loads", "Correct that line"),
    "broken-infinite-loop-in-forward": ("forward.shape", "endless loop"),
    "broken-exit-in-forward": ("forward.shape", "Remove calls to exit()"),
}
"""Cases of the sample cohort: the step that fails first, and words from its hint."""


@pytest.fixture(scope="module")
def checked() -> dict[str, dict[str, list[str]]]:
    """The common faults and a share of the other cases, together, because each process has to import torch."""
    others = sorted({path.parent.name for path in COHORT.glob("*/expected.toml")} - FAULTS.keys())
    return self_check(*FAULTS, *share(others, SHARE))


def of_the_cohort(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that uses the checked cases."""
    marked: Callable[..., None] = pytest.mark.slow(pytest.mark.timeout(MOST_SECONDS)(test))
    return marked


@of_the_cohort
@pytest.mark.parametrize("case", FAULTS)
def test_the_first_failure_has_the_right_hint(case: str, checked: dict[str, dict[str, list[str]]]) -> None:
    steps = checked[case]
    assert list(steps) == IDS
    first = next(id for id, (status, _, _) in steps.items() if status in (Status.FAILED, Status.PARTIAL))
    _, message, hint = steps[first]
    assert first == FAULTS[case][0], f"{message} {hint}"
    assert FAULTS[case][1] in hint


@of_the_cohort
@pytest.mark.parametrize("case", FAULTS)
def test_each_fault_is_reported_once(case: str, checked: dict[str, dict[str, list[str]]]) -> None:
    reported = [id for id, (status, _, _) in checked[case].items() if status not in (Status.PASSED, Status.SKIPPED)]
    assert reported == [FAULTS[case][0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("'Net' object has no attribute '_modules'", "Net.__init__ does not call super().__init__()."),
        ("'Net' object has no attribute 'conv9'", "Net() raises an error"),
    ],
)
def test_a_network_that_never_calls_super_init(text: str, message: str) -> None:
    build = replace(samples.BUILD, problem=Problem("build", text, "AttributeError"))
    found = samples.findings_of(replace(samples.HEALTHY, build=build))["loads"]
    assert found.message.startswith(message)
    assert ("super().__init__()" in found.hint) == ("_modules" in text)


def test_the_unchanged_template_is_called_blank() -> None:
    problem = Problem("build", "'Net' object has no attribute '_modules'", "AttributeError")
    load, build = replace(samples.LOAD, is_blank=True), replace(samples.BUILD, problem=problem)
    evidence = replace(samples.until("build", "finished"), load=load, build=build)
    assert samples.findings_of(evidence)["loads"].message == "Net is still blank, as in the template."


# ---- the same statuses as from the grader ----------------------------------------------------------------------------


TRAINED_SHORTLY = {
    "valid-extreme-gap8": Status.NEEDS_REVIEW,  # eight units learn only in the grader's second run of 2,000 steps
    "fault-log-softmax-before-fc2": Status.SKIPPED,  # explained after one run; the second one learns
}
"""Cases whose accuracy a self-check leaves open, because it trains for a shorter time than the grader."""


def expected_statuses(case: str) -> dict[str, str]:
    table = tomllib.loads((COHORT / case / "expected.toml").read_text(encoding="utf-8"))
    expected: dict[str, str] = dict.fromkeys(PART2_TITLES, table["default"]) | table.get("items", {})
    if case in TRAINED_SHORTLY:
        expected["training.accuracy"] = TRAINED_SHORTLY[case]
    return expected


@of_the_cohort
def test_the_sample_cohort_gets_the_same_statuses_as_from_the_grader(
    checked: dict[str, dict[str, list[str]]],
) -> None:
    assert len(checked) >= len(FAULTS) + 10
    differences = [
        (case, id, status, steps[id])
        for case, steps in checked.items()
        for id, status in expected_statuses(case).items()
        if steps[id][0] != status
    ]
    assert differences == []
    learning = {case: steps for case, steps in checked.items() if steps["training.accuracy"][0] == Status.PASSED}
    blamed = [case for case, steps in learning.items() if steps[OVERFITS][0] != Status.PASSED]
    assert blamed == [], "networks that learn also pass the self-check's own steps"


def test_the_steps_are_all_checks_and_two_more() -> None:
    assert set(IDS) == {*PART2_TITLES, SHAPES, OVERFITS}
    assert set(points(load_rubric())) == set(PART2_TITLES)


def test_good_evidence_passes_every_step() -> None:
    rubric = load_rubric()
    observed = Observed(samples.HEALTHY, replace(samples.training(0.97), correct=64, total=64))
    findings = step_findings(observed, rubric)
    assert {id for id, finding in findings.items() if finding.status is not Status.PASSED} == set()


# ---- evidence across the pipe ----------------------------------------------------------------------------------------


def test_records_survive_the_way_through_json() -> None:
    evidence = samples.HEALTHY
    measured = Measurements(samples.trace(*samples.LAYERS), samples.PROBE, samples.MODES, seconds={"trace": 0.1})
    node = Node("aten.view.default", ({"tensor": ["input", 0, 0, False]}, [{"images": [1, 0]}, 784]), {}, (1,))
    graph = Graph(Program((node,), Source("node", 0)), Program(), (Weight("fc.weight", (10, 784)),))
    behind = Behind(("dropout",), measured)
    records: list[Any] = [
        evidence.load,
        evidence.build,
        evidence.record,
        graph,
        measured,
        evidence.trainings[0],
        behind,
    ]
    assert {type(record) for record in records} == {*RECORDS.values()}
    for record in records:
        crossed = json.loads(json.dumps(asdict(record)))
        assert packed(record_from(crossed, type(record))) == packed(record)


@pytest.mark.parametrize("stage", ["measure", "train"])
def test_a_failed_measurement_is_not_the_scripts_fault(stage: str, tmp_path: Path) -> None:
    begin = json.dumps({"stage": "load", "begin": True}), json.dumps({"stage": stage, "begin": True})
    process = started(f"import time; print(*{begin!r}, sep='\\n', flush=True); time.sleep(100)")
    seen = observe(process, task_for(tmp_path), trainer=NoTraining(), seconds={"start": 9, stage: 0.2}).evidence
    assert seen.ending == Ending("unmeasured", stage, "deadline: not done after 0.2 seconds")


@pytest.mark.parametrize(
    "value",
    [None, [], {}, {**asdict(Loading(None)), "more": 1}, {**asdict(Loading(None)), "how": 3},
     {**asdict(Loading(None)), "methods": "forward"}, {**asdict(Loading(None)), "problem": {"kind": "syntax"}}],
)  # fmt: skip
def test_data_that_is_not_a_record_is_refused(value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        record_from(value, Loading)


def task_for(tmp_path: Path) -> Task:
    files, _ = write_worker_files(self_check_data(), tmp_path, order_seed=SEED)
    return Task(str(tmp_path), "task1_cnn.py", SEED, files, load_rubric().training)


def started(code: str) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True)


class NoTraining:
    def evaluated(self, record: Training, predictions: Any) -> Training:
        raise AssertionError("nothing was trained")

    def next(self, evidence: Evidence) -> None:
        raise AssertionError("nothing is to be trained")


def test_missing_torch_is_not_the_scripts_fault(tmp_path: Path) -> None:
    process = started("raise ModuleNotFoundError(\"No module named 'torch'\")")
    with pytest.raises(GraderFault, match="No module named 'torch'"):
        observe(process, task_for(tmp_path), trainer=NoTraining())


def test_a_silent_process_is_killed_at_the_time_limit(tmp_path: Path) -> None:
    process = started("import time; time.sleep(100)")
    with pytest.raises(GraderFault, match=r"not done after 0\.2 seconds"):
        observe(process, task_for(tmp_path), trainer=NoTraining(), seconds={"start": 0.2})
    assert process.returncode is not None


def test_invalid_data_from_the_process_is_reported(tmp_path: Path) -> None:
    process = started('print(\'{"stage": "load", "begin": true}\'); print(\'x\' * 40)')
    seen = observe(process, task_for(tmp_path), trainer=NoTraining()).evidence
    assert seen.ending.kind == "crashed"
    assert seen.ending.stage == "load"


# ---- the student's folder --------------------------------------------------------------------------------------------


def test_a_missing_script_is_reported(tmp_path: Path) -> None:
    check = run_self_check(tmp_path)
    assert check.findings["loads"].message == "task1_cnn.py is not in this folder."
    assert {finding.status for id, finding in check.findings.items() if id != "loads"} == {Status.SKIPPED}


def test_the_copy_contains_only_the_students_own_files(tmp_path: Path) -> None:
    work = tmp_path / "lab4"
    for name in (
        "task1_cnn.py", "blocks/layers.py", "selfcheck/grader/model.py", "data/MNIST/raw/train", ".git/config",
        "venv/pyvenv.cfg", "venv/lib/site.py", ".hidden.py",
    ):  # fmt: skip
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text("text")
    (work / "weights.bin").write_bytes(bytes(6 << 20))
    copy_work(work, tmp_path / "copy")
    copies = (path for path in (tmp_path / "copy").rglob("*") if path.is_file())
    copied = {path.relative_to(tmp_path / "copy").as_posix() for path in copies}
    assert copied == {"task1_cnn.py", "blocks/layers.py"}


# ---- written answers -------------------------------------------------------------------------------------------------


def notebook(*cells: tuple[str, str]) -> Any:
    library: Any = nbformat
    made = []
    for name, text in cells:
        cell = library.v4.new_markdown_cell(text)
        if name:
            cell["metadata"]["nbgrader"] = {"grade_id": name}
        made.append(cell)
    return library.v4.new_notebook(cells=made)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([("q6a", "<!-- lab4:q6a -->\n*Write your answer here.*")], {"6a": State.BLANK}),
        ([("q6a", "<!-- lab4:q6a -->\nfour numbers")], {"6a": State.ANSWERED}),
        ([("", "<!-- lab4:q1 -->\nlayers")], {"1": State.ANSWERED}),
        ([("q1", "layers, the anchor is gone")], {"1": State.ANSWERED}),
        ([("q1", "*Write your answer here.*\n\nlayers")], {"1": State.ANSWERED}),
        ([("q1", "<!-- lab4:q1 -->one<!-- lab4:q2 -->two<!-- lab4:q3 --> **  **")],
         {"1": State.ANSWERED, "2": State.ANSWERED, "3": State.BLANK}),
        ([("q1", ""), ("q1", "layers"), ("q1", "")], {"1": State.ANSWERED}),
        ([("question-1", "How would you explain"), ("observations", "text")], {}),
    ],
)  # fmt: skip
def test_the_state_of_each_answer(cells: list[tuple[str, str]], expected: dict[str, State], tmp_path: Path) -> None:
    library: Any = nbformat
    library.write(notebook(*cells), str(tmp_path / ANSWERS))
    written = look_at_answers(tmp_path, PART1_IDS)
    assert written.problem == ""
    assert written.states == dict.fromkeys(PART1_IDS, State.NOT_FOUND) | expected


def test_the_answers_are_those_to_the_parts_of_the_rubric(tmp_path: Path) -> None:
    library: Any = nbformat
    library.write(notebook(("answer-2a", "because"), ("q1", " "), ("q8", "not asked")), str(tmp_path / ANSWERS))
    written = look_at_answers(tmp_path, ("1", "2a", "2b"))
    assert written.states == {"1": State.BLANK, "2a": State.ANSWERED, "2b": State.NOT_FOUND}
    assert answers(look_at_answers(tmp_path, ())) == []


def test_an_unreadable_notebook_is_reported(tmp_path: Path) -> None:
    assert "is not in this folder" in look_at_answers(tmp_path, PART1_IDS).problem
    (tmp_path / ANSWERS).write_text("{")
    assert "cannot be read" in look_at_answers(tmp_path, PART1_IDS).problem


# ---- steps ----------------------------------------------------------------------------------------------------------


def test_an_unsupported_submission_waits_for_a_tutor() -> None:
    evidence = replace(samples.HEALTHY, ending=Ending("unobserved", "modes", "odd"), modes=None, gradients=None)
    findings = step_findings(Observed(replace(evidence, resources=None, trainings=())), load_rubric())
    assert findings["behaviour.dropout_train_eval"].status is Status.NEEDS_REVIEW
    assert "behaviour.dropout_train_eval" in next_step(SelfCheck(findings), IDS, Asked())[0]


def test_a_network_that_cannot_memorise_a_batch_fails_unless_another_fault_explains_it() -> None:
    rubric, poor = load_rubric(), replace(samples.training(0.97), correct=20, total=64)
    weak = replace(samples.HEALTHY, trainings=tuple(samples.training(0.2, seed) for seed in (1, 2, 3)))
    findings = step_findings(Observed(weak, poor), rubric)
    assert findings["training.accuracy"].status is Status.FAILED
    assert findings[OVERFITS].status is Status.FAILED
    assert "20 of its 64" in findings[OVERFITS].message
    assert step_findings(Observed(samples.HEALTHY, poor), rubric)[OVERFITS].status is Status.PASSED
    frozen = replace(weak, gradients=replace(samples.GRADIENTS, problem=Problem("forward", "It does not work.")))
    assert step_findings(Observed(frozen, poor), rubric)[OVERFITS].status is Status.SKIPPED
    assert step_findings(Observed(weak, None), rubric)[OVERFITS].status is Status.SKIPPED
