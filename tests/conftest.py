"""The order of the test files: those that take minutes come first, so that no process still runs one at the end.

All tests use the bundled images, so that they show the same on every machine.
"""

from __future__ import annotations

import gc
import signal
from collections.abc import Generator, Iterator

import pytest

from tests.support.places import TESTS

LONGEST_FIRST = (
    "pipeline/test_sample_cohort.py",
    "pipeline/test_one_fault.py",
    "pipeline/test_cohort.py",
    "cli/test_command.py",
    "export/test_round_trip.py",
    "similarity/test_comparison.py",
    "pipeline/test_cluster.py",
    "selfcheck/test_selfcheck.py",
    "sandbox/test_attacks.py",
    "measure/test_replay.py",
    "pipeline/test_networks.py",
    "test_solution.py",
    "selfcheck/test_handout.py",
    "experiment/test_experiment.py",
    "sandbox/test_sandbox.py",
    "report/test_hostile_text.py",
)


def pytest_configure() -> None:
    """Let Ctrl-C reach the processes that tests start, also where a shell runs the tests in the background."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect the tests without a search for garbage, which takes a quarter of the time and finds none."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort the tests by file, without changing the order within a file."""
    places = {TESTS / name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="session", autouse=True)
def bundled_images() -> Iterator[None]:
    """Remove the variable that names other images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("LAB4_DATA", raising=False)
        yield


@pytest.fixture(scope="module")
def same_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The runs of a test file share their workers: see :mod:`tests.support.same_workers`."""
    from tests.support.same_workers import sharing_workers  # loads torch

    with sharing_workers(tmp_path_factory.mktemp("workers")):
        yield
