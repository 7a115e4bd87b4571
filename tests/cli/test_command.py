"""The command line: messages and exit codes for wrong input, quick help, and the output of a run."""

from __future__ import annotations

import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from grader import __version__
from grader.__main__ import main
from grader.moderation.decisions_file import DECISIONS_FILE
from grader.storage import run_folder
from tests.support import report_samples as samples
from tests.support.places import ROOT

pytestmark = pytest.mark.usefixtures("same_workers")

HELP_SECONDS = 1.0
Grade = Callable[..., tuple[int, str, str]]
Refused = Callable[..., str]
SCRIPT = "class Net:\n    pass\n"


def command(*arguments: object, options: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, *options, "-m", "grader", *map(str, arguments)]
    return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture
def cohort(tmp_path: Path) -> Path:
    folder = tmp_path / "lab4"
    (folder / "ada").mkdir(parents=True)
    (folder / "ada" / "task1_cnn.py").write_text(SCRIPT, encoding="utf-8")
    return folder


@pytest.fixture
def grade(capsys: pytest.CaptureFixture[str]) -> Iterator[Grade]:
    """Run ``grade`` in this process, which is quicker: the exit code, standard output and standard error."""
    handler = signal.getsignal(signal.SIGTERM)

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["grade", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    yield run
    signal.signal(signal.SIGTERM, handler)


@pytest.fixture
def refused(grade: Grade) -> Refused:
    """The message with which ``grade`` refuses: a single line that begins with the program's name."""

    def run(*arguments: object) -> str:
        code, printed, complained = grade(*arguments, "--quiet")
        assert (code, printed) == (2, ""), complained
        (line,) = complained.splitlines()
        assert line.startswith("grader: ")
        return line.removeprefix("grader: ")

    return run


# ---- help ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [("--help",), ("grade", "--help"), ("review", "--help"), ("--version",)])
def test_help_is_quick_and_does_not_import_torch(arguments: tuple[str, ...]) -> None:
    done = command(*arguments, options=("-X", "importtime"))
    assert done.returncode == 0
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "argparse" in imported
    assert not {"torch", "numpy", "sklearn", "rich", "jinja2", "nbformat"} & imported
    seconds = []
    for _ in range(5):
        start = time.monotonic()
        command(*arguments)
        seconds.append(time.monotonic() - start)
        if seconds[-1] < HELP_SECONDS:
            break
    assert min(seconds) < HELP_SECONDS


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["grade", "--help"])
    assert left.value.code == 0
    printed = capsys.readouterr().out
    options = ("--out", "--reports", "--data", "--rubric", "--key", "--jobs", "--device", "--student", "--only-failed")
    assert [option for option in (*options, "--remark", "--quiet", "--json") if option not in printed] == []


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out == f"grader {__version__}\n"


