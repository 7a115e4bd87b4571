"""What a shard keeps of each submission: the same for equal folders anywhere, and different where it matters."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from grader.submissions.discovery import survey
from grader.submissions.outline import outline

WORKSHEET = 'Identifier,Full name,Last modified (submission)\nParticipant 12,Ann Lee,"{}"\n'
EARLY, LATE = "Friday, 27 March 2026, 5:00 PM", "Friday, 27 March 2026, 5:01 PM"
BOX = "Ann Lee_12_assignsubmission_file_"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A cohort as Moodle delivers it, with the worksheet."""
    for name in (BOX, "Bob Ray_13_assignsubmission_file_"):
        (tmp_path / "subs" / name / "parts").mkdir(parents=True)
        (tmp_path / "subs" / name / "task1_cnn.py").write_text("class Net: ...\n", encoding="utf-8")
        with zipfile.ZipFile(tmp_path / "subs" / name / "parts" / "more.zip", "w") as file:
            file.writestr("answers.md", "# Question 1\n")
    (tmp_path / "subs" / "worksheet.csv").write_text(WORKSHEET.format(EARLY), encoding="utf-8")
    return tmp_path / "subs"


def outlines(folder: Path) -> dict[str, str]:
    return {one.id: outline(one) for one in survey(folder, folder.with_name(f"{folder.name}-scratch"))}


def test_a_copy_elsewhere_and_at_another_time_looks_alike(folder: Path) -> None:
    copy = shutil.copytree(folder, folder.with_name("copy"), copy_function=shutil.copyfile)
    for path in copy.rglob("*"):
        os.utime(path, (0, 0))
    assert outlines(copy) == outlines(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda box: (box / "task1_cnn.py").write_text("class Net: pass\n", encoding="utf-8"),
        lambda box: (box / "task1_cnn.py").rename(box / "task2_cnn.py"),
        lambda box: (box / "answers.md").write_text("", encoding="utf-8"),
        lambda box: (box / "parts" / "more.zip").unlink(),
        lambda box: (box.parent / "worksheet.csv").write_text(WORKSHEET.format(LATE), encoding="utf-8"),
    ],
)
def test_other_files_or_another_time_of_handing_in_look_different_for_that_student(
    folder: Path, change: Callable[[Path], object]
) -> None:
    before = outlines(folder)
    change(folder / BOX)
    after = outlines(folder)
    assert before.keys() == after.keys()
    assert [student for student in before if before[student] != after[student]] == ["Ann Lee_12"]


def test_what_cannot_be_listed_still_has_an_outline(folder: Path) -> None:
    deliveries = survey(folder, folder.with_name("scratch"))
    shutil.rmtree(folder)
    assert len({outline(one) for one in deliveries}) == 2
