"""The pytest side of the self-check: fixtures and hooks, which the conftest.py of a student's folder imports.

Points are added to ``item.user_properties`` when the tests are collected. If they were added later, when a test's
report is made, they would not get into the JUnit file.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from grader.rubric.loading import load_rubric
from grader.selfcheck import hints
from grader.selfcheck.console import lines, titled, with_progress
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.steps import points
from grader.selfcheck.summary import Summary, beginning, summarise
from grader.selfcheck.wording import FAULTS, Asked, Word, failure, word
from grader.selfcheck.written_work import Written

PARAMETER = "step"
"""The name of the test parameter that names the step."""
ANSWERS_FIXTURE = "written"
REQUESTED = pytest.StashKey[list[str]]()
"""The steps of this run; ``-k`` may leave some out."""
SUMMARY = pytest.StashKey[Summary]()
ALONE = pytest.StashKey[bool]()
"""Whether pytest was asked to distribute the tests, which it does not do here."""
_COLOURS = {
    Word.OK: {"green": True},
    Word.PART: {"red": True},
    Word.FAIL: {"red": True},
    Word.ERROR: {"red": True},
    Word.NEXT: {"cyan": True},
    Word.NOT_CHECKED: {"yellow": True},
    Word.UNDECIDED: {"yellow": True},
    None: {},
}


class StepResults:
    """The results of all steps, for the tests."""

    def __init__(self, check: SelfCheck, asked: Asked) -> None:
        self._check = check
        self._asked = asked

    def assert_passed(self, step: str) -> None:
        """Return if the step passed. Otherwise fail or skip the current test with the finding as the reason."""
        finding, state = self._check.findings[step], word(step, self._check)
        if state in FAULTS:
            pytest.fail(failure(step, finding, self._check, self._asked), pytrace=False)
        if state is not Word.OK:
            pytest.skip("Not written yet." if state is Word.NEXT else finding.message)


@pytest.fixture(scope="session")
def self_check(pytestconfig: pytest.Config) -> StepResults:
    """The results of the self-check for the script in the folder of the tests."""
    check = pytestconfig.stash[SUMMARY].check
    assert check is not None, "a test that asks for a step is collected with it"
    return StepResults(check, _asked(pytestconfig))


@pytest.fixture(scope="session")
def written(pytestconfig: pytest.Config) -> Written:
    """Which parts of the answer notebook have an answer."""
    return pytestconfig.stash[SUMMARY].written


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--hint``."""
    parser.addoption("--hint", **hints.OPTION)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let pytest-xdist, if it is there, distribute nothing: the check runs once, in one process."""
    option = config.option
    if getattr(option, "numprocesses", None) or getattr(option, "dist", "no") != "no":
        option.numprocesses, option.dist, option.tx = 0, "no", []
        config.stash[ALONE] = True


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
    folder, steps = own[0].path.parent, [step for item in own if (step := _step(item))]
    session.config.stash[REQUESTED] = steps
    session.config.stash[SUMMARY] = _summary(folder, steps, session.config)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fail the run if a step was skipped, because pytest -k with only that step must not look like a success."""
    summary, steps = session.config.stash.get(SUMMARY, None), session.config.stash.get(REQUESTED, [])
    check = summary.check if summary is not None else None
    if check is not None and exitstatus == 0 and any(word(step, check) is not Word.OK for step in steps):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the steps in order, the state of the written answers, and what to do next."""
    summary = config.stash.get(SUMMARY, None)
    if summary is None:
        return
    if summary.check is not None:
        terminalreporter.section(titled(summary))
    requested = config.stash[REQUESTED]
    for line in lines(summary, requested, _asked(config)):
        terminalreporter.write_line(line.text, bold=line.is_bold, **_COLOURS[line.state])


def _asked(config: pytest.Config) -> Asked:
    # Config.get_verbosity is not in pytest 7.
    return Asked(config.getoption("--hint"), int(config.option.verbose) > 0)


def _summary(folder: Path, steps: list[str], config: pytest.Config) -> Summary:
    reporter: pytest.TerminalReporter | None = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or not steps:  # another plugin controls the terminal
        return summarise(folder, steps)
    reporter.ensure_newline()
    if config.stash.get(ALONE, False):
        reporter.write_line("The self-check runs once, in one process; -n is ignored.")
    return with_progress(
        beginning(folder),
        lambda text: reporter.write(text, flush=True),
        lambda on_stage: summarise(folder, steps, on_stage),
    )


def _step(item: pytest.Item) -> str:
    call = getattr(item, "callspec", None)
    return str(call.params.get(PARAMETER, "")) if call is not None else ""


def _plain(number: Decimal) -> str:
    """1.50 as ``1.5`` and 2.00 as ``2``."""
    return f"{number.normalize():f}"
