"""A cohort of 30 for the tests of the page for reviewing: equal and nearly equal answers, code, and hostile text."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from PIL import Image

from grader.model import Flag, Report
from grader.model.submission import CodePiece
from tests.support import cohort_samples as cohorts
from tests.support import report_samples as samples
from tests.support.report_samples import R

STUDENTS = 30
SCAN = "answers.png"
ATTACK = "<script>window.pwned = 1</script><img src=x onerror='window.pwned = 1'> It keeps neurons independent."
EQUAL = "Dropout turns off random neurons while training, so that the network does not overfit."
"""The answer of every third student, in several spellings."""
SPELLINGS = (EQUAL, EQUAL.upper(), f"- {EQUAL[:-1]}", f"  {EQUAL}\n")
NEAR = "Dropout turns off some random neurons while training, so that the network does not overfit."
SCRIPT = """\
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.max_pool2d(self.conv2(x), 2)  # "</pre><script>window.pwned = 1</script>"
        x = x.view(-1, 320)
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)
"""


def student(number: int) -> str:
    """The id of a student."""
    return f"s{4100000 + number * 37}"


def report_on(number: int) -> samples.SampleReport:
    """Part 8 is open for everybody, 7c for every second one, and two criteria of the code for every tenth one."""
    text = SPELLINGS[number // 3 % len(SPELLINGS)] if number % 3 == 0 else f"It is number {number} that is left out."
    text = {1: NEAR, 2: ATTACK}.get(number, text)
    against = ((0, 7),) if number % 3 == 0 else ()
    open_8 = cohorts.answer("8", R, text, spans=((0, 7), (17, 23)), against=against, full_answer="Against overfitting.")
    open_8 = samples.altered(open_8, confidence=0.7 if number % 4 else 0.4, proposed=Decimal(number == 6 or "0.5"))
    parts = {"p8": open_8}
    if number % 2:
        parts["p7c"] = samples.altered(cohorts.answer("7c", R, proposed=None), full_answer="Once for each place.")
    report = samples.passed_report(student(number))
    if number % 10 == 0:
        report = _with_open_code(report)
    return cohorts.summed(report, answers=cohorts.answers(**parts), digest="ab" * 32)


def _with_open_code(report: samples.SampleReport) -> samples.SampleReport:
    relu = samples.item(
        "structure.relu", R, message="Line 15: there is no ReLU after conv2.", expected="a ReLU", seen="none"
    )
    order = samples.item("structure.order", R, message="A ReLU is missing, so the order is open.")
    opened = {relu.id: replace(relu, proposed=Decimal("0.75")), order.id: order}
    items = [opened.get(item.id, item) for item in report.code_results]
    assert report.submission is not None
    submission = replace(report.submission, code=(CodePiece(SCRIPT.strip()),))
    flags = (Flag("odd", "The script names <b>another</b> student."),)
    return samples.changed(report, items=items, submission=submission, flags=flags)


def _with_a_scan(work: Path) -> Report:
    """The last student, whose answers nobody could read: a picture at ``work``."""
    work.mkdir()
    Image.new("L", (60, 80), 255).save(work / SCAN)
    (work / "task1_cnn.py").write_text(SCRIPT)
    report = samples.passed_report(student(STUDENTS - 1))
    assert report.submission is not None
    submission = replace(report.submission, root=work, files=(SCAN, "task1_cnn.py"))
    return replace(report, submission=submission, digest="ef" * 32)


def desk_run(folder: Path) -> Path:
    """The cohort as a finished run at ``folder``; beside it lies what the last student handed in."""
    reports = map(report_on, range(STUDENTS - 1))
    return samples.stored_run(folder, *reports, _with_a_scan(folder.with_name(f"{folder.name}-scan")))
