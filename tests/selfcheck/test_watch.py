"""Checking again after each save: what counts as a save, what a save ends, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from grader.lab4.self_check_page import NAME
from grader.selfcheck.last_run import FILE, NO_CHANGE
from grader.selfcheck.steps import STEP_IDS
from grader.selfcheck.summary import CHECKS_FOLDER, summarise
from grader.selfcheck.watch import Saves
from tests.support.places import ROOT

WAITING = "Waiting for the next save (python check.py --watch; Ctrl-C ends it).\n"
BLANK = (ROOT / "student_template" / "task1_cnn.py").read_bytes()
ENDLESS = (ROOT / "tests" / "submissions" / "broken-infinite-loop-in-forward" / "task1_cnn.py").read_bytes()


@pytest.fixture
def saves(tmp_path: Path) -> Iterator[Saves]:
    (tmp_path / CHECKS_FOLDER).mkdir()
    (tmp_path / "task1_cnn.py").write_bytes(BLANK)
    found = Saves(tmp_path)
    yield found
    found.stop()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ["task1_cnn.py", "blocks/layers.py", "part1_answers.ipynb", "answers.odt"])
def test_a_save_of_the_work_is_noticed(name: str, saves: Saves, tmp_path: Path) -> None:
    (tmp_path / "blocks").mkdir()
    (tmp_path / name).write_bytes(BLANK + b"\n")
    saves.wait()
    assert saves.is_saved
    saves.clear()
    assert not saves.is_saved


@pytest.mark.timeout(20)
def test_other_files_are_no_save(saves: Saves, tmp_path: Path) -> None:
    for name in (NAME, ".task1_cnn.py.swp", "~$answers.docx", f"{CHECKS_FOLDER}/{FILE}", f"{CHECKS_FOLDER}/a.py"):
        (tmp_path / name).write_bytes(BLANK)
    time.sleep(1.0)
    assert not saves.is_saved


@pytest.mark.timeout(20)
def test_a_save_ends_the_training(saves: Saves, tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    with saves.ending(process):
        assert process.poll() is None
        (tmp_path / "task1_cnn.py").write_bytes(BLANK + b"\n")
        assert process.wait(10.0) != 0
    late = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    with saves.ending(late):  # saved before it began
        assert late.returncode is not None


def test_a_check_that_a_save_has_ended_leaves_no_page_and_no_last_run(tmp_path: Path) -> None:
    (tmp_path / CHECKS_FOLDER).mkdir()
    (tmp_path / "task1_cnn.py").write_bytes(BLANK)
    places = (tmp_path / NAME, tmp_path / CHECKS_FOLDER / FILE)
    summary = summarise(tmp_path, STEP_IDS, is_kept=lambda check: False)
    assert (summary.page, summary.change) == ("", NO_CHANGE)
    assert not any(place.exists() for place in places)
    summarise(tmp_path, STEP_IDS)
    assert all(place.exists() for place in places)


@pytest.mark.timeout(30)
@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is sent as a signal")
def test_the_watch_checks_after_each_save_until_ctrl_c(tmp_path: Path) -> None:
    (tmp_path / "task1_cnn.py").write_bytes(BLANK)
    code = (
        "import pathlib, sys; from grader.selfcheck.command import main; sys.exit(main(pathlib.Path(sys.argv.pop(1))))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), "--watch"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        try:
            for number in range(2):
                shown = [*iter(watching.stdout.readline, WAITING)]
                assert "Next: conv1\n" in shown
                assert shown.count("Next: conv1\n") == sum(line.startswith("Next: ") for line in shown)
                (tmp_path / "task1_cnn.py").write_bytes(ENDLESS)
                time.sleep(1.0)  # now it runs, which takes longer than this test may
                (tmp_path / "task1_cnn.py").write_bytes(BLANK + b"\n" * number)
            watching.send_signal(signal.SIGINT)
            assert watching.stdout.read().endswith("The watch has ended.\n")
        except BaseException:
            watching.kill()  # nothing else ends it
            raise
    assert watching.returncode == 0
