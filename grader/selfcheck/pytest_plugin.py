"""The self-check as seen by pytest: its fixtures and hooks, which the conftest.py of a student's folder takes over.

Points go into ``item.user_properties`` when the tests are collected: what is added when a test's report is made never
reaches a JUnit file.
"""

from __future__ import annotations

import os
import time
from decimal import Decimal
from pathlib import Path

import pytest

from grader.lab4.files import SCRIPT
from grader.model import Status
from grader.model.experiment import Experiment
from grader.rubric.loading import load_rubric
from grader.selfcheck.run import SelfCheck, run_self_check
from grader.selfcheck.steps import points
from grader.selfcheck.wording import STAGES, answers, experiments, images, next_step, overview, told
from grader.selfcheck.written_work import Written, look_at_answers, look_at_experiments

PARAMETER = "step"
"""The name of the parameter by which a test says which step it is."""
ANSWERS_FIXTURE = "written"
ASKED = pytest.StashKey[list[str]]()
"""The steps that this run was asked for; ``-k`` may have left some out."""
CHECK = pytest.StashKey[SelfCheck]()
WRITTEN = pytest.StashKey[Written]()
TRIED = pytest.StashKey[Experiment | None]()
_COLOURS = {
    Status.PASSED: {"green": True},
    Status.FAILED: {"red": True},
    Status.PARTIAL: {"red": True},
    Status.ERROR: {"red": True},
    Status.SKIPPED: {"yellow": True},
    Status.NEEDS_REVIEW: {"yellow": True},
}


class Teller:
    """What a test asks: does this step hold?"""

    def __init__(self, check: SelfCheck, *, verbose: bool) -> None:
        self._check = check
        self._verbose = verbose

    def tell(self, step: str) -> None:
        """Pass, or fail with what was expected, what was seen and what to try, or be skipped with the reason."""
        finding = self._check.findings[step]
        if finding.status in (Status.SKIPPED, Status.NEEDS_REVIEW):
            pytest.skip(finding.message)
        if finding.status is not Status.PASSED:
            pytest.fail(told(step, finding, self._check, verbose=self._verbose), pytrace=False)


@pytest.fixture(scope="session")
def self_check(pytestconfig: pytest.Config) -> Teller:
    """The findings on the script in the folder of the tests."""
    return Teller(pytestconfig.stash[CHECK], verbose=pytestconfig.get_verbosity() > 0)


@pytest.fixture(scope="session")
def written(pytestconfig: pytest.Config) -> Written:
    """Which written answers are there."""
    return pytestconfig.stash[WRITTEN]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say in a JUnit file what each check is worth when it is marked."""
    worth = points(load_rubric())
    for item in items:
        step = _step(item)
        if step in worth:
            item.user_properties.append(("points", _plain(worth[step])))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Look at the script once, before the first test, and say meanwhile what is going on."""
    if session.config.option.collectonly or session.testsfailed:
        return
    mine = [item for item in session.items if _step(item) or ANSWERS_FIXTURE in getattr(item, "fixturenames", ())]
    if not mine:
        return
    folder = mine[0].path.parent
    session.config.stash[ASKED] = [step for item in mine if (step := _step(item))]
    if session.config.stash[ASKED]:
        session.config.stash[CHECK] = _look(folder, session.config)
    session.config.stash[WRITTEN] = look_at_answers(folder)
    session.config.stash[TRIED] = look_at_experiments(folder)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A step that was skipped does not hold: whoever asks for that step alone must not see a success."""
    check, steps = session.config.stash.get(CHECK, None), session.config.stash.get(ASKED, [])
    if check is not None and exitstatus == 0 and any(check.findings[step].status != Status.PASSED for step in steps):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """End with the steps in order, the state of the written answers, and what to do next."""
    check, written, ids = config.stash.get(CHECK, None), config.stash.get(WRITTEN, None), config.stash.get(ASKED, [])
    verbose = config.get_verbosity() > 0
    if check is not None:
        terminalreporter.section(f"{SCRIPT}, step by step")
        for line, status in overview(check, ids, verbose=verbose):
            terminalreporter.write_line(line, **_COLOURS[status])
        terminalreporter.write_line("")
    if written is not None:
        for line in (*answers(written), *experiments(config.stash[TRIED])):
            terminalreporter.write_line(line)
    if check is not None:
        for line in images(check):
            terminalreporter.write_line(line)
        terminalreporter.write_line("")
        for line in next_step(check.findings, ids):
            terminalreporter.write_line(line, bold=True)


def _look(folder: Path, config: pytest.Config) -> SelfCheck:
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None:  # another plugin has taken the terminal over
        return run_self_check(folder, os.environ)
    start = time.monotonic()
    reporter.ensure_newline()
    reporter.write_line(f"Looking at Net in {SCRIPT}; this takes some 5 to 25 seconds.")
    words = _Line(reporter)
    check = run_self_check(folder, os.environ, on_stage=lambda stage: words.add(STAGES.get(stage, stage)))
    words.add(f"{time.monotonic() - start:.0f} s")
    reporter.write_line("")
    return check


class _Line:
    """Words that come one by one, on lines of at most 78 characters."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._width = 0

    def add(self, word: str) -> None:
        """Write a word at once, with a comma before it."""
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
