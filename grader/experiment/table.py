"""Reads a table of experiments, however it was saved: separators, column names, percent signs, decimal commas.

A line that cannot be read is reported by its number, never guessed. Whether figures are plausible is not checked here.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from grader.lab4.files import EXPERIMENTS
from grader.model.experiment import Experiment, Trial
from grader.safe_text import shorten, visible
from grader.source.decoding import readable, utf16_by_nuls

COLUMNS = ("channels1", "channels2", "kernel1", "kernel2", "epochs", "accuracy", "seconds")
"""The template's columns, and the order of a table without a header."""
LARGEST = 1_000_000
"""Bytes of the largest file that is read. A line has about 30."""
MOST_ROWS = 1_000
"""Lines below the header that are read; nobody trains so many networks."""
MOST_REPORTED = 8
"""Unreadable lines that are reported one by one."""
_SAMPLE, _NUL_SHARE = 200, 1 / 3
"""In UTF-16, more than this share of the first bytes are NUL; NUL bytes after a damaged table do not count."""
_LONGEST_LINE = 2_000
_LONGEST_CELL = 40
_LEAST_COLUMNS = 3
"""Column names that make a line the header."""
_SEPARATORS = (",", ";", "\t", "|")
_NEEDED = ("channels1", "channels2", "kernel1", "kernel2", "accuracy")
_LARGEST_COUNT = 1_000_000
_SEP = re.compile(r"\"?sep=(.)\"?", re.IGNORECASE)
_NUMBER = re.compile(r"([+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[+-]?\d+)?)\s*([^\d\s.,%]*)\s*(%?)", re.IGNORECASE)
_SHARE = re.compile(r"(\d{1,9})\s*/\s*(\d{1,9})(?:\s*(?:\(\s*)?[\d.,]+\s*%\s*\)?)?")
_SQUARE = re.compile(r"[(\[]?\s*(\d+)\s*(?:[x×*,/]|by)\s*(\d+)\s*[)\]]?", re.IGNORECASE)
_PAIR = re.compile(r"[(\[]?\s*(\d+)(?:\s*(?:[-–→>,;/+&|]+|and|to|then)\s*|\s+)(\d+)\s*[)\]]?", re.IGNORECASE)
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,4}):(\d{1,4}(?:[.,]\d+)?)")
_MINUTES = re.compile(r"(?:(\d{1,4})\s*h\w*\s*)?(\d{1,4})\s*m(?:in\w*)?\s*(\d{1,4}(?:[.,]\d+)?)\s*s\w*", re.IGNORECASE)
_UNITS = {"": 1.0, "s": 1.0, "sec": 1.0, "secs": 1.0, "second": 1.0, "seconds": 1.0, "ms": 0.001}
_UNITS |= dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0)
_UNITS |= dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0)
_FIRST, _SECOND = re.compile(r"1|first|one"), re.compile(r"2|second|two")


@dataclass(frozen=True)
class _Header:
    """The index of each column, and the separator. ``unit`` is the number of seconds in one unit of time."""

    separator: str
    places: dict[str, int]
    width: int
    unit: float = 1.0

    @property
    def missing(self) -> tuple[str, ...]:
        """Required columns that are missing."""
        return tuple(name for name in _NEEDED if name not in self.places and name[:-1] not in self.places)


class _Unread(Exception):
    """A cell is not the expected figure; the message says what is wrong."""


def read_table(content: bytes | str, source: str = EXPERIMENTS) -> Experiment:
    """The trials in a table, in the order of its lines. Never raises for a student's file."""
    if len(content) > LARGEST:
        problem = f"{source} is far larger than a table of experiments, so it was not read."
        return Experiment(source, problems=(problem,))
    text = content if isinstance(content, str) else _decoded(content)
    if text.startswith(("PK\x03\x04", "\xd0\xcf\x11\xe0")):
        return Experiment(source, problems=(f"{source} is a workbook; please save it as CSV.",), unread=1)
    lines = list(_lines(text))
    separators, lines = _announced(lines)
    header, body = _header(lines, separators)
    if header is None:
        if not lines:
            return Experiment(source)
        problem = f"{source} has no readable header; the first line should be {','.join(COLUMNS)}."
        return Experiment(source, problems=(problem,), unread=len(lines))
    if header.missing:
        filled = [line for _, line in body if any(_cells(line, header.separator))]
        missing = " and no column ".join(header.missing)
        problem = f"{source} has no column {missing}; the first line should be {','.join(COLUMNS)}."
        return Experiment(source, problems=(problem,), unread=len(filled))
    return _read(source, header, body)


