"""``export`` for Canvas, Gradescope and nbgrader from the command line: a stored run in, files and a summary out."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.model import Origin
from grader.model.origin import GRADESCOPE, NBGRADER
from tests.support import canvas_rules
from tests.support.report_samples import RUN, review_report, stored_run
from tests.support.settled_reports import canvas, chosen_of, settled

COURSE = {"students": {"12345": "Doe, Jane", "12346": "Lee, Tom"}, "assignments": {"4567": RUN.rubric_title}}
GRADEBOOK = f"""Student,ID,Section,{RUN.rubric_title} (4567)
    Points Possible,,,30.00
"Doe, Jane",12345,A,
"Lee, Tom",12346,A,
"""
JANE = settled("doejane_12345", canvas("doejane", "12345", ("678901", "task1_cnn.py")), conv="0.5")
TOM = dataclasses.replace(review_report("leetom_12346"), origin=canvas("leetom", "12346"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = stored_run(tmp_path / "run", JANE, TOM)
    chosen_of(folder, [JANE])
    (tmp_path / "grades.csv").write_text(GRADEBOOK, encoding="utf-8")
    return folder


def test_canvas(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["export", "canvas", str(run), str(tmp_path / "grades.csv")]
    assert main(line) == 2
    assert "--settled-only" in capsys.readouterr().err
    assert not (run / "export").exists()
    assert main([*line, "--settled-only"]) == 1
    folder, printed = run / "export" / "canvas", capsys.readouterr().out
    assert sorted(path.name for path in folder.iterdir()) == [
        "canvas-feedback.zip",
        "canvas-grades.csv",
        "lab4-export.txt",
    ]
    read = canvas_rules.gradebook((folder / "canvas-grades.csv").read_bytes().decode(), COURSE)
    assert read["marks"] == {"12345": f"{JANE.awarded:.2f}"} == {"12345": "29.25"}
    assert "Left out because something is open (1)" in printed
    assert printed.endswith((folder / "lab4-export.txt").read_text(encoding="utf-8"))


def test_gradescope_and_nbgrader(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ada = dataclasses.replace(JANE, student="submission_41", origin=Origin(GRADESCOPE, "Ada", "41"))
    eve = dataclasses.replace(JANE, student="eve", origin=Origin(NBGRADER, "eve", "eve"))
    run = stored_run(tmp_path / "run", ada, eve)
    chosen_of(run, [ada, eve])
    assert main(["export", "gradescope", str(run)]) == 0
    read = json.loads((run / "export" / "gradescope" / "submission_41" / "results.json").read_bytes())
    assert read["score"] == 29.25
    submitted = tmp_path / "course" / "submitted" / "eve" / "ps1"
    submitted.mkdir(parents=True)
    for name in ("part1.ipynb", "timestamp.txt", "submission_secret.txt"):
        (submitted / name).write_text("{}", encoding="utf-8")
    assert main(["export", "nbgrader", str(run), str(tmp_path / "course")]) == 0
    pages = run / "export" / "nbgrader" / "feedback" / "eve" / "ps1"
    assert {path.name for path in pages.iterdir()} == {"part1.html", "timestamp.txt", "submission_secret.txt"}
    assert "release_feedback ps1" in capsys.readouterr().out
