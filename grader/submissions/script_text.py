"""The text of a file as far as choosing a script needs it: decoded tolerantly, a notebook cut down to its code."""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

MIB = 1 << 20
SCRIPT_LIMIT = MIB
NOTEBOOK_LIMIT = 20 * MIB
"""Notebooks carry their plots as text."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


def limit(name: str) -> int:
    """The largest size in bytes that a script called ``name`` may have."""
    return NOTEBOOK_LIMIT if name.casefold().endswith(".ipynb") else SCRIPT_LIMIT


def code_text(path: Path) -> str:
    r"""The Python text of a script or notebook, newlines made ``\n``; bytes that are no text become U+FFFD.

    At most ``SCRIPT_LIMIT`` characters of it: a notebook may be larger than a script, but not the code in it.
    """
    with path.open("rb") as stream:
        raw = stream.read(limit(path.name))
    text = _decoded(raw).replace("\r\n", "\n").replace("\r", "\n")
    is_notebook = path.name.casefold().endswith(".ipynb") or (text.lstrip()[:1] == "{" and '"cells"' in text)
    return (_notebook_code(text) if is_notebook else text)[:SCRIPT_LIMIT]


def _decoded(raw: bytes) -> str:
    for bom, encoding in _BOMS:
        if raw.startswith(bom):
            return raw[len(bom) :].decode(encoding, "replace")
    if b"\0" in raw[:200]:
        return raw.decode("utf-16-le" if raw[1:2] == b"\0" else "utf-16-be", "replace")
    return raw.decode("utf-8", "replace")


def _notebook_code(text: str) -> str:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        # A damaged notebook still shows its lines between quotes.
        return text.replace("\\n", "\n").replace('\\"', "'").replace('"', " ")
    return "\n".join(_source(cell) for cell in _cells(document) if cell.get("cell_type") == "code")


def _cells(document: Any) -> list[dict[str, Any]]:
    if not isinstance(document, dict):
        return []
    holders = [document, *_dicts(document.get("worksheets"))]
    return [cell for holder in holders for cell in _dicts(holder.get("cells"))]


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        return "".join(line for line in source if isinstance(line, str))
    return source if isinstance(source, str) else ""
