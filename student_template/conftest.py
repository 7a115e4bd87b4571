"""Connects ``pytest`` with the checks in the folder ``selfcheck``. Please do not change this file."""

import runpy
from pathlib import Path

import pytest

if int(pytest.__version__.partition(".")[0]) < 7:
    raise SystemExit(
        f"pytest 7 or newer is needed; this is {pytest.__version__}: python -m pip install --upgrade pytest"
    )
try:
    runpy.run_path(str(Path(__file__).resolve().with_name("check.py")))  # finds the folder selfcheck
    from grader.selfcheck.pytest_plugin import (
        pytest_addoption,
        pytest_collection_modifyitems,
        pytest_configure,
        pytest_runtestloop,
        pytest_sessionfinish,
        pytest_terminal_summary,
        self_check,
        written,
    )
except FileNotFoundError:
    raise SystemExit("A part of the self-check is missing (check.py): unzip lab4.zip again.") from None
except ModuleNotFoundError as problem:
    raise SystemExit(
        f"{problem.name} is not installed: python -m pip install torch torchvision pytest rapidfuzz"
    ) from None
