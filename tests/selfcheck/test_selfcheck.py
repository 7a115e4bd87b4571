"""The students' self-check: the first hint for common faults, the same statuses as the grader, and its texts."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
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
from grader.selfcheck.console import titled
from grader.selfcheck.observation import observe
from grader.selfcheck.records import record_from
from grader.selfcheck.run import SEED
from grader.selfcheck.steps import OVERFITS, SHAPES, STEP_IDS, points, step_findings
from grader.selfcheck.summary import summarise
from grader.selfcheck.task import RECORDS, Observed, Task
from grader.selfcheck.wording import Asked, answers, next_step
from grader.selfcheck.work import copy_work, take_up
from grader.selfcheck.written_work import State, Written, look_at_answers
from grader.storage.json_files import packed
from grader.submissions.discovery import discover
from tests.support import evidence_samples as samples
from tests.support.places import ROOT
from tests.support.sample_cohort import CASES, COHORT, expected_of
from tests.support.selfcheck_cohort import MUST_DIFFER, found_by_the_grader, found_by_the_self_check, self_checks
from tests.support.share import share

SHARE = 18
"""Besides the common faults, one in SHARE cases of the sample cohort is checked."""
MOST_SECONDS = 3600
IDS = [step.id for step in STEPS]


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
    others = [case for case in CASES if case not in FAULTS]
    return self_checks(*FAULTS, *share(others, SHARE))


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


@of_the_cohort
def test_the_sample_cohort_gets_the_same_statuses_as_from_the_grader(
    checked: dict[str, dict[str, list[str]]],
) -> None:
    assert len(checked) >= len(FAULTS) + 10
    differences = [
        (case, id, status, steps[id])
        for case, steps in checked.items()
        for id, status in expected_of(case).items.items()
        if steps[id][0] != MUST_DIFFER.get((case, id), (status,))[0]
    ]
    assert differences == []
    learning = {case: steps for case, steps in checked.items() if steps["training.accuracy"][0] == Status.PASSED}
    blamed = [case for case, steps in learning.items() if steps[OVERFITS][0] != Status.PASSED]
    assert blamed == [], "networks that learn also pass the self-check's own steps"


@pytest.mark.slow
def test_the_same_script_answers_and_table_are_found_as_by_the_grader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the whole sample cohort, also without the libraries that only tutors have."""
    graded = {submission.id: found_by_the_grader(submission, tmp_path) for submission in discover(COHORT, tmp_path)}
    assert len(graded) > 200
    for library in ("pypdf", "striprtf", "charset_normalizer", "msgspec"):
        monkeypatch.setitem(sys.modules, library, None)
    seen = {case: found_by_the_self_check(COHORT / case, tmp_path) for case in graded}
    assert {case: (seen[case], found) for case, found in graded.items() if seen[case] != found} == {}


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("x = self.fc2(x))", "unmatched ')'"),
        ('print(f"{x.shape)', "unterminated string literal"),
        ("x = ", "invalid syntax"),
        ("x = F.relu(x 2)", "Perhaps you forgot a comma."),
    ],
)
def test_an_unreadable_script_is_a_fault_that_names_its_line(tmp_path: Path, written: str, message: str) -> None:
    """The grader would leave it to a tutor, because the script holds a network; the student can correct it."""
    net = (COHORT / "valid-average-pool/task1_cnn.py").read_text(encoding="utf-8")
    broken = net.replace("    def forward(self, x):\n", f"    def forward(self, x):\n        {written}\n", 1)
    assert broken != net
    (tmp_path / "task1_cnn.py").write_text(broken, encoding="utf-8")
    check = run_self_check(tmp_path)
    found = check.findings["loads"]
    assert found.status is Status.FAILED
    assert message in found.message
    assert "tutor" not in found.message
    assert found.seen == written.strip()
    assert "Next: loads" in next_step(check, IDS, Asked())[0]


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
    folder = tmp_path / "my lab é"
    for name in (
        "task1_cnn.py", "blocks/layers.py", "selfcheck/grader/model.py", "data/MNIST/raw/train", ".git/config",
        "venv/pyvenv.cfg", "venv/lib/site.py", ".hidden.py", "~$notes.docx", "README.md", "check.py", "old.zip",
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("import torch")
    work = copy_work(take_up(folder, tmp_path), tmp_path / "copy")
    copies = (path for path in (tmp_path / "copy").rglob("*") if path.is_file())
    copied = {path.relative_to(tmp_path / "copy").as_posix() for path in copies}
    assert copied == {"task1_cnn.py", "blocks/layers.py"}
    assert (work.script, work.notes, work.problem) == ("task1_cnn.py", (), None)


BLANK_SCRIPT = (ROOT / "student_template" / "task1_cnn.py").read_text(encoding="utf-8")
WORK = BLANK_SCRIPT.replace("class Net(nn.Module):", "class Net(nn.Module):\n    layers = nn.Conv2d(1, 8, 5)", 1)


@pytest.mark.parametrize(
    ("files", "script", "note"),
    [
        ({"task1_cnn.py": WORK}, "task1_cnn.py", ""),
        ({"task1_cnn.py": BLANK_SCRIPT}, "task1_cnn.py", ""),
        ({"task1_cnn.py": BLANK_SCRIPT, "task1_cnn (1).py": WORK}, "task1_cnn (1).py",
         "Checked: task1_cnn (1).py, because task1_cnn.py is still blank."),
        ({"task1_cnn.py": " ", "code/net.py": WORK}, "code/net.py",
         "Checked: code/net.py, because task1_cnn.py is empty."),
        ({"my net.py": WORK}, "my net.py", "Checked: my net.py, because there is no task1_cnn.py beside it."),
        ({"answers.md": f"```\n{WORK}```\n"}, "answers.md.py",
         "Checked: the code in answers.md; copy it to task1_cnn.py and hand that in."),
    ],
)  # fmt: skip
def test_the_script_that_the_grader_would_choose_is_named(
    files: dict[str, str], script: str, note: str, tmp_path: Path
) -> None:
    work = take_up(folder_with(tmp_path / "lab4", files), tmp_path)
    assert (work.script, " ".join(work.notes)) == (script, note)
    assert work.checked == ("answers.md" if script == "answers.md.py" else script)


def test_the_file_that_is_checked_is_named_on_the_console_and_the_page(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "lab4", {"my net.py": BLANK_SCRIPT})
    summary = summarise(folder, STEP_IDS)
    assert titled(summary) == "my net.py, step by step"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "<h1>my net.py</h1>" in page
    assert "Self-check of my net.py" in page


def folder_with(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let files and folders of these names refuse to be opened, as a file that another program has locked."""

    def lock(*names: str) -> None:
        def refuse(real: Callable[..., Any]) -> Callable[..., Any]:
            def opened(path: Any, *arguments: Any, **options: Any) -> Any:
                if isinstance(path, str | Path) and Path(path).name in names:
                    raise PermissionError(errno.EACCES, "Permission denied", str(path))
                return real(path, *arguments, **options)

            return opened

        monkeypatch.setattr(io, "open", refuse(io.open))  # what Path.open calls
        monkeypatch.setattr(os, "scandir", refuse(os.scandir))

    return lock


def test_what_cannot_be_read_is_named_and_passed_over(locked: Callable[..., None], tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "lab4", {"task1_cnn.py": WORK, "notes.docx": "", ANSWERS: "", "plots/a.txt": ""})
    (folder / "gone.csv").symlink_to("/nowhere")
    locked("notes.docx", "plots", ANSWERS)
    work = copy_work(take_up(folder, tmp_path), tmp_path / "copy")
    assert (work.script, work.problem) == ("task1_cnn.py", None)
    assert work.notes == (
        "notes.docx could not be read (Permission denied) and was left out.",
        f"{ANSWERS} could not be read (Permission denied) and was left out.",
        "plots could not be read (Permission denied) and was left out.",
        "gone.csv is a link to another place and was left out.",
    )
    assert look_at_answers(work, PART1_IDS).problem == f"{ANSWERS} could not be read (Permission denied)."


@pytest.mark.parametrize("others", [{}, {"helper.py": "import torch"}])
def test_a_script_that_cannot_be_read_fails_with_the_reason(
    others: dict[str, str], locked: Callable[..., None], tmp_path: Path
) -> None:
    folder = folder_with(tmp_path / "lab4", {"task1_cnn.py": WORK, **others})
    locked("task1_cnn.py")
    assert run_self_check(folder).findings["loads"].message == "task1_cnn.py could not be read (Permission denied)."


def test_a_file_that_vanishes_is_left_out(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "lab4", {"task1_cnn.py": WORK, "plot.txt": "1"})
    work = take_up(folder, tmp_path)
    (folder / "plot.txt").unlink()
    assert copy_work(work, tmp_path / "one").notes == (
        "plot.txt could not be read (No such file or directory) and was left out.",
    )
    (folder / "task1_cnn.py").unlink()
    problem = copy_work(work, tmp_path / "two").problem
    assert problem is not None
    assert problem.message == "task1_cnn.py could not be read (No such file or directory)."
    assert take_up(tmp_path / "nowhere", tmp_path).problem is not None


# ---- written answers -------------------------------------------------------------------------------------------------


def notebook(*cells: tuple[str, str]) -> str:
    library: Any = nbformat
    made = []
    for name, text in cells:
        cell = library.v4.new_markdown_cell(text)
        if name:
            cell["metadata"]["nbgrader"] = {"grade_id": name}
        made.append(cell)
    return str(library.writes(library.v4.new_notebook(cells=made)))


def written_in(tmp_path: Path, files: dict[str, str], parts: Sequence[str] = PART1_IDS) -> Written:
    folder = folder_with(tmp_path / "lab4", {"task1_cnn.py": WORK, **files})
    return look_at_answers(take_up(folder, tmp_path), parts)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ([("q6a", "<!-- lab4:q6a -->\n*Write your answer here.*")], {"6a": State.BLANK}),
        ([("q6a", "<!-- lab4:q6a -->\nfour numbers")], {"6a": State.ANSWERED}),
        ([("", "<!-- lab4:q1 -->\nlayers")], {"1": State.ANSWERED}),
        ([("q1", "layers, the anchor is gone")], {"1": State.ANSWERED}),
        ([("q1", "*Write your answer here.*\n\nlayers")], {"1": State.ANSWERED}),
        ([("q1", "<!-- lab4:q1 -->TODO"), ("q2", "..."), ("q3", "-"), ("q4", "**Answer:** todo!")],
         dict.fromkeys(("1", "2", "3", "4"), State.BLANK)),
        ([("observations", "text")], {}),
    ],
)  # fmt: skip
def test_the_state_of_each_answer(cells: list[tuple[str, str]], expected: dict[str, State], tmp_path: Path) -> None:
    written = written_in(tmp_path, {ANSWERS: notebook(*cells)})
    assert written.problem == ""
    assert written.states == dict.fromkeys(PART1_IDS, State.NOT_FOUND) | expected


def test_answers_in_another_document_are_found_and_named(tmp_path: Path) -> None:
    blank = (ROOT / "student_template" / ANSWERS).read_text(encoding="utf-8")
    text = "".join(f"Question {part}: some words about it\n\n" for part in PART1_IDS)
    written = written_in(tmp_path, {ANSWERS: blank, "my answers.md": text})
    assert set(written.states.values()) == {State.ANSWERED}
    assert written.notes == ("Read from my answers.md.",)
    assert answers(written)[-1].split() == ["read", "Read", "from", "my", "answers.md."]


def test_the_answers_are_those_to_the_parts_of_the_rubric(tmp_path: Path) -> None:
    written = written_in(
        tmp_path, {ANSWERS: notebook(("q1", "TODO"), ("q2a", "because"), ("q8", "not asked"))}, ("1", "2a", "2b")
    )
    assert written.states == {"1": State.BLANK, "2a": State.ANSWERED, "2b": State.NOT_FOUND}
    assert answers(written_in(tmp_path, {}, ())) == []


def test_an_unreadable_document_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert written_in(tmp_path, {}).problem == f"{ANSWERS} is not in this folder."
    assert "is not a readable notebook" in written_in(tmp_path, {ANSWERS: "{"}).problem
    monkeypatch.setitem(sys.modules, "pypdf", None)  # not installed
    assert (
        "answers.pdf: a tutor reads it."
        in written_in(tmp_path, {ANSWERS: notebook(("q1", "a")), "answers.pdf": "%PDF"}).notes
    )
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    for module in [name for name in sys.modules if name.startswith("grader.answers.finding")]:
        monkeypatch.delitem(sys.modules, module)
    assert written_in(tmp_path, {}).problem == (
        "not looked at, because rapidfuzz is not installed: python -m pip install rapidfuzz"
    )


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
