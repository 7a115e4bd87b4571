"""A small, fixed part of what ``nox -s fuzz`` tries; and the fuzzer notices what is wrong."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.configuration import set_hypothesis_home_dir

from tests.fuzz import session
from tests.fuzz.corpus import CARRIERS
from tests.fuzz.properties import Place, grow_linearly, key
from tests.fuzz.strategies import blow_ups
from tests.fuzz.targets import HANDED_IN, Target, explore

EXAMPLES = 10
"""For each kind of what is handed in: as many as take some 20 s of CPU time together with the long files."""
LONG_EXAMPLES = 1
SHARE = 1 / 16
"""Long files have 60 kB instead of 1 MB."""


@pytest.fixture(autouse=True)
def hypothesis_home(tmp_path: Path) -> Iterator[None]:
    set_hypothesis_home_dir(tmp_path / "hypothesis")
    key()  # which takes seconds, in nobody's time
    yield
    set_hypothesis_home_dir(None)


@pytest.mark.parametrize("name", HANDED_IN)
def test_whatever_is_handed_in_is_read(name: str, tmp_path: Path) -> None:
    explore(HANDED_IN[name], Place(tmp_path / "place"), examples=EXAMPLES, seed=0)


@pytest.mark.parametrize("name", CARRIERS)
def test_time_grows_linearly(name: str, tmp_path: Path) -> None:
    explore(Target(blow_ups(name, SHARE), grow_linearly), Place(tmp_path / "place"), examples=LONG_EXAMPLES, seed=0)


@pytest.fixture
def fuzz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> session.Fuzzing:
    """A run of the fuzzer with a target that raises and one that ends the process."""

    def ends(place: Place) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    files = st.just({"ann/task1_cnn.py": b"x"})
    monkeypatch.setitem(session.TARGETS, "raises", Target(files, lambda place: print(1 / 0)))
    monkeypatch.setitem(session.TARGETS, "ends", Target(files, ends))
    return session.Fuzzing(tmp_path / "out", seed=0)


@pytest.mark.parametrize(("name", "reason"), [("raises", "ZeroDivisionError"), ("ends", "SIGKILL")])
def test_the_fuzzer_keeps_what_went_wrong_once(fuzz: session.Fuzzing, name: str, reason: str, tmp_path: Path) -> None:
    for seed in range(2):
        fuzz.round(name, seed, tmp_path)
    (folder,) = fuzz.findings.values()
    assert fuzz.tallies[name].findings == 2
    assert reason in (folder / "reason.txt").read_text(encoding="utf-8")
    assert (folder / "files" / "ann" / "task1_cnn.py").read_bytes() == b"x"


def test_a_finding_is_read_again(fuzz: session.Fuzzing, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fuzz.round("raises", 0, tmp_path)
    (folder,) = fuzz.findings.values()
    assert session.main(["--again", str(folder)]) == 1
    assert "ZeroDivisionError" in capsys.readouterr().out
    (folder / "target.txt").write_text("scripts", encoding="utf-8")
    assert session.main(["--again", str(folder)]) == 0


def test_the_command_says_what_it_found(
    fuzz: session.Fuzzing, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["0.2", "--only", "raises", "--out", str(tmp_path / "out")]
    assert session.main(command) == 1
    assert f"--again {tmp_path / 'out' / 'findings' / 'raises-1'}" in capsys.readouterr().out
