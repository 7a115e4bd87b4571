"""A fixture for the tests that load submissions in their own process."""

from __future__ import annotations

import linecache
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def process_kept() -> Iterator[None]:
    """A child loads one submission and ends; here many are loaded in one process."""
    modules, path, meta, argv, folder = set(sys.modules), sys.path[:], sys.meta_path[:], sys.argv[:], Path.cwd()
    writes = sys.dont_write_bytecode
    yield
    for name in set(sys.modules) - modules:
        place = str(getattr(sys.modules[name], "__file__", "") or "")
        if name.startswith("submission_") or "pytest-of" in place:
            del sys.modules[name]
    sys.path[:], sys.meta_path[:], sys.argv[:], sys.dont_write_bytecode = path, meta, argv, writes
    linecache.clearcache()
    os.chdir(folder)
