"""PDF: the text layer, read by a process of its own, so that a file made to hang or to grow is stopped from outside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from grader.answers.reading.document import Document, Unreadable, bounded
from grader.answers.reading.pdf_process import NOT_INSTALLED
from grader.answers.reading.plain import read_bytes, split
from grader.model import GraderFault

LARGEST_PDF = 50_000_000
"""Bytes."""
MOST_PAGES = 40
LONGEST_SECONDS = 30.0
"""Wall time for one file. The sheet takes under a second."""
_PROGRAM = Path(__file__).with_name("pdf_process.py")


def read_pdf(path: Path, *, seconds: float = LONGEST_SECONDS) -> Document:
    """The text of at most ``MOST_PAGES`` pages; a scan without text is unreadable, which is no empty answer."""
    if not read_bytes(path, LARGEST_PDF).lstrip()[:1024].count(b"%PDF"):
        raise Unreadable(f"{path.name} is not a PDF that can be read; it may be damaged.")
    command = [sys.executable, "-I", str(_PROGRAM), str(path.resolve()), str(MOST_PAGES), str(int(seconds) + 1)]
    environment = {name: value for name, value in os.environ.items() if name in {"PATH", "SYSTEMROOT", "TMPDIR"}}
    try:
        done = subprocess.run(command, capture_output=True, timeout=seconds, env=environment, check=False)
    except subprocess.TimeoutExpired as error:
        raise Unreadable(f"{path.name} could not be read within {seconds:.0f} seconds.") from error
    text = done.stdout.decode("utf-8", errors="replace")
    if done.returncode == NOT_INSTALLED:
        raise GraderFault("pypdf is not installed, so no PDF can be read: install the grader's requirements again.")
    if done.returncode != 0:
        raise Unreadable(f"{path.name} is not a PDF that can be read; it may be damaged or protected.")
    if not text.strip():
        raise Unreadable(f"{path.name} has no text layer (a scan or a picture), so a person must read it.")
    return bounded(path.name, split(text))