# ---- arguments -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["mark"], "invalid choice: 'mark'"),
        (["graed", "lab4"], "Did you mean grade?"),
        (["grade", "lab4", "--remrak", "--ruberic=b"], "--remrak --ruberic=b. Did you mean --remark --rubric?"),
        (["grade"], "PATH"),
        (["grade", "lab4", "--out", "a", "--reports", "b"], "not allowed with argument"),
        (["grade", "lab4", "--jobs", "0"], "argument --jobs: must be a whole number, 1 or more"),
        (["grade", "lab4", "--jobs", "many"], "argument --jobs: must be a whole number"),
        (["grade", "lab4", "--device", "tpu"], "invalid choice: 'tpu'"),
        (["grade", "lab4", "--theme"], "unrecognized arguments: --theme\n"),
        (["review"], "RUN"),
        (["review", "run", "--by", "mark"], "invalid choice: 'mark'"),
        (["diff", "run"], "RUN_B"),
    ],
)
def test_a_wrong_argument_is_a_usage_error(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    assert left.value.code == 2
    assert words in capsys.readouterr().err


# ---- input that cannot be used ---------------------------------------------------------------------------------------


def test_a_missing_path_is_refused(tmp_path: Path, refused: Refused) -> None:
    out = tmp_path / "out"
    assert refused(tmp_path / "lab5", "--out", out) == f"There is no file or folder {tmp_path / 'lab5'}."
    assert not out.exists(), "nothing is written"


def test_a_folder_without_a_submission(tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "empty").mkdir()
    assert "contains no submission" in refused(tmp_path / "empty", "--out", tmp_path / "out")


def test_an_out_folder_with_other_files_is_left_alone(cohort: Path, tmp_path: Path, refused: Refused) -> None:
    theirs = tmp_path / "thesis"
    theirs.mkdir()
    (theirs / "chapter1.txt").write_text("mine", encoding="utf-8")
    printed = refused(cohort, "--out", theirs)
    assert printed == f"{theirs} is not empty and is not a run of this grader; name a new or empty folder with --out."
    assert [path.name for path in theirs.iterdir()] == ["chapter1.txt"]


def test_an_out_folder_that_is_a_file(cohort: Path, tmp_path: Path, refused: Refused) -> None:
    (tmp_path / "marks").write_text("", encoding="utf-8")
    assert "is a file; name a folder" in refused(cohort, "--out", tmp_path / "marks")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("title = ", "not valid TOML"),
        ('title = "Lab 4"\n', "is missing"),
        ('title = "Lab 4"\n[totels]\npart2 = 17\n', 'Did you mean "totals"?'),
    ],
)
def test_an_invalid_rubric_is_refused(cohort: Path, tmp_path: Path, text: str, words: str, refused: Refused) -> None:
    rubric = tmp_path / "scheme.toml"
    rubric.write_text(text, encoding="utf-8")
    printed = refused(cohort, "--out", tmp_path / "out", "--rubric", rubric)
    assert printed.startswith(str(rubric))
    assert words in printed


def test_a_missing_rubric_is_refused(cohort: Path, tmp_path: Path, refused: Refused) -> None:
    printed = refused(cohort, "--out", tmp_path / "out", "--rubric", tmp_path / "no.toml")
    assert "the rubric cannot be read" in printed


def test_a_missing_answer_key_is_refused(cohort: Path, tmp_path: Path, refused: Refused) -> None:
    key = tmp_path / "key.toml"
    printed = refused(cohort, "--out", tmp_path / "out", "--key", key)
    assert printed.startswith(f"{key}: the answer key cannot be read")


def test_missing_data_ends_the_process_with_exit_code_2(cohort: Path, tmp_path: Path) -> None:
    done = command("grade", cohort, "--out", tmp_path / "out", "--data", "mnits")
    assert done.returncode == 2
    assert "Did you mean mnist?" in done.stderr
    assert not (tmp_path / "out").exists()


# ---- where a run goes ------------------------------------------------------------------------------------------------


