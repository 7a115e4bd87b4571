"""Faults of the disk: which place a message names."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from grader.storage.disk import DiskFault, disk_faults


@pytest.mark.parametrize("is_scratch_full", [True, False])
def test_a_write_without_a_file_name_blames_the_place_that_is_full(
    is_scratch_full: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tempfile.gettempdir()
    usage = {scratch: 0 if is_scratch_full else 9, str(tmp_path): 5}
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=usage[str(place)]))
    full = scratch if is_scratch_full else tmp_path
    with pytest.raises(DiskFault, match=f"The disk is full at {full}: free some space"), disk_faults(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
