"""Reads Jupyter notebooks of every format (1 to 4) without running them. Of outputs, pictures and short texts count."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from grader.answers.documents.document import PICTURE, Block, Document, Kind, Unreadable, bounded
from grader.answers.documents.script_comments import written
from grader.answers.documents.text import decode, read_bytes, split
from grader.source.notebooks import Cell, read_notebook
from grader.source.parsing import parsed

LARGEST_NOTEBOOK = 50_000_000
"""Bytes, plots included."""
_LARGEST_REST = 12_000_000
"""Bytes without the plots."""
_MOST_VALUES = 1_500_000
"""Commas and opening brackets, each of which may become an object of some hundred bytes."""
_PLOT = re.compile(rb'"(?=[A-Za-z0-9+/=\\]{500})[A-Za-z0-9+/=]*(?:\\n[A-Za-z0-9+/=]*)*"')
"""Base64 in a JSON string."""
_MOST_CELLS = 2_000
_MOST_CODE = 300_000
"""Characters of the code cells that are parsed, all together."""
_LONGEST_CODE = 50_000
_LONGEST_OUTPUT = 2_000
"""Characters of what a cell printed that may be an answer; a log of training is longer."""
_OBJECT = re.compile(r"\[?<")
"""How Python shows an object that has no text of its own, such as a figure."""
_TAGS = re.compile(r"[67][a-e]|[1-8]", re.IGNORECASE)


def notebook_document(path: Path) -> Document:
    """The notebook's cells in order; a cell's own name for the part that it answers becomes the anchor."""
    data = _PLOT.sub(b'""', read_bytes(path, LARGEST_NOTEBOOK))
    if len(data) > _LARGEST_REST or data.count(b",") + data.count(b"[") + data.count(b"{") > _MOST_VALUES:
        raise Unreadable(f"{path.name} has too much output for the grader to read, so a person must read it.")
    try:
        cells = read_notebook(decode(data)).cells
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"{path.name} is not a readable notebook; it may be damaged.") from error
    if not cells:
        raise Unreadable(f"{path.name} has no cells.")
    problem = f"{path.name} has {len(cells)} cells, so only its start was read." if len(cells) > _MOST_CELLS else ""
    return bounded(path.name, _all_blocks(cells[:_MOST_CELLS]), problem=problem)


def _all_blocks(cells: Sequence[Cell]) -> Iterator[Block]:
    left = _MOST_CODE
    for cell in cells:
        left -= len(cell.source)
        yield from _blocks(cell, is_parsed=left > 0)


def _blocks(cell: Cell, *, is_parsed: bool) -> Iterator[Block]:
    anchor, kind, source = _anchor(cell), cell.kind, cell.source
    if kind == "heading":
        blocks = iter([Block(f"## {source}", Kind.HEADING, anchor)])
    elif kind == "code" and is_parsed:
        blocks = _code(source, anchor)
    elif kind == "code":
        blocks = iter([Block(source, Kind.CODE, anchor)])
    else:
        is_named = cell.content.get("id") == "observations" and "lab4:" not in source
        blocks = split(f"<!-- lab4:observations -->\n{source}" if is_named else source, anchor=anchor)
    shown = False
    block = Block("")
    for block in blocks:
        shown = shown or PICTURE in block.text
        yield block
    if _has_picture(cell) and not shown:
        yield Block(PICTURE)
    elif kind == "code" and block.kind is Kind.CODE and (printed := _printed(cell)):
        yield Block(printed, Kind.OUTPUT)


def _printed(cell: Cell) -> str:
    """What the cell printed, and the value of its last line; empty where that is too long for an answer."""
    outputs = cell.content.get("outputs")
    texts: list[str] = []
    for output in outputs if isinstance(outputs, list) else []:
        kind = output.get("output_type") if isinstance(output, dict) else None
        if kind == "stream" and output.get("name", output.get("stream")) != "stderr":
            text = output.get("text")
        elif kind in {"execute_result", "pyout"}:
            data = output.get("data")
            text = data.get("text/plain") if isinstance(data, dict) else output.get("text")
        else:
            continue
        lines = text if isinstance(text, list) else [text]
        texts.append("".join(line for line in lines if isinstance(line, str)))
    whole = "\n".join(text.strip("\n") for text in texts if not _OBJECT.match(text))
    return whole if len(whole) <= _LONGEST_OUTPUT else ""


def _has_picture(cell: Cell) -> bool:
    """Whether a picture was pasted into the cell, or is an output of its code."""
    outputs = cell.content.get("outputs")
    if cell.content.get("attachments"):
        return True
    for output in outputs if isinstance(outputs, list) else []:
        data = output.get("data") if isinstance(output, dict) else None
        names = [*(output if isinstance(output, dict) else []), *(data if isinstance(data, dict) else [])]
        if any(name.startswith("image/") or name in {"png", "jpeg", "svg"} for name in names):
            return True
    return False


def _code(source: str, anchor: str) -> Iterator[Block]:
    """The blocks of a code cell: prose, comments alone and strings alone may be answers, all else is code."""
    text = re.sub(r"\A\s*%%(?:markdown|html|latex|raw|md)\b[^\n]*\n?", "", source)
    if text != source or len(source) > _LONGEST_CODE:
        yield from split(text, anchor=anchor)
        return
    try:
        body = parsed(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        is_code = re.search(r"^[^\S\n]*(?:import|from|class|def|for|%|!)\s*\w", source, re.MULTILINE) is not None
        yield from [Block(source, Kind.CODE, anchor)] if is_code else split(source, anchor=anchor)
        return
    if all(isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant | ast.JoinedStr) for line in body):
        yield from split("\n".join(written(source)) or source, anchor=anchor)
    else:
        yield Block(source, Kind.CODE, anchor)


def _anchor(cell: Cell) -> str:
    """The first name in the cell's metadata, tags, nbgrader id or own id that names a part."""
    metadata = cell.metadata
    lab, tags = metadata.get("lab4"), metadata.get("tags")
    names = [
        metadata.get("part"),
        lab.get("part") if isinstance(lab, dict) else lab,
        cell.grade_id,
        *(tags if isinstance(tags, list) else []),
        metadata.get("name"),
    ]
    identity = cell.content.get("id")
    if isinstance(identity, str) and re.search("part|answer|question|q|lab4", identity, re.IGNORECASE):
        names.append(identity)
    return next((str(name)[:80] for name in names if isinstance(name, str | int) and _TAGS.search(str(name))), "")