def _read(source: str, header: _Header, body: Sequence[tuple[int, str]]) -> Experiment:
    trials, problems, unread = [], [], 0
    for number, line in body[:MOST_ROWS]:
        cells = _cells(line, header.separator)
        if not any(cells):
            continue
        try:
            trials.append(_trial(cells, header, number))
        except _Unread as reason:
            unread += 1
            if unread <= MOST_REPORTED:
                problems.append(f"Line {number} of {source} could not be read: {reason}.")
    if unread > MOST_REPORTED:
        problems.append(f"{unread - MOST_REPORTED} more lines of {source} could not be read.")
    if len(body) > MOST_ROWS:
        problems.append(f"Only the first {MOST_ROWS} lines of {source} were read.")
    return Experiment(source, tuple(trials), tuple(problems), unread + max(0, len(body) - MOST_ROWS))


def _decoded(content: bytes) -> str:
    """The text; any single-byte encoding will do for figures."""
    return readable(content, utf16=utf16_by_nuls(content[:_SAMPLE], _NUL_SHARE), otherwise=lambda _: "latin-1")


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines with content, and their numbers: without comments, blank lines and lines of only separators."""
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), start=1):
        line = line.replace("\ufeff", "").replace("\xa0", " ").replace("\0", "")[:_LONGEST_LINE].strip(" ")
        if line.startswith(("#", "//", "```")) or not re.search(r"\w", line):
            continue
        yield number, line


def _announced(lines: list[tuple[int, str]]) -> tuple[Sequence[str], list[tuple[int, str]]]:
    """The separators to try, and the lines after a first line such as ``sep=;``, which announces the only separator."""
    found = _SEP.fullmatch(lines[0][1].strip()) if lines else None
    return ((found[1],), lines[1:]) if found else (_SEPARATORS, lines)


def _header(
    lines: Sequence[tuple[int, str]], separators: Sequence[str]
) -> tuple[_Header | None, Sequence[tuple[int, str]]]:
    """The header and the lines below it; for figures without a header, the template's columns."""
    for place, (_, line) in enumerate(lines[:20]):
        found = [_named(_cells(line, separator), separator) for separator in separators]
        best = max(found, key=lambda header: len(header.places))
        if len(best.places) >= _LEAST_COLUMNS:
            return best, lines[place + 1 :]
    for separator in separators:
        width = len(_trimmed(_cells(lines[0][1], separator))) if lines else 0
        if len(COLUMNS) - 1 <= width <= len(COLUMNS):
            return _Header(separator, {name: at for at, name in enumerate(COLUMNS[:width])}, width), lines
    return None, ()


def _cells(line: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=separator, skipinitialspace=True), [])
    except csv.Error:
        cells = line.split(separator)
    if len(cells) == 1:  # a whole line in quotes, as some spreadsheets save it
        cells = cells[0].split(separator)
    cells = [cell.strip(" \t\"'’`*") for cell in cells]
    return cells[1:-1] if separator == "|" and line.startswith("|") else cells


def _trimmed(cells: list[str]) -> list[str]:
    filled = [place for place, cell in enumerate(cells, 1) if cell]
    return cells[: filled[-1]] if filled else []


def _named(cells: list[str], separator: str) -> _Header:
    places: dict[str, int] = {}
    unit = 1.0
    for at, cell in enumerate(cells):
        name = _column(cell)
        if name == "accuracy" and name in places and re.search("train", cells[places[name]], re.IGNORECASE):
            places[name] = at  # where there are two, the accuracy on the test images
        elif name:
            places.setdefault(name, at)
        if name == "seconds" and places[name] == at:
            unit = _unit(cell)
    return _Header(separator, places, len(cells), unit)


def _unit(name: str) -> float:
    words = re.findall(r"[a-z]+", name.casefold())
    return next((_UNITS[word] for word in words if word in _UNITS and word not in {"s", "m", "h"}), 1.0)


def _column(name: str) -> str:
    """The column that a header's cell names; ``channels`` or ``kernel`` where it is for both layers; else empty."""
    low = re.sub(r"[^a-z0-9%]+", " ", re.sub(r"([a-z])([A-Z])", r"\1 \2", name[:60]).casefold()).strip()
    joined = low.replace(" ", "")
    if re.search(r"loss|error|param|batch|rate|momentum|dropout|optim|seed|pool|padding|stride", joined):
        return ""
    if "epoch" in joined:
        return "epochs"
    if re.search(r"acc|correct", joined):
        return "accuracy"
    if re.search(r"kernel|ksize|filtersize|sizeoffilter|convsize", joined) or re.fullmatch(r"k\d?|ks\d?", joined):
        return _numbered("kernel", joined)
    if re.search(r"channel|filter|featuremap|conv|outch", joined) or re.fullmatch(r"c\d?|ch\d?|maps?\d?", joined):
        return _numbered("channels", joined)
    if re.search(r"second|time|duration|runtime|minute", joined) or re.fullmatch(r"secs?|s|mins?", joined):
        return "seconds"
    return ""


