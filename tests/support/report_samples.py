"""Realistic reports for the tests of storage and report: every status, and names that attack a page."""

from __future__ import annotations

import dataclasses
import hashlib
import math
from base64 import b64encode
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from grader.checks.training import accuracies_of
from grader.model import (
    PART1,
    AnswerSheet,
    Band,
    Decision,
    Flag,
    MarkedAnswer,
    Report,
    Result,
    Run,
    Status,
    Submission,
)
from grader.model.evidence import (
    Building,
    CurvePoint,
    Ending,
    Evidence,
    Gradients,
    Layer,
    Loading,
    Modes,
    Operation,
    ParameterGradient,
    Pass,
    Probing,
    Problem,
    Remark,
    Repair,
    Resources,
    Scores,
    Tracing,
    Training,
)
from grader.model.experiment import Experiment
from grader.model.images import Filters, Mistake
from grader.model.status import overall_status
from grader.moderation.decisions import Decisions, subject_digest, with_decisions
from grader.moderation.decisions_file import DecisionsFile
from grader.moderation.pseudonyms import pseudonyms
from grader.moderation.session import ACCEPTED
from grader.report.html import pages
from grader.storage import records, results_json, run_folder
from grader.storage.records import StoredEvidence

P, H, F, S, R, E = (
    Status.PASSED,
    Status.PARTIAL,
    Status.FAILED,
    Status.SKIPPED,
    Status.NEEDS_REVIEW,
    Status.ERROR,
)

BANDS = (Band(0.97, Decimal(1)), Band(0.94, Decimal("0.75")), Band(0.85, Decimal("0.5")))

ITEMS: tuple[tuple[str, str, str, str], ...] = (
    ("loads", "The script loads and Net() builds", "1", "`Net` was found in task1_cnn.py and builds."),
    ("structure.conv", "Two convolution layers", "1.5", "Two convolution layers run: conv1 and conv2."),
    ("structure.linear", "Two fully connected layers", "1.5", "Two fully connected layers run: fc1 and fc2."),
    ("structure.dropout_conv", "Dropout after the convolutions", "1", "A dropout follows conv2."),
    ("structure.dropout_fc", "Dropout after the first fully connected layer", "1", "A dropout follows fc1."),
    ("structure.relu", "ReLU after each hidden layer", "1.5", "ReLU follows conv1, conv2 and fc1."),
    ("structure.order", "Layers in the right order", "1", "Convolutions, fully connected layers, log-softmax."),
    ("forward.shape", "One row of ten scores for each image", "1.5", "(N, 1, 28, 28) gives (N, 10)."),
    ("forward.batch", "Works for any batch size", "1", "Batches of 1, 2, 3, 64 and 100 images work."),
    ("output.log_softmax", "Log-softmax output", "1.5", "The output is the log-softmax of the scores."),
    ("behaviour.dropout_train_eval", "Dropout only while training", "1", "Dropout is on in training and off in eval."),
    ("behaviour.gradients", "Every layer learns", "1", "All 8 parameters get a gradient."),
    ("training.accuracy", "Learns to read digits", "2", "9 812 of 10 000 held-out images recognised."),
    ("resources", "Reasonable size and speed", "0.5", "21 840 parameters; 64 images in 0.01 s."),
)

PARTS: tuple[tuple[str, str], ...] = (
    ("1", "The definition of deep learning"),
    ("2", "Feature generation"),
    ("3", "Tasks that CNNs excel at"),
    ("4", "Local receptive fields"),
    ("5", "The purpose of a pooling layer"),
    ("6a", "Max-pooling"),
    ("6b", "Average pooling"),
    ("7a", "Number of filters"),
    ("7b", "What a filter convolves with"),
    ("7c", "How often a filter is applied"),
    ("7d", "Values for each application"),
    ("7e", "Where the output is stored"),
    ("8", "The purpose of dropout"),
)

