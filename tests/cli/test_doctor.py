"""``doctor``: what it prints about this machine, and about machines on which something is missing."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

from grader.cli.doctor import DoctorLine, _isolation, examine
from grader.report.console.summary import make_console, print_doctor_line
from grader.sandbox import Wish
from grader.sandbox.level import level_of
from grader.worker.isolate import capabilities
from tests.support.places import ROOT


def by_subject(lines: list[DoctorLine]) -> dict[str, DoctorLine]:
    return {line.subject.strip(): line for line in lines}


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> dict[str, DoctorLine]:
    return by_subject(list(examine(None, environment={}, cache=tmp_path_factory.mktemp("cache"))))


@pytest.mark.slow
def test_every_subject_is_examined(here: dict[str, DoctorLine]) -> None:
    assert {"Python", "Packages", "Isolation", "Devices", "Data", "Machine", "Disk"} <= set(here)
    assert "torch " in here["Packages"].text
    assert here["Python"].is_fine


def test_the_graders_own_images_are_always_there(here: dict[str, DoctorLine]) -> None:
    assert here["Data"].is_fine
    assert here["Data"].text == "MNIST: 8,000 training and 2,000 test images of the grader itself"


def test_unusable_data_is_named(tmp_path: Path) -> None:
    lines = examine(str(tmp_path / "nowhere"), environment={}, cache=tmp_path, prefix=["no-such-command"])
    found = by_subject(list(lines))
    assert "this folder does not exist" in found["Data"].advice
    assert "no-such-command" in found["Worker"].text


def test_the_full_level_needs_no_advice() -> None:
    (line,) = _isolation(level_of(capabilities.STEPS, {}, wish=Wish.AUTO))
    assert line.is_fine
    assert line.text.startswith("full: ")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the advice is Linux's")
def test_missing_isolation_is_named_once_with_advice() -> None:
    refusals = dict.fromkeys((capabilities.PID, capabilities.NAMESPACES, capabilities.VIEW), "Operation not permitted")
    lines = list(_isolation(level_of((capabilities.LANDLOCK, capabilities.CALLS), refusals, wish=Wish.AUTO)))
    assert [line.subject.strip() for line in lines] == ["Isolation", "own process space", "own network"]
    assert lines[0].text.startswith("partial: no files but its own and the libraries; no sockets")
    assert "sysctl" in lines[1].advice
    assert lines[2].advice == "As above."


@pytest.mark.parametrize("width", [40, 80, 120])
def test_remarks_fit_the_console_and_show_no_control_characters(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    print_doctor_line(make_console(stream), "Data", "MNIST \x1b[31mred " + "word " * 40, "Copy [bold]it[/bold]. " * 5)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    assert "\x1b" not in stream.getvalue()
    assert "[bold]" in stream.getvalue()


@pytest.mark.slow
def test_doctor_exits_with_1_when_something_is_missing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "grader", "doctor", "--data", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 1
    assert "! Data" in done.stdout
    assert "Isolation" in done.stdout
