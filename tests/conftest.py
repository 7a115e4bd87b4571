"""The order of the test files: those that take minutes come first, so that no process ends with one of them alone."""

from __future__ import annotations

import pytest

LONGEST_FIRST = (
    "test_cohort.py",
    "test_grading.py",
    "test_selfcheck.py",
    "test_attacks.py",
    "test_measuring.py",
    "test_networks.py",
    "test_solution.py",
    "test_handout.py",
    "test_experiment.py",
    "test_sandbox.py",
    "test_hostile_text.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort by file, and leave the order within a file as it is."""
    places = {name: place for place, name in enumerate(LONGEST_FIRST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))