HOSTILE_NAMES: tuple[str, ...] = (
    "<script>alert('x')</script>",
    "[bold red]markup[/bold red] [/]",
    "\x1b[31mred\x1b[0m \x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "two\nlines\r\nand\ttabs",
    "=1+1",
    "@SUM(A1:A9)",
    "gnp.\u202eexe.\u2066hidden\u200b",
    "émilie 🧑🏽‍🎓 陳大文",
    "n" * 120,
    "unpaired \udcff byte",
    '"><img src=x onerror=alert(1)> {{ 7*7 }} {% raw %}',
    "-2+3;=cmd|' /C calc'!A0",
)

RUN = Run(
    grader_version="0.1.0",
    started="2025-11-23T11:02:10+00:00",
    finished="2025-11-23T11:06:41+00:00",
    seconds=271.4,
    rubric_title="Lab 4: Deep Learning",
    rubric_revision="5f1d7c1a90be44d2a7f3c0a55b1dd0f3c2a1",
    data="mnist-10k",
    device="cpu",
    isolation="namespaces, Landlock, limits",
    jobs=2,
    versions={"python": "3.12.3", "torch": "2.9.0", "torchvision": "0.24.0"},
    source="submissions/2025-s2",
    counts={"graded": 10, "reused": 2},
    timing={"load": 4.1, "build": 0.4, "trace": 2.2, "probe": 5.0, "modes": 1.1, "gradients": 1.3, "train": 402.5},
    bands=BANDS,
)


def operations(*, without: tuple[int, ...] = (), last: str = "log_softmax") -> tuple[Operation, ...]:
    """The trace of the lab's own network for a batch of 4, with one operation beside the path.

    Rows ``without`` are left out, and ``last`` is what makes the result.
    """
    rows: tuple[tuple[str, str, str, tuple[int, ...], tuple[int, ...], int], ...] = (
        ("conv", "conv2d", "conv1", (4, 1, 28, 28), (4, 10, 24, 24), 260),
        ("pool", "max_pool2d", "", (4, 10, 24, 24), (4, 10, 12, 12), 0),
        ("relu", "relu", "", (4, 10, 12, 12), (4, 10, 12, 12), 0),
        ("conv", "conv2d", "conv2", (4, 10, 12, 12), (4, 20, 8, 8), 5020),
        ("dropout", "dropout2d", "conv2_drop", (4, 20, 8, 8), (4, 20, 8, 8), 0),
        ("pool", "max_pool2d", "", (4, 20, 8, 8), (4, 20, 4, 4), 0),
        ("relu", "relu", "", (4, 20, 4, 4), (4, 20, 4, 4), 0),
        ("reshape", "view", "", (4, 20, 4, 4), (4, 320), 0),
        ("linear", "linear", "fc1", (4, 320), (4, 50), 16050),
        ("relu", "relu", "", (4, 50), (4, 50), 0),
        ("dropout", "dropout", "", (4, 50), (4, 50), 0),
        ("linear", "linear", "fc2", (4, 50), (4, 10), 510),
        (last, last, "", (4, 10), (4, 10), 0),
    )
    kept = [row for number, row in enumerate(rows) if number not in without]
    traced = []
    for index, (kind, name, layer, shape_in, shape_out, parameters) in enumerate(kept):
        is_dropout = kind == "dropout"
        traced.append(
            Operation(
                index=index,
                kind=kind,
                name=name,
                layer=layer,
                inputs=(index - 1,),
                shape_in=shape_in,
                shape_out=shape_out,
                parameters=parameters,
                probability=0.5 if is_dropout else None,
                is_active=True if is_dropout else None,
                dim=1 if kind == last else None,
            )
        )
    beside = Operation(len(traced), "other", "mean", inputs=(3,), shape_in=(4, 20, 8, 8), shape_out=())
    return (*traced, beside)


