"""Read the code of a script or notebook for the choice of the script, even if the file is damaged."""

from __future__ import annotations

from pathlib import Path

from grader.source.decoding import readable, utf16_by_nuls, with_newlines
from grader.source.notebooks import is_notebook, read_notebook
from grader.source.script import NUL_SHARE
from grader.submissions.files import MIB

SCRIPT_LIMIT = MIB
NOTEBOOK_LIMIT = 20 * MIB
"""Notebooks contain their plots as text."""
_SAMPLE = 200
"""Bytes at the beginning that are searched for the NUL bytes of UTF-16."""


def limit(name: str) -> int:
    """The largest size in bytes that a script called ``name`` may have."""
    return NOTEBOOK_LIMIT if name.casefold().endswith(".ipynb") else SCRIPT_LIMIT


def code_pieces(path: Path) -> tuple[str, ...]:
    r"""The code of a script as one piece, or a piece for each code cell of a notebook.

    Line ends are ``\n``; bytes that are not text become U+FFFD. At most ``SCRIPT_LIMIT`` characters
    together: a notebook may be larger than a script, but not the code in it.
    """
    with path.open("rb") as stream:
        raw = stream.read(limit(path.name))
    text = with_newlines(readable(raw, utf16=utf16_by_nuls(raw[:_SAMPLE], NUL_SHARE), otherwise=lambda _: "utf-8"))
    pieces = _cells(text) if is_notebook(path, raw) else (text,)
    room = SCRIPT_LIMIT
    kept = []
    for piece in pieces:
        kept.append(piece[:room])
        room = max(0, room - len(piece) - 1)
    return tuple(kept)


def _cells(text: str) -> tuple[str, ...]:
    try:
        cells = read_notebook(text).cells
    except (ValueError, RecursionError):
        # In a damaged notebook, the lines are still there in quotes.
        return (text.replace("\\n", "\n").replace('\\"', "'").replace('"', " "),)
    return tuple(cell.source for cell in cells if cell.kind == "code")
