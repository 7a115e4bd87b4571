"""The pytest side of the self-check: fixtures and hooks, which the conftest.py of a student's folder imports.

Points are added to ``item.user_properties`` when the tests are collected. If they were added later, when a test's
report is made, they would not get into the JUnit file.
"""

from __future__ import annotations

import tempfile
import time
from decimal import Decimal
from pathlib import Path

import pytest

from grader.lab4.files import SCRIPT
from grader.model import Status
from grader.model.experiment import Experiment
from grader.rubric.loading import load_rubric
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.run import run_self_check
from grader.selfcheck.steps import points
from grader.selfcheck.wording import STAGES, answers, experiments, failure, next_step, notes, overview
from grader.selfcheck.work import take_up
from grader.selfcheck.written_work import Written, look_at_answers, look_at_experiments

PARAMETER = "step"
"""The name of the test parameter that names the step."""
ANSWERS_FIXTURE = "written"
REQUESTED = pytest.StashKey[list[str]]()
"""The steps of this run; ``-k`` may leave some out."""
CHECK = pytest.StashKey[SelfCheck]()
WRITTEN = pytest.StashKey[Written]()
EXPERIMENT = pytest.StashKey[Experiment | None]()
_COLOURS = {
    Status.PASSED: {"green": True},
    Status.FAILED: {"red": True},
    Status.PARTIAL: {"red": True},
    Status.ERROR: {"red": True},
    Status.SKIPPED: {"yellow": True},
    Status.NEEDS_REVIEW: {"yellow": True},
}


class StepResults:
    """The results of all steps, for the tests."""

    def __init__(self, check: SelfCheck, *, verbose: bool) -> None:
        self._check = check
        self._verbose = verbose

    def assert_passed(self, step: str) -> None:
        """Return if the step passed. Otherwise fail or skip the current test with the finding as the reason."""
        finding = self._check.findings[step]
        if finding.status in (Status.SKIPPED, Status.NEEDS_REVIEW):
            pytest.skip(finding.message)
        if finding.status is not Status.PASSED:
            pytest.fail(failure(step, finding, self._check, verbose=self._verbose), pytrace=False)


@pytest.fixture(scope="session")
def self_check(pytestconfig: pytest.Config) -> StepResults:
    """The results of the self-check for the script in the folder of the tests."""
    return StepResults(pytestconfig.stash[CHECK], verbose=pytestconfig.get_verbosity() > 0)


@pytest.fixture(scope="session")
def written(pytestconfig: pytest.Config) -> Written:
    """Which parts of the answer notebook have an answer."""
    return pytestconfig.stash[WRITTEN]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Write the points of each check into the JUnit file."""
    worth = points(load_rubric())
    for item in items:
        step = _step(item)
        if step in worth:
            item.user_properties.append(("points", _plain(worth[step])))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Run the self-check once, before the first test, and show its progress."""
    if session.config.option.collectonly or session.testsfailed:
        return
    own = [item for item in session.items if _step(item) or ANSWERS_FIXTURE in getattr(item, "fixturenames", ())]
    if not own:
        return
    folder = own[0].path.parent
    session.config.stash[REQUESTED] = [step for item in own if (step := _step(item))]
    if session.config.stash[REQUESTED]:
        session.config.stash[CHECK] = _run(folder, session.config)
    with tempfile.TemporaryDirectory(prefix="lab4-", ignore_cleanup_errors=True) as scratch:
        work = take_up(folder, Path(scratch))
        session.config.stash[WRITTEN] = look_at_answers(work, [criterion.id for criterion in load_rubric().part1])
        session.config.stash[EXPERIMENT] = look_at_experiments(work)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the run if a step was skipped, because pytest -k with only that step must not look like a success."""
    check, steps = session.config.stash.get(CHECK, None), session.config.stash.get(REQUESTED, [])
    if check is not None and exitstatus == 0 and any(check.findings[step].status != Status.PASSED for step in steps):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the steps in order, the state of the written answers, and what to do next."""
    check, written, ids = (
        config.stash.get(CHECK, None),
        config.stash.get(WRITTEN, None),
        config.stash.get(REQUESTED, []),
    )
    verbose = config.get_verbosity() > 0
    if check is not None:
        terminalreporter.section(f"{SCRIPT}, step by step")
        for line in notes(check):
            terminalreporter.write_line(line)
        for line, status in overview(check, ids, verbose=verbose):
            terminalreporter.write_line(line, **_COLOURS[status])
        terminalreporter.write_line("")
    if written is not None:
        for line in (*answers(written), *experiments(config.stash[EXPERIMENT])):
            terminalreporter.write_line(line)
    if check is not None:
        terminalreporter.write_line("")
        for line in next_step(check.findings, ids):
            terminalreporter.write_line(line, bold=True)


def _run(folder: Path, config: pytest.Config) -> SelfCheck:
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # another plugin controls the terminal
        return run_self_check(folder)
    start = time.monotonic()
    reporter.ensure_newline()
    reporter.write_line(f"Checking Net in {SCRIPT}; this takes about 5 to 25 seconds.")
    progress = _Line(reporter)
    check = run_self_check(folder, on_stage=lambda stage: progress.add(STAGES.get(stage, stage)))
    progress.add(f"{time.monotonic() - start:.0f} s")
    reporter.write_line("")
    return check


class _Line:
    """Prints words as they come, on lines of at most 78 characters."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._width = 0

    def add(self, word: str) -> None:
        """Print a word immediately, after a comma unless it is the first."""
        text = f", {word}" if self._width else f"  {word}"
        if self._width + len(text) > 78:
            self._reporter.write_line(",")
            text, self._width = f"  {word}", 0
        self._reporter.write(text, flush=True)
        self._width += len(text)


def _step(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return str(call.params.get(PARAMETER, "")) if call is not None else ""


def _plain(number: Decimal) -> str:
    """1.50 as ``1.5`` and 2.00 as ``2``."""
    return f"{number.normalize():f}"
