"""What a student reads: faults and hints, the steps of an unfinished forward, and what has changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from grader.checks.case import failed, passed, skipped
from grader.lab4.files import EXPERIMENTS
from grader.lab4.items import PART1_IDS
from grader.model import Finding, Status
from grader.model.evidence import Evidence, Operation, Pass, Problem, RecordedPass, Recording, Repair, Tracing
from grader.model.repair_kinds import ASSUMED, KINDS
from grader.rubric.loading import load_rubric
from grader.selfcheck import STEPS, SelfCheck
from grader.selfcheck.hint_texts import HINTS
from grader.selfcheck.hints import PATTERN, WHERE, hint_on, without_own_numbers
from grader.selfcheck.last_run import LastRun, change, read_last_run, write_last_run
from grader.selfcheck.milestones import MILESTONES
from grader.selfcheck.steps import shapes_seen, step_findings
from grader.selfcheck.summary import CHECKS_FOLDER, remember
from grader.selfcheck.task import Observed
from grader.selfcheck.wording import (
    ALL_PASSED,
    WIDTH,
    Asked,
    Word,
    answers,
    experiments,
    failure,
    hints_on_next,
    next_step,
    overview,
    word,
)
from grader.selfcheck.work import take_up
from grader.selfcheck.written_work import State, Written, look_at_experiments
from tests.support import evidence_samples as samples
from tests.support.places import ROOT

IDS = [step.id for step in STEPS]
LAYERS = [milestone.name for milestone in MILESTONES]
EVERYTHING = dict.fromkeys(IDS, passed("It passes."))


def next_text(check: SelfCheck, ids: list[str] = IDS, rung: int = 0) -> str:
    return " ".join(" ".join(next_step(check, ids, Asked(rung))).split())


def test_the_last_lines_name_the_first_fault() -> None:
    assert ALL_PASSED == "All public checks passed; more is checked when your work is marked."
    assert next_text(SelfCheck(EVERYTHING)) == ALL_PASSED
    faults = {"structure.relu": failed("No ReLU.", "Apply F.relu."), "overfits": failed("No.", "Less dropout.")}
    assert next_text(SelfCheck(EVERYTHING | faults)) == "Next: structure.relu No ReLU. For a hint: pytest --hint"
    broken = {"loads": Finding(Status.ERROR, "It could not run.", "Install it.")}
    assert next_text(SelfCheck(EVERYTHING | broken)) == "Next: loads It could not run. Install it."
    waiting = EVERYTHING | {"training.accuracy": Finding(Status.NEEDS_REVIEW, "At the edge.", fraction=Decimal(1))}
    undecided = "The self-check cannot decide training.accuracy; your tutor will. At the edge."
    assert next_text(SelfCheck(waiting | {"overfits": skipped("training.accuracy", "Later.")})) == undecided
    one = SelfCheck(EVERYTHING | {"resources": skipped("loads", "Later.")})
    assert next_text(one, ["loads"]) == "These checks passed; type pytest to run all checks."
    unread = SelfCheck(EVERYTHING | {"loads": failed("No.", ""), "structure.relu": skipped("loads", "Later.")})
    for rung in (0, WHERE):
        assert next_text(unread, ["structure.relu"], rung) == "Next: loads No. For a hint: pytest --hint"


# ---- hints, one rung after the other ---------------------------------------------------------------------------------

WRONG_SIZE = failed(
    "fc1 takes 400 inputs, but gets 320 in task1_cnn.py, line 34.",
    "Change its number of inputs: nn.Linear(320, ...).",
    expected="320 inputs",
    seen="400 inputs",
    fault="linear-size",
)


def shown(rung: int, id: str = "forward.shape", finding: Finding = WRONG_SIZE) -> str:
    return failure(id, finding, SelfCheck({}, samples.HEALTHY), Asked(rung))


def test_first_comes_what_is_wrong_then_where_to_look_then_the_pattern() -> None:
    idea, where, pattern = shown(0), shown(WHERE), shown(PATTERN)
    assert "line 34" in idea
    assert "400 inputs" in idea
    assert "For a hint: pytest --hint" in idea
    assert "nn.Linear" not in idea + where
    assert "print(x.shape)" in where
    assert "conv1  1 x 28 x 28 -> 10 x 24 x 24" in where
    assert "pytest --hint 2" in where
    assert "nn.Linear(..., ...)" in pattern
    assert "nn.Linear(channels * height * width, units)" in pattern
    assert "--hint" not in pattern
    assert idea.splitlines()[0] == where.splitlines()[0] == pattern.splitlines()[0]


def test_a_hint_contains_no_number_of_the_students_network() -> None:
    assert without_own_numbers(WRONG_SIZE) == "Change its number of inputs: nn.Linear(..., ...)."
    ten = failed("The last layer gives 12 scores.", "Give it 10 outputs.", expected="(N, 10)", seen="(N, 12)")
    assert without_own_numbers(ten) == "Give it 10 outputs."


def test_each_hint_is_of_a_step_or_of_a_fault_that_a_check_names() -> None:
    checks = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "grader/checks").glob("*.py"))
    assert [key for key in HINTS if key not in {*IDS, *KINDS, *ASSUMED, *LAYERS} and f'"{key}"' not in checks] == []


def test_a_hint_is_on_the_fault_and_not_on_the_step() -> None:
    nothing = failed("forward returns nothing.", "Return x.", fault="return-missing")
    assert "print(x.shape)" not in shown(WHERE, finding=nothing)
    assert "conv1" not in shown(WHERE, finding=nothing), "its fault has nothing to do with sizes"
    assert "return F.log_softmax" in shown(PATTERN, finding=nothing)
    extra, missing = failed("", "", fault="extra-activation"), failed("", "")
    assert hint_on("structure.relu", missing).pattern == ("x = F.relu(self.layer(x))",)
    assert hint_on("structure.relu", extra).pattern != hint_on("structure.relu", missing).pattern


def test_what_to_do_about_the_computer_needs_no_hint() -> None:
    broken = Finding(Status.ERROR, "The self-check could not run.", "Install torch.")
    assert "Install torch." in shown(0, "loads", broken)
    assert "--hint" not in shown(0, "loads", broken)


@pytest.mark.parametrize("id", IDS)
@pytest.mark.parametrize("rung", range(3))
def test_the_text_of_a_failure_fits_and_contains_no_control_characters(id: str, rung: int) -> None:
    finding = failed("word " * 60, "try " * 40, expected="\x1b[31mred\x1b[0m", seen="a\u202eb")
    text = shown(rung, id, finding)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "\x1b" not in text
    assert "\u202e" not in text


# ---- steps of an unfinished forward ----------------------------------------------------------------------------------

EMPTY = samples.passes((20, 4, 4))


def unfinished(*layers: Operation, problem: Problem | None = None) -> SelfCheck:
    """A self-check of a forward that runs only ``layers``, and then raises ``problem`` if there is one."""
    trace = samples.stopped(*layers, problem=problem) if problem else samples.trace(*layers)
    return unfinished_with(trace, samples.passes(problem=problem, returned="", shape=()) if problem else EMPTY)


def unfinished_with(trace: Tracing, runs: tuple[Pass, ...]) -> SelfCheck:
    evidence = replace(
        samples.HEALTHY,
        trace=trace,
        probe=replace(samples.PROBE, passes=runs, scores=None),
        modes=None, gradients=None, resources=None, trainings=(),
    )  # fmt: skip
    return SelfCheck(step_findings(Observed(evidence), load_rubric()), evidence)


def states(check: SelfCheck) -> dict[str, Word]:
    return {line[6:].split()[0]: state for line, state in overview(check, IDS, Asked())}


def test_layers_that_are_not_written_yet_are_next_and_no_fault() -> None:
    check = unfinished(samples.CONV1, samples.RELU)
    assert [id for id in IDS if word(id, check) is Word.FAIL] == []
    assert word("forward.shape", check) is Word.NEXT
    assert states(check) == {
        "loads": Word.OK, "conv1": Word.OK, "conv2": Word.NEXT, "flatten": Word.NEXT, "fc1": Word.NEXT,
        "fc2": Word.NEXT, "log-softmax": Word.NEXT, "15": Word.NOT_CHECKED,
    }  # fmt: skip
    task = "the second convolution; after it a ReLU, a dropout, and pooling if you like."
    assert next_text(check) == f"Next: conv2 This comes next in forward: {task}"
    hints = [" ".join(" ".join(hints_on_next(check, IDS, Asked(rung))).split()) for rung in range(3)]
    assert hints[0] == "For a hint: pytest --hint"
    assert "as many channels as the first one gives" in hints[WHERE]
    assert hints[WHERE].endswith("pytest --hint 2")
    assert "nn.Conv2d" not in hints[WHERE]
    assert "self.conv2 = nn.Conv2d(" in hints[PATTERN]
    assert hints_on_next(SelfCheck(EVERYTHING), IDS, Asked(PATTERN)) == []
    assert "conv1" in check.ok


@pytest.mark.parametrize(
    ("layers", "reached"),
    [
        ((), 0),
        ((samples.CONV1,), 1),
        ((samples.CONV1, samples.POOL, samples.RELU, samples.CONV2, samples.DROPOUT), 2),
        ((samples.CONV1, samples.CONV2, samples.FLATTEN), 3),
        ((samples.CONV1, samples.CONV2, samples.FC1), 4),  # flattened in another way
        ((samples.CONV1, samples.CONV2, samples.FLATTEN, samples.FC1, samples.RELU), 4),
    ],
)
def test_how_far_forward_has_come(layers: tuple[Operation, ...], reached: int) -> None:
    progress = unfinished(*layers).progress
    assert progress is not None
    assert len(progress.reached) == reached


@pytest.mark.parametrize(
    "layers",
    [
        (samples.CONV1, samples.FLATTEN, samples.FC1, samples.FC2, samples.LOG_SOFTMAX),
        (samples.CONV1, samples.CONV2, samples.FLATTEN, samples.FC1, samples.LOG_SOFTMAX),
        (samples.FLATTEN, samples.FC1),
        (samples.CONV1, samples.CONV2, samples.CONV2),
        samples.LAYERS,
        samples.LAYERS[:-1],
    ],
)
def test_a_finished_forward_with_a_fault_has_no_milestones(layers: tuple[Operation, ...]) -> None:
    assert unfinished(*layers).progress is None


def test_a_finished_forward_with_a_wrong_size_has_no_milestones() -> None:
    size = Repair("linear-size", "fc1", "expects 400 inputs but is given 320", 400, 320)
    evidence = replace(
        samples.HEALTHY,
        record=Recording(unrepaired=(RecordedPass("eval", 64, Problem("forward", "No.")),), repairs=(size,)),
        trace=replace(samples.trace(*samples.LAYERS), repairs=(size,)),
    )
    check = SelfCheck(step_findings(Observed(evidence), load_rubric()), evidence)
    assert word("forward.shape", check) is Word.FAIL
    assert check.progress is None


def test_an_error_in_an_unfinished_forward_is_told_before_what_is_next() -> None:
    check = unfinished(samples.CONV1, problem=Problem("forward", "It does not work.", "RuntimeError"))
    assert hints_on_next(check, IDS, Asked(PATTERN)) == []
    assert [id for id in IDS if word(id, check) is Word.FAIL] == ["forward.shape"]
    found = states(check)
    assert (found["forward.shape"], found["conv1"], found["conv2"]) == (Word.FAIL, Word.OK, Word.NOT_CHECKED)
    assert "It does not work" in next_text(check)


FLATTENED = samples.op("reshape", "flatten", shape_in=(4, 20, 4, 4), shape_out=(1280,))
FLATTENS = Problem("forward", "", file="task1_cnn.py", line=37, code="x = torch.flatten(x)")


def test_a_flatten_that_joins_the_batch_is_a_fault_of_an_unfinished_forward() -> None:
    repair = Repair("flatten-batch", "", "puts all images into one row", 320, 1280, problem=FLATTENS)
    trace = replace(samples.trace(samples.CONV1, samples.CONV2, FLATTENED), repairs=(repair,))
    runs = tuple(replace(run, shape=(run.batch * 320,)) for run in EMPTY)
    check = unfinished_with(trace, runs)
    assert [id for id in IDS if word(id, check) is Word.FAIL] == ["forward.shape"]
    found = states(check)
    assert (found["conv2"], found["flatten"]) == (Word.OK, Word.NOT_CHECKED)
    assert "The flatten step in task1_cnn.py, line 37 puts all images" in next_text(check)
    assert "begin at dimension 1" in next_text(check)


def test_what_the_rest_was_assessed_as_is_not_told_while_forward_is_unfinished() -> None:
    repairs = (
        Repair("linear-size", "fc1", "", 400, 320, assumed="fc1 had 320 inputs"),
        Repair("class-count", "fc1", "", 10, 50, assumed="fc1 had 10 outputs"),
    )
    error = Problem("forward", "mat1 and mat2 shapes cannot be multiplied", "RuntimeError", line=38)
    recording = Recording(unrepaired=(RecordedPass("eval", 64, error),), repairs=repairs)
    layers = (samples.CONV1, samples.CONV2, samples.FLATTEN, replace(samples.FC1, expected=400, shape_out=(4, 10)))
    trace = replace(samples.trace(*layers), repairs=repairs)
    evidence = replace(samples.HEALTHY, record=recording, trace=trace)
    check = SelfCheck(step_findings(Observed(evidence), load_rubric()), evidence)
    assert "as if fc1 had 320 inputs and fc1 had 10 outputs" in check.findings["forward.shape"].message
    assert states(check)["fc1"] is Word.NOT_CHECKED
    assert "assessed" not in next_text(check)
    assert "assessed" not in failure("forward.shape", check.findings["forward.shape"], check, Asked())


def test_what_a_repair_made_is_not_shown_as_the_students_own() -> None:
    layers = (samples.CONV1, samples.CONV2, samples.FLATTEN, replace(samples.FC1, expected=400), samples.FC2)
    size = Repair("linear-size", "fc1", "", 400, 320)
    assert shapes_seen(replace(samples.HEALTHY, trace=replace(samples.trace(*layers), repairs=(size,))))[2:] == (
        "view   20 x 4 x 4 -> 320",
        "fc1    gets 320, but takes 400",
    )
    stand_in = Repair("missing-layer", "conv2", "")
    evidence = replace(samples.HEALTHY, trace=replace(samples.trace(*samples.LAYERS), repairs=(stand_in,)))
    assert shapes_seen(evidence) == ("conv1  1 x 28 x 28 -> 10 x 24 x 24",)
    ten = Repair("class-count", "fc2", "", 10, 12)
    evidence = replace(samples.HEALTHY, trace=replace(samples.trace(*samples.LAYERS), repairs=(ten,)))
    assert shapes_seen(evidence)[-1] == "fc2    50 -> 12"


def test_the_blank_template_has_no_fault() -> None:
    evidence: Evidence = replace(
        samples.until("build", "finished"), load=replace(samples.LOAD, is_blank=True),
        build=replace(samples.BUILD, problem=Problem("build", "no super", "AttributeError")),
    )  # fmt: skip
    check = SelfCheck(step_findings(Observed(evidence), load_rubric()), evidence)
    assert Word.FAIL not in states(check).values()
    assert next_text(check).startswith("Next: conv1 Begin __init__ with super().__init__().")


def test_every_line_of_the_overview_fits() -> None:
    for check in (unfinished(samples.CONV1), SelfCheck(EVERYTHING, samples.HEALTHY)):
        assert max(len(line) for line, _ in overview(check, IDS, Asked(verbose=True))) <= 80


# ---- since the last run ----------------------------------------------------------------------------------------------


def test_what_has_changed_since_the_last_run() -> None:
    steps = ("loads", "structure.relu", "forward.batch", "resources")
    assert str(change(("loads",), ("loads",), steps)) == ""
    now = ("loads", "structure.relu", "forward.batch")
    assert str(change(("loads",), now, steps)) == "+2 ok since the last run: relu, batch; 1 left"
    lost = change(now, ("loads", "conv1"), steps)
    assert str(lost) == "+1 ok since the last run: conv1; no longer ok: relu, batch; 3 left"


def test_the_last_run_is_kept_and_a_damaged_file_is_no_last_run(tmp_path: Path) -> None:
    assert read_last_run(tmp_path) is None
    write_last_run(tmp_path, LastRun(frozenset({"loads", "conv1"}), 7.04))
    assert read_last_run(tmp_path) == LastRun(frozenset({"loads", "conv1"}), 7.0)
    (tmp_path / "last_run.json").write_text("[]")
    assert read_last_run(tmp_path) is None
    write_last_run(tmp_path / "none", LastRun(frozenset(), 1.0))
    assert not (tmp_path / "none").exists()


def test_a_layer_that_is_lost_is_told_once(tmp_path: Path) -> None:
    (tmp_path / CHECKS_FOLDER).mkdir()
    two, one = unfinished(samples.CONV1, samples.CONV2), unfinished(samples.CONV1)
    assert str(remember(tmp_path, two, IDS, 1.0)) == ""
    assert str(remember(tmp_path, one, IDS, 1.0)) == "no longer ok: conv2; 5 left"
    assert str(remember(tmp_path, one, IDS, 1.0)) == ""
    assert str(remember(tmp_path, two, IDS, 1.0)) == "+1 ok since the last run: conv2; 4 left"


def test_a_part_of_the_steps_leaves_the_others_as_they_were(tmp_path: Path) -> None:
    (tmp_path / CHECKS_FOLDER).mkdir()
    remember(tmp_path, SelfCheck(EVERYTHING), IDS, 1.0)
    remember(tmp_path, SelfCheck({"loads": EVERYTHING["loads"]}), ["loads"], 1.0)
    assert str(remember(tmp_path, SelfCheck(EVERYTHING), IDS, 1.0)) == ""


# ---- the written work ------------------------------------------------------------------------------------------------


def test_the_text_about_written_answers() -> None:
    states = dict.fromkeys(PART1_IDS, State.ANSWERED) | {"6a": State.BLANK, "8": State.NOT_FOUND}
    lines = " ".join(answers(Written(states)))
    assert lines.startswith("Part 1: 11 answered; 1 blank (6a); 1 not found (8).")
    assert Written(states).missing == "blank: 6a; not found: 8"
    assert Written(dict.fromkeys(PART1_IDS, State.ANSWERED)).missing == ""


def test_the_runs_of_an_experiment_are_counted_but_not_checked(tmp_path: Path) -> None:
    def shown() -> str:
        return " ".join(" ".join(experiments(look_at_experiments(take_up(tmp_path, tmp_path)))).split())

    assert shown() == "Experiments: experiments.csv is not in this folder."
    header = (ROOT / "student_template" / EXPERIMENTS).read_text(encoding="utf-8")
    (tmp_path / EXPERIMENTS).write_text(header, encoding="utf-8")
    assert shown() == "Experiments: experiments.csv has no runs yet."
    (tmp_path / EXPERIMENTS).write_text(header + "8,24,3,3,2,7.5,41\n8,24,3,3,2,good,41\n", encoding="utf-8")
    assert shown().startswith("Experiments: 1 run found.")
    assert "You tried only one choice of numbers of channels and of kernel sizes." in shown()
    assert 'Line 3 of experiments.csv could not be read: accuracy should be a number, not "good".' in shown()
