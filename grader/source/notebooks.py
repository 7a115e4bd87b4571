"""The cells of a Jupyter notebook, in every format there has been (1 to 4), also where nbformat refuses the file.

It is read for four purposes: to find the script among a submission's files, to load that script, to find the written
answers, and to tell students what is missing. Why it is not read with nbformat is in docs/dependencies.md.
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
    """``kind`` is ``code``, ``markdown``, ``raw``, ``heading`` or whatever stands there; ``source`` is its text.

    ``content`` is all that the file says of it: metadata, outputs, attachments.
    """

    kind: object
    source: str
    content: Mapping[str, Any]

    @property
    def metadata(self) -> Mapping[str, Any]:
        """What Jupyter's extensions and templates wrote at the cell."""
        return _object(self.content.get("metadata"))

    @property
    def grade_id(self) -> object:
        """nbgrader's name of the cell; None without one."""
        return _object(self.metadata.get("nbgrader")).get("grade_id")


@dataclass(frozen=True)
class Notebook:
    """The cells in order. Nothing that could be read is left out.

    ``is_whole`` says that it is of a known format, and that every cell has a kind and every code cell a text.
    """

    cells: tuple[Cell, ...]
    is_whole: bool


def is_notebook(path: PurePath, data: bytes) -> bool:
    """Whether a file is to be read as a notebook: by its name, or by what a notebook with another name holds."""
    if path.suffix.casefold() == ".ipynb":
        return True
    return data.lstrip(_SPACE)[:1] == b"{" and b'"cells"' in data and b'"nbformat"' in data


def read_notebook(text: str) -> Notebook:
    """The notebook in ``text``. Raises ValueError for what is not JSON, RecursionError for what is nested too deeply.

    Whoever reads a stranger's notebook limits the size of ``text`` first: an object takes some hundred bytes.
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
    """``source`` since format 4, ``input`` and ``code`` before; a text or a list of lines."""
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