def test_a_run_below_reports_is_named_after_cohort_and_day(tmp_path: Path, grade: Grade) -> None:
    """The submission has no script, so no worker is started."""
    cohort, reports = tmp_path / "lab4", tmp_path / "reports"
    (cohort / "ada").mkdir(parents=True)
    (cohort / "ada" / "report.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    day = date.today()
    assert grade(cohort, "--reports", reports, "--quiet") == (1, "", ""), "the answers wait for a tutor"
    assert grade(cohort, "--reports", reports, "--quiet") == (1, "", "")
    folders = [folder.name for folder in reports.iterdir()]
    if day == date.today():
        assert folders == [f"lab4-{day.isoformat()}"], "the second run continues in the folder of the first"
    stored = run_folder.read_run(reports / folders[0])
    assert stored is not None
    assert stored.run is not None
    assert stored.run.counts == {"nothing to run": 1}


@pytest.fixture
def nothing_to_run(tmp_path: Path) -> Path:
    """A cohort of one submission without a script, so that no worker is started."""
    cohort = tmp_path / "lab4"
    (cohort / "ada").mkdir(parents=True)
    (cohort / "ada" / "report.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    return cohort


def test_a_run_prints_the_paths_of_its_pages(nothing_to_run: Path, tmp_path: Path, grade: Grade) -> None:
    out = tmp_path / "out"
    code, printed, complained = grade(nothing_to_run, "--out", out)
    assert (code, complained) == (1, "")
    assert "[1/1] ada failed" in printed
    for name in ("index.html", "marks.csv", "results.json"):
        assert name in printed.replace("\n", "")
        assert (out / name).is_file()
    assert "grader review" in printed
    assert "\x1b" not in printed


def test_with_json_only_the_record_is_printed(nothing_to_run: Path, tmp_path: Path, grade: Grade) -> None:
    out = tmp_path / "out"
    code, printed, complained = grade(nothing_to_run, "--out", out, "--json")
    record = json.loads(printed)
    assert (code, record["exit_code"], record["submissions"]) == (1, 1, 1)
    assert record["statuses"] == {"needs_review": 1}
    assert record["points"]["part1"] == {"awarded": 0.0, "available": 13.0, "open": 13.0}
    assert record["points"]["part2"] == {"awarded": 0.0, "available": 17.0, "open": 0.0}
    assert record["open"] == {"questions": {}, "unanswered": 1, "faults": 0, "flagged": 0}
    assert all(Path(path).exists() for path in record["paths"].values())
    assert "[1/1] ada failed" in complained, "progress is not mixed with the record"
    assert grade(nothing_to_run, "--out", out, "--json", "--quiet")[2] == ""


def test_isolation_below_full_is_on_every_page_and_on_the_first_and_last_line(
    cohort: Path, tmp_path: Path, grade: Grade
) -> None:
    (cohort / "ben").mkdir()
    (cohort / "ben" / "report.txt").write_text("No script.", encoding="utf-8")
    notice = "! The isolation of student code is below the full level: off. Missing: own file system, own network, "

    code, printed, complained = grade(cohort, "--out", tmp_path / "out", "--isolation", "off")
    assert (code, complained) == (1, "")
    lines = [line for line in printed.splitlines() if not line.startswith("... ")]
    assert [number for number, line in enumerate(lines) if line.startswith(notice)] == [0, len(lines) - 1]
    pages = sorted((tmp_path / "out").rglob("*.html"))
    assert [page.name for page in pages] == ["anonymous.html", "index.html", "report.html", "report.html"]
    for page in pages:
        assert "The isolation of student code is below the full level: off." in page.read_text(encoding="utf-8"), page

    _, printed, complained = grade(cohort, "--out", tmp_path / "out", "--isolation", "off")
    assert complained == ""
    assert printed.splitlines()[-1].startswith(notice), "the reused evidence is from that level"


def test_decisions_survive_grading_and_marking_again(
    nothing_to_run: Path, tmp_path: Path, grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    grade(nothing_to_run, "--out", out, "--quiet")
    monkeypatch.setattr(sys, "stdin", io.StringIO("0\ny\n"))
    assert main(["review", str(out), "--author", "Tess"]) == 0
    decided = (out / DECISIONS_FILE).read_bytes()
    for options in ((), ("--remark",), ("--student", "ada")):
        code, _, complained = grade(nothing_to_run, "--out", out, "--quiet", *options)
        assert (code, complained) == (0, "")
        assert (out / DECISIONS_FILE).read_bytes() == decided
        (ada,) = json.loads((out / "results.json").read_text(encoding="utf-8"))["submissions"]
        assert {answer["override"]["author"] for answer in ada["answers"]} == {"Tess"}
    assert main(["diff", str(out), str(out)]) == 0


@pytest.mark.parametrize("fault", ["full", "folder-removed", "removal-under-way"])
def test_a_disk_that_fails_stops_the_run_once(
    fault: str, tmp_path: Path, grade: Grade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The submissions have no script, so no worker is started."""
    cohort, out = tmp_path / "lab4", tmp_path / "out"
    for student in ("ada", "ben", "cleo", "dora"):
        (cohort / student).mkdir(parents=True)
        (cohort / student / "report.txt").write_text("1. An answer.", encoding="utf-8")
    calls = 0

    def fail(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 2 and fault == "full":  # not at the start of the run
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if calls == 3 and fault == "folder-removed":
            out.rename(tmp_path / "removed")  # at once, because other threads write into it
        if calls == 3 and fault == "removal-under-way":
            (out / "run.json").unlink()
            (out / "students").rename(tmp_path / "removed")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        code, printed, complained = grade(cohort, "--out", out)
    assert code == 2
    (line,) = complained.splitlines()
    assert line.startswith("grader: ")
    assert ("The disk is full at " if fault == "full" else "cannot be used any more (it is gone): ") in line
    assert "Traceback" not in printed
    assert grade(cohort, "--out", out, "--quiet") == (1, "", ""), "the same command continues the run"
    assert len(json.loads((out / "results.json").read_text(encoding="utf-8"))["submissions"]) == 4


@pytest.fixture
def stored(tmp_path: Path, cohort: Path) -> Path:
    """A run over the cohort, marked with a key, with the marks of two students."""
    out = samples.stored_run(tmp_path / "reports" / "lab4-run", samples.passed_report("ada"), samples.failed_report())
    run = replace(samples.RUN, source=str(cohort), key_revision="abc")
    run_folder.write_run(out, run, is_finished=True)
    return out


def test_output_of_the_grader_is_not_graded(stored: Path, refused: Refused) -> None:
    for path in (stored, stored / "students" / "ada", stored.parent):
        assert "is the output of the grader, not submissions" in refused(path, "--out", stored.parent / "new")


def test_a_file_that_is_no_submission_is_not_graded(tmp_path: Path, refused: Refused) -> None:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        archive.writestr("ada/task1_cnn.py", SCRIPT)
        archive.writestr("ben/task1_cnn.py", SCRIPT)
    for name, content, words in (
        ("Grades-Lab 4-123456.csv", b"Identifier,Grade", "is a table, not a submission"),
        ("lab4.zip", whole.getvalue()[:100], "the download may be incomplete"),
        ("lab4.zip.crdownload", whole.getvalue()[:100], "it is incomplete"),
    ):
        (tmp_path / name).write_bytes(content)
        assert words in refused(tmp_path / name, "--out", tmp_path / "out")


def test_one_student_of_a_cohort_does_not_replace_its_run(stored: Path, cohort: Path, refused: Refused) -> None:
    key = ("--key", ROOT / "solutions" / "key.toml")
    for out in (("--out", stored), ("--reports", stored.parent)):
        message = refused(cohort / "ada", *out, *key)
        assert f"is only one submission, and {stored} has the marks of 2" in message
        assert f"({cohort}) and --student NAME" in message
    alone = ("--out", stored.parent / "alone", "--student", "nobody")
    assert "nobody is called nobody" in refused(cohort / "ada", *alone, *key), "a folder of its own is no other run's"


def test_a_run_with_a_key_is_not_marked_without_one(stored: Path, cohort: Path, refused: Refused) -> None:
    for options in ((), ("--remark",)):
        assert "add --key FILE" in refused(cohort, "--out", stored, *options)


def test_a_student_who_is_not_in_the_cohort_is_refused(tmp_path: Path, cohort: Path, refused: Refused) -> None:
    for wanted, advice in (("Ada", "Did you mean ada?"), ("adda", "Did you mean ada?"), ("zoe*", "* stands for any")):
        message = refused(cohort, "--out", tmp_path / "out", "--student", "ada", "--student", wanted)
        assert message.startswith(f"--student: nobody is called {wanted}. {advice}")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_a_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["review", str(tmp_path)], ["diff", str(tmp_path), str(tmp_path)], ["render", str(tmp_path)]):
        assert main(arguments) == 2
        assert "is not a run of this grader" in capsys.readouterr().err
