"""Feedback for an nbgrader course: what ``release_feedback`` reads, for the notebooks that were handed in."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from grader.export.nbgrader import feedback
from grader.model import Origin, Report, UsageFault
from grader.model.origin import CANVAS, NBGRADER
from tests.support.report_samples import review_report
from tests.support.settled_reports import chosen_of, settled

TIME, SECRET = "2026-05-01 10:00:00.000000 UTC\n", "a" * 64


def student(name: str) -> Report:
    return settled(name, Origin(NBGRADER, name, name))


def hand_in(course: Path, name: str, *files: str, assignment: str = "ps1") -> Path:
    folder = course / "submitted" / name / assignment
    folder.mkdir(parents=True)
    for file in files:
        (folder / file).write_text(SECRET if "secret" in file else TIME, encoding="utf-8")
    return folder


def released(folder: Path) -> dict[str, tuple[str, str, str]]:
    """The pages that ``release_feedback`` publishes, by student and notebook, with time and secret; it may fail."""
    return {
        f"{page.parent.parent.name} {page.stem}": (
            page.read_text(encoding="utf-8"),
            (page.parent / "timestamp.txt").read_text(encoding="utf-8"),
            (page.parent / "submission_secret.txt").read_text(encoding="utf-8"),
        )
        for page in folder.glob("feedback/*/ps1/*.html")
    }


BESIDE = ("timestamp.txt", "submission_secret.txt")


def test_a_page_for_each_notebook_with_time_and_secret(tmp_path: Path) -> None:
    course, out = tmp_path / "course", tmp_path / "out"
    hand_in(course, "ada", "part1.ipynb", "task1 cnn.ipynb", "notes.txt", *BESIDE)
    hand_in(course, "idle", "part1.ipynb", *BESIDE)
    outcome = feedback(chosen_of(tmp_path, [student("ada")]), course).write(out)
    page = (tmp_path / "feedback" / "ada" / "lab4-report.html").read_text(encoding="utf-8")
    assert released(out) == {"ada part1": (page, TIME, SECRET), "ada task1 cnn": (page, TIME, SECRET)}
    assert any("nbgrader release_feedback ps1" in step for step in outcome.steps)
    assert [(note.title, [entry.name for entry in note.entries]) for note in outcome.notes] == [
        ("Students without a submission in this run", ["idle"])
    ]


def test_what_would_stop_release_feedback_is_left_out(tmp_path: Path) -> None:
    course, out = tmp_path / "course", tmp_path / "out"
    hand_in(course, "ada", "part1.ipynb", *BESIDE)
    hand_in(course, "bob", "part1.ipynb", "timestamp.txt")
    hand_in(course, "cy", *BESIDE)
    hand_in(course, "twice", "part1.ipynb", *BESIDE)
    earlier = dataclasses.replace(student("twice"), student="twice+ps1+2026-05-01")
    linked = hand_in(course, "eve", "part1.ipynb", "timestamp.txt")
    (linked / "submission_secret.txt").symlink_to(tmp_path / "elsewhere.txt")
    (tmp_path / "elsewhere.txt").write_text("secret", encoding="utf-8")
    foreign = settled("doe_12", Origin(CANVAS, "doe", "12"))
    names = ("ada", "bob", "cy", "eve", "../ada", "..", "gone", "twice")
    chosen = chosen_of(tmp_path, [*map(student, names), earlier, foreign], review_report("cy2"))
    outcome = feedback(chosen, course, assignment="ps1").write(out)
    assert list(released(out)) == ["ada part1"]
    reasons = {entry.name: entry.reason for note in outcome.notes for entry in note.entries}
    assert reasons["bob"] == reasons["eve"]
    assert "submission_secret.txt not beside the submission" in reasons["eve"]
    assert "no notebook was handed in" in reasons["cy"]
    assert reasons["../ada"] == "the course has no folder submitted/../ada"
    assert reasons["doe"] == "it does not come from a course of nbgrader"
    assert reasons.keys() == {"bob", "cy", "eve", "../ada", "..", "gone", "doe", "cy2", "twice"}


def test_the_assignment_must_be_clear(tmp_path: Path) -> None:
    course = tmp_path / "course"
    chosen = chosen_of(tmp_path, [student("ada")])
    with pytest.raises(UsageFault, match="has no submissions of nbgrader"):
        feedback(chosen, course)
    hand_in(course, "ada", "part1.ipynb", *BESIDE)
    hand_in(course, "bob", "part1.ipynb", assignment="ps2")
    with pytest.raises(UsageFault, match="has the assignments ps1, ps2; name one"):
        feedback(chosen, course)
    with pytest.raises(UsageFault, match="has the assignments ps1, ps2; name one"):
        feedback(chosen, course, assignment="../ps1")
