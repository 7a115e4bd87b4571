"""The command ``similar`` and its page, and ``export dolos``: a stored run in, files out, and no mark changed."""

from __future__ import annotations

import csv
import dataclasses
import io
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.answers.marker.key import load_key
from grader.model import AnswerSheet, Origin, Submission, WrittenAnswer
from grader.model.graph import Graph, Node, Program
from grader.model.submission import CodePiece
from grader.moderation.pseudonyms import secret_of
from grader.similarity.things import OPERATIONS_TOGETHER, Kind
from grader.similarity.work import NETWORK, works_of
from grader.storage import records
from grader.storage.run_folder import COHORT_PAGE_FILE
from grader.storage.run_folder import SIMILARITY_PAGE_FILE as PAGE
from tests.support.evidence_samples import HEALTHY
from tests.support.report_samples import passed_report, stored_run
from tests.support.similar_works import HANDOUT, KEY, made_cohort

HOSTILE = "<script>alert(1)</script> </pre><img src=x onerror=alert(2)> wobbly \x1b[31m pooling \u202e weights"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 30 students, two of whom share a hostile text, and code with one."""
    made = [*made_cohort(30, pairs=3, key=load_key(KEY)).stored]
    for at in (10, 20):
        sheet = AnswerSheet((WrittenAnswer("8", HOSTILE * 4, "a.md", 1.0),))
        code = (CodePiece(f"# {HOSTILE}\nx = 1"), CodePiece("y = x", 3))
        submission = Submission(made[at].student, Path("x"), "task1_cnn.py", (), "0" * 64, code=code)
        made[at] = dataclasses.replace(made[at], sheet=sheet, submission=submission)
    names = {entry.student: f"<b>{entry.student}</b>" for entry in made}
    reports = [
        dataclasses.replace(passed_report(student), origin=Origin("moodle", name, "7"))
        for student, name in names.items()
    ]
    run = stored_run(tmp_path_factory.mktemp("similar") / "run", *reports)
    for entry in made:
        records.write_evidence(run, entry)
    secret_of(run)  # which a run has from its start
    return run


CHANGED = {PAGE, COHORT_PAGE_FILE, "anonymous.html"}


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in CHANGED}


def test_the_page_is_written_and_linked_and_no_mark_changes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = files(folder)
    assert main(["similar", str(folder), "--key", str(KEY), "--handout", str(HANDOUT)]) == 0
    assert files(folder) == before
    assert f'href="{PAGE}"' in (folder / COHORT_PAGE_FILE).read_text(encoding="utf-8")
    assert PAGE not in (folder / "anonymous.html").read_text(encoding="utf-8")
    printed = capsys.readouterr().out
    assert printed.splitlines()[0] == str(folder / PAGE)
    assert "above the line" in printed
    assert "no proof" in printed
    assert "\x1b" not in printed


def test_hostile_text_stays_text(folder: Path) -> None:
    assert main(["similar", str(folder)]) == 0
    text = (folder / PAGE).read_text(encoding="utf-8")
    assert "<script" not in text
    assert "<img" not in text
    assert "<b>" not in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "alert(1)" in text
    assert "wobbly" in text


def test_dolos_gets_the_scripts_and_what_it_reads_of_them(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "dolos"
    assert main(["export", "dolos", str(folder), "--out", str(out)]) == 0
    rows = list(csv.DictReader(io.StringIO((out / "info.csv").read_text(encoding="utf-8"))))
    assert len(rows) == 30
    assert set(rows[0]) == {"filename", "full_name", "created_at", "labels"}
    for row in rows:
        assert (out / row["filename"]).is_file()
        assert row["full_name"].startswith("<b>s0")
    assert len({row["filename"] for row in rows}) == 30
    assert "dolos run --output-format web --language python info.csv" in capsys.readouterr().out


def test_a_student_without_a_script_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = stored_run(tmp_path / "run", passed_report("ada"))
    records.write_evidence(run, records.StoredEvidence.unobserved("ada"))
    assert main(["export", "dolos", str(run)]) == 0
    assert "Without a script (1)\n  ada\n" in capsys.readouterr().out
    assert (run / "export" / "dolos" / "info.csv").read_text(encoding="utf-8").count("\n") == 1


def test_the_recorded_network_counts_too() -> None:
    names = ["conv2d", "relu", "max_pool2d", "conv2d", "relu", "max_pool2d", "flatten", "linear"]
    program = Program(tuple(Node(f"aten.{name}.default") for name in names))
    evidence = dataclasses.replace(HEALTHY, graph=Graph(program, program))
    [work] = works_of([records.StoredEvidence(1, "", "ada", None, evidence)])
    assert work.texts[NETWORK].splitlines() == names
    assert len(work.things) == len(names) - OPERATIONS_TOGETHER + 1
    assert {thing.kind for thing in work.things} == {Kind.NETWORK}
