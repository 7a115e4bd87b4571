"""Make the stored run of a very large cohort, and measure what tutors do with it.

The command is ``python -m tests.measure.large_run FOLDER [--students 20000] [--shards 20]``. Some samples with drawn
answers are graded once, in ``FOLDER/few``. Their records are copied under new ids, as in a download from Moodle, with
an answer that nobody else has for each question: to ``FOLDER/run``, and to the runs of shards in ``FOLDER/shards``. A
folder that is there is used again. Then every command runs in a process of its own. The table has its seconds of wall
and CPU time, its peak memory, and the size of what it wrote.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from grader.model import KnownFindings, MarkedAnswer, Report, Run, Shard, ShardOfRun
from grader.moderation.desk import Desk, Given
from grader.moderation.finished_run import load_run
from grader.moderation.pseudonyms import keep_secret, secret_digest, secret_of
from grader.moderation.worklist import Scope
from grader.review.page.listing import Listing
from grader.storage import records, results_json, run_folder
from grader.storage.fingerprints import code_digest
from grader.storage.json_files import write_record
from grader.storage.records import StoredEvidence
from grader.submissions.discovery import survey
from tests.measure.review_keys import drawn
from tests.support.places import ROOT
from tests.support.sample_cohort import COHORT, KEY

CASES = (
    "valid-classic-2017", "valid-modern-script", "valid-residual", "valid-branches-joined-then-relu", "valid-wide-64",
    "valid-sequential-halves", "fault-logits", "fault-no-dropout", "fault-missing-return", "fault-cuda-in-forward",
    "fault-gelu", "broken-no-net-at-all", "valid-notebook-v4", "experiment-good-sweep",
)  # fmt: skip
WITH_ANSWERS = 12
"""The first cases get answers; the others stay as they are."""
FAMILIES = (
    "Abbott", "Ahmed", "Álvarez", "Anderson", "Baker", "Chen", "Chowdhury", "Das", "Davies", "Dubois", "Edwards",
    "Fischer", "García", "Ghosh", "Haddad", "Huang", "Ibrahim", "Ivanova", "Jensen", "Jones", "Kaur", "Khan", "Kim",
    "Kumar", "Lee", "Li", "Liu", "Martin", "Müller", "Nguyen", "Núñez", "O'Brien", "Okafor", "Olsen", "Patel", "Pérez",
    "Quinn", "Rossi", "Sato", "Singh", "Smith", "Tan", "Usman", "Vu", "Wang", "Wu", "Xu", "Yılmaz", "Zhang", "Zhou",
)  # fmt: skip
GIVEN = ("Ada", "Anh", "Ben", "Chiara", "Elif", "Fatima", "Hiro", "Ines", "Jun", "Kai", "Maya", "Omar", "Priya", "Sam")
MEBIBYTE = 1 << 20


@dataclass(frozen=True)
class Measured:
    """A command that ended: seconds of wall and CPU time, peak bytes of its largest process, and its exit code."""

    wall: float
    cpu: float
    peak: int
    code: int


def measured(*arguments: str, log: Path) -> Measured:
    """Run ``python -m`` with ``arguments``; what it prints is added to ``log``."""
    started = time.perf_counter()
    with log.open("ab") as printed:
        process = subprocess.Popen(
            [sys.executable, *(["-P"] if sys.flags.safe_path else []), "-m", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=printed,
        )
        _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    return Measured(wall, used.ru_utime + used.ru_stime, used.ru_maxrss << 10, process.returncode)


def grade_few(folder: Path) -> Path:
    """Grade the cases, most of them with drawn answers, below ``folder``. Returns the folder of their run."""
    cohort, out = folder / "cohort", folder / "run"
    answers = drawn(WITH_ANSWERS, seed=1, repeated=False)
    for number, case in enumerate(CASES):
        shutil.copytree(COHORT / case, cohort / case, ignore=shutil.ignore_patterns("expected.toml"))
        if number < WITH_ANSWERS:
            written = (f"## Question {part}\n\n{texts[number]}\n" for part, texts in answers.items())
            (cohort / case / "answers.md").write_text("\n".join(written), encoding="utf-8")
    found = measured(
        "grader", "grade", str(cohort), "--out", str(out), "--key", str(ROOT / KEY), log=folder / "printed.txt"
    )
    if found.code not in (0, 1):
        raise SystemExit(f"The samples could not be graded; see {folder / 'printed.txt'}.")
    return out


def deliver(cohort: Path, few: Path, students: int) -> None:
    """Write the files of ``students`` into ``cohort``, as Moodle names them; each has those of a case."""
    chance = random.Random(1)
    for number in range(students):
        name = f"{chance.choice(GIVEN)} {chance.choice(FAMILIES)}_{5_000_000 + number * 7919 % 1_000_003}"
        case = few / CASES[number % len(CASES)]
        shutil.copytree(case, cohort / f"{name}_assignsubmission_file", copy_function=os.link)


@dataclass(frozen=True)
class Copied:
    """The records of one student."""

    evidence: StoredEvidence
    report: Report
    findings: KnownFindings


def copied(few: Path, cohort: Path, scratch: Path) -> Iterator[Copied]:
    """The records of all students in ``cohort``, each with those of the case whose files it has."""
    stored = {case: (records.read_evidence(few, case), records.read_report(few, case)) for case in CASES}
    findings = {case: records.read_findings(few, case) for case in CASES}
    for delivery in survey(cohort, scratch):
        number = int(delivery.origin.account) - 5_000_000
        case = CASES[number * pow(7919, -1, 1_000_003) % 1_000_003 % len(CASES)]
        evidence, report = stored[case]
        assert evidence is not None
        assert evidence.submission is not None
        assert report is not None
        added = f" ({hashlib.sha256(delivery.id.encode()).hexdigest()[:8]})"
        submission = replace(
            evidence.submission,
            id=delivery.id,
            root=cohort / delivery.origin.attachments[0].name,
            origin=delivery.origin,
        )
        sheet = evidence.sheet and replace(
            evidence.sheet,
            answers=tuple(
                replace(answer, text=answer.text + added) if answer.text else answer
                for answer in evidence.sheet.answers
            ),
        )
        results = tuple(replace(result, answer=_with(result.answer, added)) for result in report.results)
        known = {part: replace(found, text=found.text + added) for part, found in findings[case].findings.items()}
        yield Copied(
            replace(evidence, student=delivery.id, submission=submission, sheet=sheet),
            replace(report, student=delivery.id, origin=delivery.origin, results=results),
            replace(findings[case], findings=known),
        )


def _with(answer: MarkedAnswer | None, added: str) -> MarkedAnswer | None:
    return replace(answer, text=answer.text + added) if answer is not None and answer.text else answer


def make_run(folder: Path, few: Path, cohort: Path, scratch: Path) -> None:
    """Write the run of all students to ``folder``, without pages."""
    run_folder.claim_folder(folder)
    reports = []
    for record in copied(few, cohort, scratch):
        place = run_folder.student_folder(folder, record.report.student)
        place.mkdir(parents=True)
        write_record(place / records.EVIDENCE_FILE, record.evidence, is_durable=False)
        records.write_report(folder, record.report, record.findings)
        reports.append(record.report)
    run = replace(facts(few), source=str(cohort), submissions=len(reports), counts={"graded": len(reports)})
    results_json.write_results(folder, run, reports)
    run_folder.write_run(folder, run, is_finished=True)
    secret_of(folder)


def make_shards(folder: Path, whole: Path, count: int) -> list[Path]:
    """Write the runs of ``count`` shards of the run at ``whole`` below ``folder``, without pages."""
    run, students, secret = facts(whole), results_json.students_of(whole), secret_of(whole)
    places = []
    for number in range(1, count + 1):
        shard = Shard(number, count)
        own = [student for student in students if shard.has(student)]
        place = folder / str(number)
        run_folder.claim_folder(place)
        for student in own:
            shutil.copytree(
                run_folder.student_folder(whole, student),
                run_folder.student_folder(place, student),
                copy_function=os.link,  # files of a run are replaced, and never written to
                ignore=shutil.ignore_patterns("*.html"),
            )
        part = ShardOfRun(shard, dict.fromkeys(students, "work"), code_digest(""), "images", secret_digest(secret))
        about = replace(run, shard=part, submissions=len(own), counts={"graded": len(own)})
        keep_secret(place, secret)
        reports = [found for student in own if (found := records.read_report(place, student)) is not None]
        results_json.write_results(place, about, reports)
        run_folder.write_run(place, about, is_finished=True)
        places.append(place)
    return places


def open_page(run: Path) -> None:
    """Make what the reviewing page needs until its list is shown, then decide something, and print the CPU seconds."""
    start = time.process_time()
    finished = load_run(run)
    desk = Desk(finished)
    listing = Listing(desk, Scope())
    question = next(question for question in listing.questions if question.left)
    print(f"The list was there after {time.process_time() - start:.1f} CPU s,", end=" ")
    entry = next(listed.entry for listed in question.entries if listed.is_open)
    given = [Given(entry.student, result, result.available) for result in desk.report(entry.student).results
             if result.id in entry.items]  # fmt: skip
    start = time.process_time()
    made = desk.write(given, author="Ada", reason="")
    left = listing.left
    print(f"and {time.process_time() - start:.1f} CPU s after a decision, with {left} entries left.")
    desk.withdraw(made)


def facts(folder: Path) -> Run:
    """The facts about the run at ``folder``."""
    stored = run_folder.read_run(folder)
    assert stored is not None
    assert stored.run is not None
    return stored.run


def make(folder: Path, students: int, shards: int) -> list[Path]:
    """Make what is missing in ``folder``. Returns the folders of the shards."""
    folder.mkdir(parents=True, exist_ok=True)
    few, cohort, run = folder / "few", folder / "cohort", folder / "run"
    if not few.exists():
        grade_few(few)
    if not cohort.exists():
        deliver(cohort, few / "cohort", students)
    if not run.exists():
        make_run(run, few / "run", cohort, folder / "scratch")
    if not (folder / "shards").exists():
        make_shards(folder / "shards", run, shards)
    return sorted((folder / "shards").iterdir(), key=lambda place: int(place.name))


def main(argv: Sequence[str] | None = None) -> int:
    """Make the run and print the table."""
    parser = argparse.ArgumentParser(prog="large_run", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--students", type=int, default=20_000, metavar="N")
    parser.add_argument("--shards", type=int, default=20, metavar="N")
    parser.add_argument("--page", action="store_true", help="measure the page of the run FOLDER, and nothing else")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help="measure only this; repeatable")
    given = parser.parse_args(argv)
    folder = given.folder.resolve()
    if given.page:
        open_page(folder)
        return 0
    shards = make(folder, given.students, given.shards)
    run, merged, log = folder / "run", folder / "merged", folder / "printed.txt"
    remark = ("grade", str(folder / "cohort"), "--out", str(run), "--remark", "--key", str(ROOT / KEY))
    commands = {
        "grade --remark, new pages": remark,
        "grade --remark, nothing new": remark,
        "render": ("render", str(run)),
        "merge": ("merge", str(merged), *map(str, shards)),
        "review --terminal": ("review", str(run), "--terminal", "--author", "A"),
        "diff": ("diff", str(run), str(merged)),
        "export gradescope": ("export", "gradescope", str(run), "--settled-only"),
        "export dolos": ("export", "dolos", str(run)),
    }
    measurements = {name: ("grader", *arguments) for name, arguments in commands.items()}
    measurements["review, page"] = ("tests.measure.large_run", "--page", str(run))
    table = Table(box=None, header_style="bold", title=f"{given.students} submissions", title_justify="left")
    for heading in ("command", "wall s", "CPU s", "peak MiB", "exit code"):
        table.add_column(heading, justify="left" if heading == "command" else "right")
    for name, arguments in measurements.items():
        if given.only and not any(name.startswith(only) for only in given.only):
            continue
        if name == "merge":
            shutil.rmtree(merged, ignore_errors=True)
        found = measured(*arguments, log=log)
        table.add_row(name, f"{found.wall:.1f}", f"{found.cpu:.1f}", f"{found.peak / MEBIBYTE:.0f}", str(found.code))
    console = Console(width=100)
    console.print(table)
    for name in ("results.json", "marks.csv", "index.html", "anonymous.html"):
        if (run / name).exists():
            console.print(f"{name}: {(run / name).stat().st_size / MEBIBYTE:.1f} MiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
