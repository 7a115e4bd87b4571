"""Reads the sample answers of a key: students' answers with the marks that a person gave.

A line of the file is ``{"part", "answer", "gold"}``; ``gold`` is 0, 0.5 or 1.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from grader.model import UsageFault

MARKS = (Decimal(0), Decimal("0.5"), Decimal(1))
FIELDS = frozenset({"part", "answer", "gold"})
EXACT = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True)
class Sample:
    """An answer and the mark that a person gave it, which is in :data:`MARKS`."""

    answer: str
    gold: Decimal


def load_samples(path: Path, parts: Collection[str]) -> Mapping[str, tuple[Sample, ...]]:
    """The samples at ``path`` by part. Raises :class:`UsageFault` naming the file and the line."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except OSError as error:
        raise UsageFault(f"{path}: the sample answers cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise UsageFault(f"{path}: not UTF-8 text.") from error
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            fields = EXACT.decode(line)
        except json.JSONDecodeError as error:
            raise UsageFault(f"{path}, line {number}: not valid JSON ({error.msg}).") from error
        if not isinstance(fields, dict) or fields.keys() != FIELDS:
            raise UsageFault(f"{path}, line {number}: should be an object with part, answer and gold.")
        part, answer, gold = fields["part"], fields["answer"], fields["gold"]
        if part not in parts:
            raise UsageFault(f'{path}, line {number}: "{part}" is not a part in words; these are {", ".join(parts)}.')
        if not isinstance(answer, str) or isinstance(gold, bool) or gold not in MARKS:
            raise UsageFault(f'{path}, line {number}: "answer" should be a text, and "gold" 0, 0.5 or 1.')
        found[part].append(Sample(answer, Decimal(gold)))
    return {part: tuple(samples) for part, samples in found.items()}
