"""Read the cells of a Jupyter notebook, in all formats (1 to 4), even if nbformat rejects the file.

Used to choose the script, to load it, to find the written answers, and to show students what is missing.
docs/dependencies.md says why nbformat does not read them.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

_NEWEST_FORMAT = 4
_SPACE = codecs.BOM_UTF8 + b" \t\r\n\f"


@dataclass(frozen=True)
class Cell:
    """A cell. ``kind`` is ``code``, ``markdown``, ``raw``, ``heading`` or anything else; ``source`` is its text.

    ``content`` is everything in the file: metadata, outputs, attachments.
    """

    kind: object
    source: str
    content: Mapping[str, Any]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What Jupyter, its extensions and templates store with the cell."""
        return _object(self.content.get("metadata"))

    @property
    def grade_id(self) -> object:
        """nbgrader's id of the cell; None without one."""
        return _object(self.metadata.get("nbgrader")).get("grade_id")


@dataclass(frozen=True)
class Notebook:
    """All readable cells in order.

    ``is_whole`` says that the format is known, every cell has a kind, and every code cell has text.
    """

    cells: tuple[Cell, ...]
    is_whole: bool


def is_notebook(path: PurePath, data: bytes) -> bool:
    """Whether a file is a notebook, by its name or by its content."""
    if path.suffix.casefold() == ".ipynb":
        return True
    return data.lstrip(_SPACE)[:1] == b"{" and b'"cells"' in data and b'"nbformat"' in data


def read_notebook(text: str) -> Notebook:
    """Read a notebook. Raises ValueError if ``text`` is not JSON, RecursionError if it is nested too deeply.

    The caller limits the size of ``text``: each JSON object takes some hundred bytes of memory.
    """
    document = json.loads(text)
    if not isinstance(document, dict):
        return Notebook((), is_whole=False)
    version = document.get("nbformat", 1)
    is_known = type(version) is int and 1 <= version <= _NEWEST_FORMAT
    sheets = document.get("worksheets", [])
    lists = [holder["cells"] for holder in [document, *_objects(sheets)] if "cells" in holder]
    entries = [entry for cells in lists for entry in _objects(cells)]
    is_whole = (
        is_known
        and bool(entries or "cells" in document)
        and all(_is_list_of_objects(value) for value in [sheets, *lists])
        and all(_is_whole(entry) for entry in entries)
    )
    return Notebook(tuple(Cell(entry.get("cell_type"), _source(entry), entry) for entry in entries), is_whole)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> list[dict[str, Any]]:
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def _is_list_of_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(entry, dict) for entry in value)


def _text(cell: Mapping[str, Any]) -> Any:
    """``source`` since format 4, ``input`` or ``code`` before; text or a list of lines."""
    return next((cell[name] for name in ("source", "input", "code") if name in cell), "")


def _is_whole(cell: Mapping[str, Any]) -> bool:
    text = _text(cell)
    is_text = isinstance(text, str) or (isinstance(text, list) and all(isinstance(line, str) for line in text))
    return "cell_type" in cell and (is_text or cell["cell_type"] != "code")


def _source(cell: Mapping[str, Any]) -> str:
    text = _text(cell)
    if isinstance(text, list):
        return "".join(line for line in text if isinstance(line, str))
    return text if isinstance(text, str) else ""