def _numbered(kind: str, name: str) -> str:
    is_first, is_second = bool(_FIRST.search(name)), bool(_SECOND.search(name))
    return kind if is_first == is_second else f"{kind}{1 if is_first else 2}"


def _trial(cells: list[str], header: _Header, number: int) -> Trial:
    cells = _trimmed(cells)
    if len(cells) > header.width:
        hint = "; write decimals with a point" if header.separator == "," else ""
        raise _Unread(f"it has {len(cells)} values below {header.width} columns{hint}")

    def cell(name: str) -> str:
        place = header.places.get(name, -1)
        return cells[place] if 0 <= place < len(cells) else ""

    channels = [_count(text, name) for name, text in _both("channels", header, cell("channels"), cell)]
    kernels = [_side(text, name) for name, text in _both("kernel", header, cell("kernel"), cell)]
    return Trial(
        channels1=channels[0],
        channels2=channels[1],
        kernel1=kernels[0],
        kernel2=kernels[1],
        epochs=_count(cell("epochs"), "epochs") if cell("epochs") else 0,
        accuracy=_accuracy(cell("accuracy")),
        seconds=_seconds(cell("seconds"), header.unit),
        row=number,
    )


def _both(kind: str, header: _Header, shared: str, cell: Callable[[str], str]) -> list[tuple[str, str]]:
    """The texts for both layers; one column may have both, as ``10/20``, and one kernel size may be for both."""
    names = [f"{kind}1", f"{kind}2"]
    if all(name in header.places for name in names):
        return [(name, cell(name)) for name in names]
    own = [cell(name) for name in names if name in header.places]
    if own:
        return [(name, cell(name) or shared) for name in names]
    if found := _PAIR.fullmatch(shared):
        return [(names[0], found[1]), (names[1], found[2])]
    if kind == "kernel":
        return [(name, shared) for name in names]
    raise _Unread(f"{kind} should be two numbers, not {_shown(shared)}")


def _count(text: str, name: str) -> int:
    """A whole number, with or without a word after it."""
    value, _, _ = _number(text, name)
    if value != int(value):
        raise _Unread(f"{name} should be a whole number, not {_shown(text)}")
    return int(value)


def _side(text: str, name: str) -> int:
    """The side of a square kernel: ``5``, ``5x5`` or ``(5, 5)``."""
    found = _SQUARE.fullmatch(text)
    if found is None:
        return _count(text.strip("()[]"), name)
    if found[1] != found[2]:
        raise _Unread(f"{name} is {_shown(text)}, but only square kernels are read")
    return _count(found[1], name)


def _accuracy(text: str) -> float:
    """The accuracy (0..1) from 0.98, 98, 98 % or 9800/10000. A value from 1 to 2 stays: it fits neither notation."""
    if (share := _SHARE.fullmatch(text)) and int(share[2]) > 0:
        return int(share[1]) / int(share[2])
    value, word, percent = _number(text, "accuracy")
    if percent or word.casefold() in {"percent", "pct"} or value >= 2:
        return round(value / 100, 10)
    return value


def _seconds(text: str, unit: float) -> float | None:
    """The seconds of a duration: ``41``, ``41 s``, ``0:41``, ``1m 20s``; None, without an error, for anything else."""
    if found := _CLOCK.fullmatch(text) or _MINUTES.fullmatch(text):
        hours, minutes, seconds = int(found[1] or 0), int(found[2]), float(found[3].replace(",", "."))
        return 3600 * hours + 60 * minutes + seconds
    try:
        value, word, _ = _number(text, "seconds")
    except _Unread:
        return None
    return value * _UNITS.get(word.casefold(), unit) if word else value * unit


def _number(text: str, name: str) -> tuple[float, str, str]:
    """The number at the start of a cell, the word after it, and the percent sign if there is one."""
    if not text:
        raise _Unread(f"{name} is not filled in")
    found = _NUMBER.fullmatch(text[: _LONGEST_CELL + 1].lstrip("~≈≅ ").replace("\u2212", "-"))
    value = float(found[1].replace(",", ".")) if found else math.nan
    if found is None or not math.isfinite(value) or abs(value) > _LARGEST_COUNT:
        raise _Unread(f"{name} should be a number, not {_shown(text)}")
    return value, found[2], found[3]


def _shown(text: str) -> str:
    return f'"{shorten(visible(text), _LONGEST_CELL)}"'
