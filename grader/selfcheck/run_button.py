"""What an editor's Run button on the students' test file does: the self-check, and then its page in the browser."""

from __future__ import annotations

import os
import sys
import time
import webbrowser
from pathlib import Path

import pytest

from grader.lab4 import self_check_page

_CLOCK_SECONDS = 2.0
"""How far a file's time may be off: FAT and some network drives store it in steps of two seconds."""


def check_and_show(file: str) -> int:
    """Run pytest on ``file`` and open the page if one was written. Returns the exit status of pytest."""
    start = time.time()
    status = pytest.main([file])
    page = Path(file).resolve().with_name(self_check_page.NAME)
    if has_screen() and page.is_file() and page.stat().st_mtime > start - _CLOCK_SECONDS:
        _open(page)
    return int(status)


def has_screen() -> bool:
    """Whether a browser can be shown: not on a build server, and not on Linux without a display."""
    if os.environ.get("CI"):
        return False
    return not sys.platform.startswith("linux") or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def _open(page: Path) -> None:
    try:
        webbrowser.open(page.as_uri())
    except (webbrowser.Error, OSError):  # there is no browser; the last line names the page
        return
