"""What is wrong with a run as a whole: a banner on every page of the run, and a notice in the terminal."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import pytest
from rich.console import Console

from grader.model import Canary, Run
from grader.report.console.progress import Progress
from grader.sandbox import Wish
from grader.sandbox.level import LACKS, level_of, shortfall
from tests.browser.written_runs import write_run
from tests.support import report_samples as samples
from tests.support.experiment_samples import with_experiment

FULL = str(level_of(tuple(LACKS), {}, wish=Wish.AUTO))
PARTIAL = str(level_of(("landlock", "calls"), {}, wish=Wish.AUTO))
LIMITS = str(level_of((), {}, wish=Wish.AUTO))
OFF = str(level_of((), {}, wish=Wish.OFF))
NOTHING_RAN = "no student code was run"


def run_at(isolation: str) -> Run:
    return dataclasses.replace(samples.RUN, isolation=isolation)


def observed_at(isolation: str) -> samples.SampleReport:
    seen = dataclasses.replace(samples.evidence(samples.training(1, 9800)), isolation=isolation)
    return samples.report("s1111111", seen=seen)


def pages_of(folder: Path, run: Run, *, evidence: str) -> dict[str, str]:
    """All pages of a run with every kind of submission. The student s1111111 was observed at the level ``evidence``."""
    reports = (observed_at(evidence), *samples.cohort(), with_experiment(samples.passed_report("s8901234")))
    write_run(folder, reports, run)
    written = {str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*.html")}
    assert len(written) == len(reports) + 2
    return written


def level_sentence(isolation: str) -> str:
    found = shortfall(isolation)
    assert found is not None
    return found.level


@pytest.mark.parametrize("isolation", [PARTIAL, LIMITS, OFF])
def test_every_page_has_the_banner_below_the_full_level(isolation: str, tmp_path: Path) -> None:
    for name, page in pages_of(tmp_path / "run", run_at(isolation), evidence=isolation).items():
        assert page.count(level_sentence(isolation)) == 1, name
        assert "<code>--isolation require</code> grades again" in page, name
        assert ("<code>python -m grader doctor</code> says what to do" in page) == (isolation != OFF), name


def test_every_page_for_tutors_says_what_is_missing(tmp_path: Path) -> None:
    for name, page in pages_of(tmp_path / "run", run_at(PARTIAL), evidence=PARTIAL).items():
        assert "Missing: own file system, own network" in page, name


@pytest.mark.parametrize("isolation", [FULL, NOTHING_RAN])
def test_no_page_has_the_banner_at_the_full_level_or_when_nothing_ran(isolation: str, tmp_path: Path) -> None:
    for name, page in pages_of(tmp_path / "run", run_at(isolation), evidence=FULL).items():
        assert "below the full level" not in page, name


@pytest.mark.parametrize("run", [FULL, NOTHING_RAN])
def test_reused_evidence_keeps_the_banner_of_its_own_level(run: str, tmp_path: Path) -> None:
    written = pages_of(tmp_path / "run", run_at(run), evidence=OFF)
    with_banner = [name for name, page in written.items() if level_sentence(OFF) in page]
    assert [name for name in with_banner if "s1111111" in name] == with_banner
    assert len(with_banner) == 1
    assert "<dt>Isolation</dt><dd>off: " in written[with_banner[0]]


def test_a_run_at_a_lower_level_marks_the_pages_of_full_evidence_too(tmp_path: Path) -> None:
    """At a low level, one submission can reach what another one left."""
    for name, page in pages_of(tmp_path / "run", run_at(LIMITS), evidence=FULL).items():
        assert level_sentence(LIMITS) in page, name


@pytest.mark.parametrize("is_quiet", [True, False])
def test_the_notice_comes_first_and_is_one_line_in_a_file(is_quiet: bool) -> None:
    stream = io.StringIO()
    progress = Progress(Console(file=stream, width=80), 0, is_quiet=is_quiet)
    progress.notice(run_at(LIMITS))
    first, *rest = stream.getvalue().splitlines()
    assert first.startswith(f"! {level_sentence(LIMITS)} Missing: own file system, ")
    assert first.endswith("grades again at the full level.")
    assert rest == []


def test_the_notice_fits_a_terminal() -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=60, force_terminal=True, color_system=None, _environ={"TERM": "xterm"})
    Progress(console, 0).notice(run_at(PARTIAL))
    lines = stream.getvalue().splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 60


# ---- a canary outside its range --------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_outside", [True, False])
def test_every_page_says_that_training_was_not_as_usual(is_outside: bool, tmp_path: Path) -> None:
    canary = Canary("outside the stored range: 0.10" if is_outside else "within the stored range: 0.81", is_outside)
    for name, page in pages_of(
        tmp_path / "run", dataclasses.replace(run_at(FULL), canary=canary), evidence=FULL
    ).items():
        assert ("Training was not as usual." in page) == is_outside, name
        assert f"<dt>Canary</dt><dd>{canary.text}</dd>" in page, name


def test_each_notice_is_printed_once() -> None:
    stream = io.StringIO()
    progress = Progress(Console(file=stream, width=80), 0)
    outside = dataclasses.replace(run_at(LIMITS), canary=Canary("outside the stored range", is_outside=True))
    for run in (run_at(LIMITS), run_at(LIMITS), outside, outside):
        progress.notice(run)
    first, second = stream.getvalue().splitlines()
    assert first.startswith(f"! {level_sentence(LIMITS)}")
    assert second.startswith("! Training was not as usual. The grader's test networks are outside the stored range.")
