"""Reads the text layer of PDF files in a separate process, so that a malicious file can be stopped from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.answers.documents.document import Document, Unreadable, bounded
from grader.answers.documents.pdf_process import LOCKED, NOT_INSTALLED
from grader.answers.documents.text import read_bytes, split
from grader.model import GraderFault

LARGEST_PDF = 50_000_000
"""Bytes."""
MOST_PAGES = 40
LONGEST_SECONDS = 10.0
"""Wall time for one file. The sheet takes under a second."""
_BROKEN = re.compile(r"\b([A-Za-z]{2,})[-\u00ad\u2010] ?\n(?=[a-z]{2})")
"""A word that is hyphenated at the end of a line."""
_OWN_HYPHEN = frozenset(
    {"max", "mean", "average", "non", "self", "one", "two", "over", "pre", "multi", "down", "high", "low"}
)
"""First halves that keep their hyphen at the end of a line: ``max-pooling``."""
_NUMBER = re.compile(r"\d+")
_MOST_HEADS = 3
_PROGRAM = Path(__file__).with_name("pdf_process.py")


@dataclass(frozen=True)
class _Page:
    """``has_marks`` says that the page has annotations: typed notes, ink, filled form fields."""

    text: str
    has_picture: bool
    has_marks: bool


def read_pdf(path: Path, *, seconds: float = LONGEST_SECONDS, keeps_columns: bool = False) -> Document:
    """The text of at most ``MOST_PAGES`` pages. Raises :class:`Unreadable` for a scan, which is not an empty answer.

    With ``keeps_columns``, lines begin in the column in which they are shown: right for code, but not for prose.
    """
    name = path.name
    data = read_bytes(path, LARGEST_PDF)
    if b"%PDF" not in data[:1024]:
        raise Unreadable(f"{name} is not a readable PDF; it may be damaged.")
    command = [sys.executable, "-I", str(_PROGRAM), str(MOST_PAGES), str(int(seconds) + 1)]
    command.append("layout" if keeps_columns else "plain")
    environment = {key: value for key, value in os.environ.items() if key in {"PATH", "SYSTEMROOT", "TMPDIR"}}
    problem = ""
    try:
        done = subprocess.run(command, input=data, capture_output=True, timeout=seconds, env=environment, check=False)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as late:
        output, status = late.stdout or b"", 0
        problem = f"{name} could not be read within {seconds:g} seconds, so a person must read it."
    if status == NOT_INSTALLED:
        raise GraderFault("pypdf is not installed, so the grader cannot read PDFs: install its requirements again.")
    if status == LOCKED:
        raise Unreadable(f"{name} is protected by a password, so a person must read it.")
    pages = list(_pages(output))
    if not pages:
        raise Unreadable(problem or f"{name} is not a readable PDF; it may be damaged.")
    if not any(page.text.strip() for page in pages):
        raise Unreadable(problem or f"{name} has no text layer (a scan or a picture), so a person must read it.")
    if problem or status != 0:
        problem = f"{name} could not be read to its end, so only its start was read."
    elif any(page.has_marks for page in pages):
        problem = f"{name} has notes or handwriting on its pages, which only a person can read."
    elif len(pages) == MOST_PAGES:
        problem = f"{name} has {MOST_PAGES} pages or more, so only its start was read."
    has_pictures = any(page.has_picture or page.has_marks for page in pages)
    text = "\n".join(_without_running_heads([page.text for page in pages]))
    text = text if keeps_columns else _BROKEN.sub(_joined, text)
    return bounded(name, split(text), problem=problem, has_pictures=has_pictures)


def _without_running_heads(pages: list[str]) -> list[str]:
    """The pages without the lines at the top and bottom that each has, such as a date or the page's number."""
    lines = [page.strip("\n").split("\n") for page in pages]
    for place in (0, -1):
        for _ in range(_MOST_HEADS):
            edges = [_NUMBER.sub("0", page[place]).strip() if page else "" for page in lines]
            if len(pages) < 2 or len(set(edges)) > 1 or not edges[0]:
                break
            for page in lines:
                page.pop(place)
    return ["\n".join(page) for page in lines]


def _joined(broken: re.Match[str]) -> str:
    word = broken.group(1)
    return f"{word}-" if word.lower() in _OWN_HYPHEN else word


def _pages(output: bytes) -> Iterator[_Page]:
    """A page for each complete line that the process wrote."""
    for line in output.split(b"\n")[:-1]:
        text, has_picture, has_marks = json.loads(line)
        yield _Page(text, has_picture, has_marks)