def confusion(correct: int, total: int) -> tuple[tuple[int, ...], ...]:
    """A confusion matrix with ``correct`` images on the diagonal and similar digits, such as 4 and 9, confused most."""
    table = [[total // 10 if row == column else 0 for column in range(10)] for row in range(10)]
    for number in range(total - correct):
        digit = (4, 9, 7, 3, 4, 5, 8, 2)[number % 8]
        table[digit][digit] -= 1
        table[digit][(digit + 5 + number // 40 % 3) % 10] += 1
    return tuple(map(tuple, table))


def mistakes() -> tuple[Mistake, ...]:
    """A seven and a four in straight strokes, the most confident mistake first."""
    seven = {(6, column) for column in range(6, 21)} | {(6 + step, 20 - step // 2) for step in range(17)}
    four = {(row, 8) for row in range(5, 15)} | {(14, column) for column in range(8, 20)}
    four |= {(row, 16) for row in range(8, 23)}
    return (Mistake(_image(seven), 7, 1, 0.9871), Mistake(_image(four), 4, 9, 0.9312))


def _image(strokes: set[tuple[int, int]]) -> str:
    return b64encode(bytes(255 * ((row, column) in strokes) for row in range(28) for column in range(28))).decode()


def filters() -> Filters:
    """Ten filters of 5 x 5: edges and slopes."""
    values = bytes(
        128 + (number - 4) * (row - 2) * 7 + number * (column - 2) * 3
        for number in range(10)
        for row in range(5)
        for column in range(5)
    )
    return Filters(10, 5, 5, 0.004, b64encode(values).decode())


def training(seed: int, correct: int, total: int = 10000) -> Training:
    """A run whose accuracy rises to ``correct`` of ``total``, with one loss that was not finite."""
    last = correct / total
    curve = tuple(
        CurvePoint(step, round(0.1 + (last - 0.1) * (1 - math.exp(-step / 90)), 4), 2.3 * math.exp(-step / 80))
        for step in range(50, 501, 50)
    )
    broken = dataclasses.replace(curve[3], loss=math.nan)
    return Training(
        problem=None,
        seed=seed,
        steps=500,
        seconds=2.4,
        curve=(*curve[:3], broken, *curve[4:]),
        correct=correct,
        total=total,
        confusion=confusion(correct, total),
        mistakes=mistakes(),
        filters=filters(),
    )


def evidence(*trainings: Training) -> Evidence:
    """Complete evidence of the lab's own network."""
    return Evidence(
        ending=Ending("finished"),
        load=Loading(None, "slice", "task1_cnn.py", methods=("__init__", "forward"), remarks=(Remark("old", "Old."),)),
        build=Building(None, 21840, (Layer("conv1", "Conv2d", 260), Layer("conv2_drop", "Dropout2d", 0))),
        trace=Tracing(None, 4, operations(), output=12, returned="Tensor"),
        probe=Probing(
            passes=(Pass(1, None, "Tensor", (1, 10), "float32"),),
            scores=Scores(True, -0.1, -9.0, tail=("log_softmax",), lead=()),
            row_error=0.0,
            score_row_error=0.0,
        ),
        modes=Modes(None, 0.8, 0.0, 0.0, 0.0),
        gradients=Gradients(None, (ParameterGradient("conv1.weight", (10, 1, 5, 5), "ok"),)),
        resources=Resources(None, 21840, 0.0061),
        trainings=trainings,
        output="Train Epoch: 1\tLoss: 0.31\n\x1b[32mdone\x1b[0m\n",
        seconds={"load": 0.02, "train": 2.5},
    )


@dataclasses.dataclass(frozen=True)
class SampleReport(Report):
    """A report together with the evidence that it was made from."""

    submission: Submission | None = None
    evidence: Evidence | None = None
    sheet: AnswerSheet | None = None
    experiment: Experiment | None = None

    @classmethod
    def of(cls, report: Report, **made_from: Any) -> SampleReport:
        """The same report as a sample."""
        return cls(**{field.name: getattr(report, field.name) for field in dataclasses.fields(report)} | made_from)


def plain(report: Report) -> Report:
    """The report without its evidence."""
    return Report(**{field.name: getattr(report, field.name) for field in dataclasses.fields(Report)})


def record_of(report: Report, *, key: str = "k") -> StoredEvidence:
    """The stored evidence of a sample."""
    record = StoredEvidence.unobserved(report.student)
    if not isinstance(report, SampleReport):
        return record
    return dataclasses.replace(
        record,
        key=key,
        submission=report.submission,
        evidence=report.evidence,
        sheet=report.sheet,
        experiment=report.experiment,
    )


def student_page(report: Report, run: Run) -> str:
    """The tutor's page of a sample."""
    return pages.render_report(report, record_of(report), run)


def feedback_page(report: Report, run: Run) -> str:
    """The page of a sample that the student gets."""
    return pages.render_feedback(report, record_of(report), run)


def submission(student: str, *, script: str | None = "task1_cnn.py") -> Submission:
    """A submission as discovery finds it."""
    files = (script, "notes/readme.txt") if script else ("notes/readme.txt",)
    digest = hashlib.sha256(student.encode("utf-8", "replace")).hexdigest()
    return Submission(student, Path("cohort") / "one", script, files, digest, candidates=files[:1])


def report(
    student: str,
    *,
    lost: dict[str, Result] | None = None,
    flags: tuple[Flag, ...] = (),
    seen: Evidence | None = None,
    message: str = "",
) -> SampleReport:
    """A report in which all items except those in ``lost`` pass; Part 1 waits for a tutor."""
    items = tuple(
        (lost or {}).get(id) or Result(id, title, P, Decimal(points), Decimal(points), text)
        for id, title, points, text in ITEMS
    )
    return SampleReport(
        student=student,
        status=overall_status((*items, *unmarked_answers())),
        awarded=sum((item.awarded for item in items), Decimal(0)),
        available=sum((item.available for item in items), Decimal(0)) + len(PARTS),
        results=(*items, *unmarked_answers()),
        flags=flags,
        submission=submission(student),
        evidence=seen,
        accuracies=accuracies_of(seen.trainings) if seen else (),
        message=message,
    )


def unmarked_answers() -> tuple[Result, ...]:
    """The results of Part 1 before marking."""
    return tuple(unmarked(part, title, "Not marked yet.") for part, title in PARTS)


def unmarked(part: str, title: str, message: str) -> Result:
    """A part whose answer waits, with nothing proposed and no text."""
    return Result(PART1 + part, title, R, Decimal(0), Decimal(1), message, answer=MarkedAnswer())


AnyReport = TypeVar("AnyReport", bound=Report)


def changed(
    report: AnyReport, *, items: Sequence[Result] | None = None, answers: Sequence[Result] | None = None, **changes: Any
) -> AnyReport:
    """The report with changed items, answers or other fields."""
    results = (
        *(report.code_results if items is None else items),
        *(report.answer_results if answers is None else answers),
    )
    return dataclasses.replace(report, results=results, **changes)


def altered(result: Result, **changes: Any) -> Result:
    """A written answer with changed fields of the result or of its answer."""
    assert result.answer is not None
    inner = {name: changes.pop(name) for name in list(changes) if hasattr(result.answer, name)}
    return dataclasses.replace(result, answer=dataclasses.replace(result.answer, **inner), **changes)


def item(
    id: str,
    status: Status,
    fraction: str = "0",
    message: str = "",
    *,
    hint: str = "",
    expected: str = "",
    seen: str = "",
    cause: str = "",
) -> Result:
    """The item ``id`` with a status other than passed."""
    _, title, points, _ = next(row for row in ITEMS if row[0] == id)
    awarded = (Decimal(points) * Decimal(fraction)).normalize()
    return Result(id, title, status, awarded, Decimal(points), message, hint, expected, seen, cause=cause)


def skipped(*ids: str, because: str, cause: str) -> dict[str, Result]:
    """The items ``ids`` as skipped."""
    return {id: item(id, S, message=f"Not looked at, because {because}.", cause=cause) for id in ids}


def passed_report(student: str = "s1234567") -> SampleReport:
    """A report on correct code."""
    return report(student, seen=evidence(training(1, 9812)))


def partial_report(student: str = "s2345678") -> SampleReport:
    """Two failed items, and an accuracy in a middle band after three seeds."""
    softmax = item(
        "output.log_softmax",
        F,
        message="The output is the softmax, so the values are probabilities and not their logarithms.",
        expected="log-probabilities: values at most 0 whose exp sums to 1 in each row",
        seen="values between 0.02 and 0.31 that sum to 1 in each row",
        hint="Return `F.log_softmax(x, dim=1)` instead of `F.softmax(x, dim=1)`.",
    )
    relu = item(
        "structure.relu",
        F,
        message="There is no ReLU between conv2 and fc1.",
        expected="conv1, ReLU, conv2, ReLU, fc1, ReLU, fc2",
        seen="conv1, ReLU, conv2, fc1, ReLU, fc2",
        hint="Wrap conv2 as well: `F.relu(F.max_pool2d(self.conv2(x), 2))`.",
    )
    accuracy = item(
        "training.accuracy",
        H,
        "0.75",
        message="9 548 of 10 000 held-out images recognised; 97 % earns all points.",
        expected="at least 97 % after a brief training run",
        seen="95.4 %, 95.5 % and 95.1 % with three seeds",
        hint="Try more channels in conv1 and conv2.",
    )
    lost = {"output.log_softmax": softmax, "structure.relu": relu, "training.accuracy": accuracy}
    flags = (Flag("renamed-script", "The script is called `my cnn (final).py`; it was taken because it defines Net."),)
    seen = evidence(training(1, 9548), training(2, 9551), training(3, 9512))
    trace = Tracing(None, 4, operations(without=(6,), last="softmax"), output=11, returned="Tensor")
    seen = dataclasses.replace(seen, trace=trace)
    return report(student, lost=lost, flags=flags, seen=seen, message=relu.message)


def failed_report(student: str = "s3456789") -> SampleReport:
    """A wrong input size of fc1: the forward pass stops, and the structure is checked on a repaired trace."""
    shape = item(
        "forward.shape",
        F,
        message="fc1 was declared for 250 inputs but gets 320.",
        expected="a tensor of shape (N, 10)",
        seen="RuntimeError in forward, line 41: mat1 and mat2 shapes cannot be multiplied (4x320 and 250x50)",
        hint="Declare it as `nn.Linear(320, 50)`: 20 channels of 4 x 4 values.",
    )
    later = ("forward.batch", "output.log_softmax", "behaviour.dropout_train_eval", "behaviour.gradients")
    because = "the forward pass stops with an error"
    lost = skipped(*later, "training.accuracy", "resources", because=because, cause="forward.shape")
    seen = evidence()
    assert seen.trace is not None
    mended = tuple(
        dataclasses.replace(operation, expected=250) if operation.layer == "fc1" else operation
        for operation in seen.trace.operations
    )
    trace = dataclasses.replace(
        seen.trace,
        operations=mended,
        repairs=(Repair("linear-size", "fc1", "expects 250 inputs but is given 320", 250, 320),),
    )
    seen = dataclasses.replace(seen, trace=trace, probe=None, modes=None, gradients=None, resources=None)
    return report(student, lost={"forward.shape": shape, **lost}, seen=seen, message=shape.message)


def unloadable_report(student: str = "s4567890") -> SampleReport:
    """A syntax error: one failed item, and thirteen skipped ones."""
    loads = item(
        "loads",
        F,
        message="task1_cnn.py has a syntax error in line 12: the bracket opened there is never closed.",
        seen="`self.conv1 = nn.Conv2d(1, 10, kernel_size=5`",
        hint="Add the missing `)` at the end of line 12.",
    )
    others = [id for id, *_ in ITEMS if id != "loads"]
    lost = {"loads": loads, **skipped(*others, because="the script does not load", cause="loads")}
    seen = Evidence(Ending("finished", "load"), load=Loading(Problem("syntax", "'(' was never closed", line=12)))
    return report(student, lost=lost, seen=seen, message=loads.message)


def review_report(student: str = "s5678901") -> SampleReport:
    """An accuracy so close to a band that a tutor decides."""
    accuracy = item(
        "training.accuracy",
        R,
        message="Three seeds lie on both sides of the 97 % band, so a tutor decides.",
        expected="at least 97 %",
        seen="96.9 %, 97.1 % and 97.0 %",
    )
    seen = evidence(training(1, 9691), training(2, 9713), training(3, 9702))
    return report(student, lost={"training.accuracy": accuracy}, seen=seen, message=accuracy.message)


def error_report(student: str = "s6789012") -> SampleReport:
    """A fault of the grader: all items have status error, and no points are lost."""
    message = "The grader failed on this submission: OSError: no space left on device"
    lost = {
        id: item(id, E, message=message, hint="This is a fault of the grader, not of the submission.")
        for id, *_ in ITEMS
    }
    return report(student, lost=lost, message=message)


def override(item: str, old: str, new: str | None, reason: str, *, available: str = "1") -> Decision:
    """A tutor's decision; with ``new`` None, a comment."""
    given = None if new is None else Decimal(new)
    time = "2025-11-24T09:30:00+00:00"
    return Decision("s7890123", item, "Ada Tutor", time, reason, "d" * 16, Decimal(available), Decimal(old), given)


LONG_ANSWER = "\n".join(
    f"{number}. A deep network has many hidden layers, and layer {number} builds on what the one before it found."
    for number in range(1, 21)
)


def answer(
    part: str, status: Status, awarded: str, text: str, message: str, *, counted: Sequence[str] = (), **details: Any
) -> Result:
    """A marked answer to ``part``; the words ``counted`` of ``text`` become its spans."""
    spans = tuple((text.index(words), text.index(words) + len(words)) for words in counted)
    against = spans if status is F else ()
    marked = MarkedAnswer(text, "part1.md", 0.85, spans, against=against, full_answer=f"What the key says on {part}.")
    plain = Result(PART1 + part, dict(PARTS)[part], status, Decimal(awarded), Decimal(1), message, answer=marked)
    return altered(plain, **details)


def marked_answers() -> tuple[Result, ...]:
    """Answers of every kind: settled, open, blank, not found, long, hostile, decided and commented on by a tutor."""
    decided = override("part1.5", "0.5", "1", "The example makes the purpose clear.")
    remark = override("part1.6a", "1", None, "Well laid out.")
    return (
        answer("1", P, "1", LONG_ANSWER, "Right: it has several hidden layers.", counted=["many hidden layers"]),
        answer(
            "2", H, "0.5", "It learns them itself.", "Say what shallow methods do instead.", counted=["learns them"]
        ),
        answer("3", R, "0", "Images & grids", "Right: grid-like data.", proposed=Decimal(1), confidence=0.5),
        answer("4", F, "0", "They are all the same.", "Each neuron looks at another place.", counted=["all the same"]),
        answer(
            "5",
            P,
            "1",
            "To shrink maps.",
            "Say why smaller maps help.",
            counted=["shrink"],
            decision=decided,
            note="In your network the first pooling turns maps of 24 x 24 into 12 x 12.",
        ),
        answer("6a", P, "1", "[4, 5, 1, 3]", "All four numbers are right.", counted=list("4513"), comments=(remark,)),
        answer("6b", F, "0", "", "Not answered.", confidence=1.0),
        answer(
            "7a", P, "1", "As many as one likes", "Right: it is chosen.", note="In your network `conv1` has 10 filters."
        ),
        answer(
            "7b",
            H,
            "0.5",
            "<b>The input</b> & \u202ea filter\x1b[31m",
            "Say how it is computed.",
            counted=["The input</b>"],
        ),
        answer(
            "7c",
            R,
            "0",
            "see my drawing",
            "A picture in part1.md may be part of this answer.",
            proposed=Decimal(0),
            confidence=0.4,
        ),
        answer("7d", P, "1", "One.", "Right: one value each time.", counted=["One"]),
        unmarked("7e", dict(PARTS)["7e"], "This answer was not found in part1.md."),
        answer("8", P, "1", "Against overfitting", "Right: against overfitting.", counted=["overfitting"]),
    )


def answered_report(student: str = "s7890123") -> SampleReport:
    """A report with marked answers of all kinds, and a tutor's decision and comment on Part 2."""
    decided = override("structure.dropout_fc", "0", "0.5", "The comment shows what was meant.")
    remark = override("resources", "0.5", None, "Small and quick.", available="0.5")
    dropout = item(
        "structure.dropout_fc",
        H,
        "0.5",
        "The dropout never drops anything.",
        expected="a dropout between fc1 and fc2",
        seen="dropout with p=0",
        hint="Give it p=0.5.",
    )
    small = item("resources", P, "1", "21 840 parameters; 64 images in 0.01 s.", seen="21 840 parameters")
    lost = {
        "structure.dropout_fc": dataclasses.replace(dropout, decision=decided),
        "resources": dataclasses.replace(small, comments=(remark,)),
    }
    trace = Tracing(None, 4, _idle(operations(), 10), output=12, returned="Tensor")
    base = report(student, lost=lost, seen=dataclasses.replace(evidence(training(1, 9812)), trace=trace))
    answers = marked_answers()
    return changed(
        base,
        status=R,
        answers=answers,
        awarded=base.awarded + sum(result.awarded for result in answers),
        message=dropout.message,
        sheet=AnswerSheet(documents=("part1.md",)),
    )


def settled(report: AnyReport) -> AnyReport:
    """The report after a tutor accepted every proposal, and gave half the points where there was none."""
    waiting = [result for result in report.results if result.status is R]
    decided = with_decisions(report, Decisions(tuple(_settling(report, result) for result in waiting)))
    results = tuple(
        dataclasses.replace(after, comments=before.comments) if before.status is R else before
        for before, after in zip(report.results, decided.results, strict=True)
    )
    return dataclasses.replace(report, results=results, status=overall_status(results), awarded=decided.awarded)


def _settling(report: Report, result: Result) -> Decision:
    points, reason = result.proposed, ACCEPTED
    if points is None:
        points, reason = result.available / 2, f"{result.title}: half of it is there."
    digest, time = subject_digest(report, result), "2025-11-24T09:30:00+00:00"
    args = (reason, digest, result.available, result.proposed, points)
    return Decision(report.student, result.id, "Ada Tutor", time, *args)


def _idle(traced: tuple[Operation, ...], index: int) -> tuple[Operation, ...]:
    return tuple(
        dataclasses.replace(operation, probability=0.0) if operation.index == index else operation
        for operation in traced
    )


def cohort() -> tuple[SampleReport, ...]:
    """One report of each kind, then one for each hostile name, which is also in its messages."""
    kinds = (passed_report(), partial_report(), failed_report(), unloadable_report(), review_report(), error_report())
    return (*kinds, *(hostile_report(name) for name in HOSTILE_NAMES))


def hostile_report(name: str) -> SampleReport:
    """A report with ``name`` in every place that a submission can influence."""
    loads = item("loads", F, message=name, expected=name, seen=name, hint=name)
    trace = Tracing(None, 4, (Operation(0, "other", name, name, (-1,), (4, 1), (4, 10)),), output=0)
    seen = Evidence(Ending("finished"), load=Loading(None), trace=trace, output=name)
    base = report(name, lost={"loads": loads}, flags=(Flag("noticed", name),), seen=seen, message=name)
    return dataclasses.replace(base, submission=dataclasses.replace(submission(name), script=name, files=(name,)))


def stored_run(folder: Path, *reports: Report) -> Path:
    """A finished run of these reports at ``folder``, without pages."""
    run_folder.claim_folder(folder)
    for report in reports:
        records.write_evidence(folder, record_of(report))
        records.write_report(folder, plain(report))
    results_json.write_results(folder, RUN, reports)
    run_folder.write_run(folder, RUN, is_finished=True)
    return folder


def decide(folder: Path, *made: Decision) -> Decisions:
    """Add decisions to the run at ``folder``, as a reviewing session does."""
    decisions = DecisionsFile(folder)
    with decisions.locked():
        return decisions.add(*made)


def anonymous_page(reports: Sequence[Report], run: Run) -> str:
    """The anonymous page of a run with a fixed secret."""
    return pages.render_anonymous_cohort(reports, run, pseudonyms((report.student for report in reports), "secret"))
