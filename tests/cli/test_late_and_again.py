"""Late work and a second download, from Moodle's folders and worksheet to marks.csv, with nothing to run."""

from __future__ import annotations

import csv
import json
import signal
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.model import Decision
from grader.moderation.decisions import subject_digest
from grader.moderation.finished_run import load_run
from tests.support import report_samples as samples

pytestmark = pytest.mark.usefixtures("same_workers")

Grade = Callable[..., str]

POLICY = """\
due = 2026-03-27 17:00:00
time_zone = "Australia/Sydney"
percent = 5
extensions = "extensions.csv"
"""
TIMES = {
    "Ann Lee_501": "Friday, 27 March 2026, 4:58 PM",
    "Bo Chu_502": "Saturday, 28 March 2026, 5:01 PM",
    "Cy Ho_503": "Sunday, 29 March 2026, 9:00 AM",
    "Dee Fox_504": "Monday, 30 March 2026, 9:00 AM",
}


@pytest.fixture
def grade(capsys: pytest.CaptureFixture[str]) -> Iterator[Grade]:
    """Run a command in this process, and return what it prints."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> str:
        assert main([*map(str, arguments)]) == 1, "the answers wait for a tutor"
        return capsys.readouterr().out

    yield run
    signal.signal(signal.SIGTERM, handler)


def download(folder: Path, times: dict[str, str], **works: str) -> Path:
    """A folder as Moodle makes it, with the worksheet; ``works`` has other text than usual by account."""
    lines = ["Identifier,Full name,Status,Last modified (submission)"]
    for student, time in times.items():
        name, _, account = student.rpartition("_")
        box = folder / f"{student}_assignsubmission_file_"
        box.mkdir(parents=True)
        (box / "notes.md").write_text(
            works.get(f"of_{account}", f"# Question 1\n\nThe answer of {account}.\n"), encoding="utf-8"
        )
        lines.append(f'Participant {account},{name},Submitted for grading,"{time}"')
    (folder / "grades.csv").write_text("\n".join(lines), encoding="utf-8")
    return folder


def rows(run: Path) -> dict[str, dict[str, str]]:
    with (run / "marks.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def decide(run: Path) -> None:
    """Give each student the point of question 1."""
    for report in load_run(run).automatic:
        answer = report.answer_results[0]
        digest = subject_digest(report, answer)
        samples.decide(run, Decision(report.student, answer.id, "Tess", "", "yes", digest, Decimal(1), new=Decimal(1)))


def test_late_work_is_said_and_a_second_download_keeps_what_was_decided(tmp_path: Path, grade: Grade) -> None:
    policy, reports = tmp_path / "late.toml", tmp_path / "reports"
    policy.write_text(POLICY, encoding="utf-8")
    (tmp_path / "extensions.csv").write_text("student,until\n503,2026-03-29 17:00\nEve,2026-03-30\n", encoding="utf-8")
    first = download(tmp_path / "lab4", TIMES)
    printed = grade("grade", first, "--reports", reports, "--remark", "--late", policy)
    assert "Late: 2 (Bo Chu, Dee Fox)" in printed
    assert 'The extension of "Eve" names no submission' in printed
    (run,) = reports.iterdir()
    found = {student: (row["late_days"], row["awarded"], row["deduction"]) for student, row in rows(run).items()}
    assert found == {
        "Ann Lee_501": ("0", "0", "0"),
        "Bo Chu_502": ("2", "0", "0"),
        "Cy Ho_503": ("0", "0", "0"),
        "Dee Fox_504": ("3", "0", "0"),
    }
    decide(run)
    assert main(["render", str(run)]) == 1
    decided = {student: (row["awarded"], row["deduction"]) for student, row in rows(run).items()}
    assert decided == dict(zip(TIMES, (("1", "0"), ("1", "1"), ("1", "0"), ("1", "1")), strict=True))

    times = {"Ann Leigh_501": TIMES["Ann Lee_501"], "Bo Chu_502": "Monday, 30 March 2026, 5:01 PM"}
    times |= {"Cy Ho_503": TIMES["Cy Ho_503"], "Eve Orr_505": TIMES["Bo Chu_502"]}
    second = download(tmp_path / "lab4 (1)", times, of_502="# Question 1\n\nAnother answer.\n")
    printed = grade("grade", second, "--reports", reports, "--remark")
    (again,) = set(reports.iterdir()) - {run}
    lines = [" ".join(line.split()) for line in printed.splitlines()]
    start = lines.index(f"This continues the run in {run}.")
    assert lines[start + 1] == "1 new: Eve Orr."
    assert lines[start + 2] == f"1 gone: Dee Fox. Left out of the tables; what is stored stays in {run}."
    assert "1 changed: Bo Chu." in lines
    now = rows(again)
    assert [*now] == ["Ann Leigh_501", "Bo Chu_502", "Cy Ho_503", "Eve Orr_505"]
    assert [row["awarded"] for row in now.values()] == ["1", "0", "1", "0"], "Bo's decision was about another text"
    assert now["Bo Chu_502"]["late_days"] == "4"
    assert json.loads((again / "run.json").read_text(encoding="utf-8"))["run"]["late"]["percent"] == "5"

    policy.write_text(POLICY.replace("percent = 5", "percent = 10"), encoding="utf-8")
    grade("render", again, "--late", policy)
    assert json.loads((again / "run.json").read_text(encoding="utf-8"))["run"]["late"]["percent"] == "10"
    page = (again / "students" / "Bo Chu_502" / "report.html").read_text(encoding="utf-8")
    assert "4 days late. 10% of 30 points a day makes 12 points." in page
