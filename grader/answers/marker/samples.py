"""Reads the sample answers of a key: students' answers with the marks that a person gave.

A line of the file is ``{"part", "answer", "gold"}``; ``gold`` is 0, 0.5 or 1. A line that a tutor's decision became
also has ``author``, the tutor, and ``at``, the time. :mod:`grader.answers.marker.samples_file` adds lines.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from grader.model import UsageFault

MARKS = (Decimal(0), Decimal("0.5"), Decimal(1))
REQUIRED = frozenset({"part", "answer", "gold"})
OPTIONAL = frozenset({"author", "at"})
EXACT = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True)
class Sample:
    """An answer and the mark that a person gave it, which is in :data:`MARKS`.

    ``author`` is that person, if known, and ``at`` the time in ISO 8601. They are not in the text of a sample, because
    the same samples by somebody else make the same key.
    """

    answer: str
    gold: Decimal
    author: str = field(default="", repr=False)
    at: str = field(default="", repr=False)


def same_text(answer: str) -> str:
    """The same for answers that differ only in case and in the spaces between their words."""
    return " ".join(answer.lower().split())


def load_samples(path: Path, parts: Collection[str]) -> Mapping[str, tuple[Sample, ...]]:
    """The samples at ``path`` by part. Raises :class:`UsageFault` naming the file and the line."""
    found: defaultdict[str, list[Sample]] = defaultdict(list)
    for _, part, sample in numbered_samples(path, samples_text(path), parts):
        found[part].append(sample)
    return {part: tuple(samples) for part, samples in found.items()}


def samples_text(path: Path) -> str:
    """The text of the samples at ``path``, byte for byte. Raises :class:`UsageFault`."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise UsageFault(f"{path}: the sample answers cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise UsageFault(f"{path}: not UTF-8 text.") from error


def numbered_samples(path: Path, text: str, parts: Collection[str]) -> Iterator[tuple[int, str, Sample]]:
    """The samples in ``text``, the content of ``path``: the number of the line from 1, the part, and the sample."""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        if not line.strip():
            continue
        try:
            fields = EXACT.decode(line.strip())
        except json.JSONDecodeError as error:
            raise UsageFault(f"{path}, line {number}: not valid JSON ({error.msg}).") from error
        except (ValueError, RecursionError) as error:
            raise UsageFault(
                f"{path}, line {number}: a number is too long, or something is nested too deeply."
            ) from error
        if not isinstance(fields, dict) or not REQUIRED <= fields.keys() <= REQUIRED | OPTIONAL:
            names = "part, answer and gold, and perhaps author and at"
            raise UsageFault(f"{path}, line {number}: should be an object with {names}.")
        part, answer, gold = fields["part"], fields["answer"], fields["gold"]
        author, at = fields.get("author", ""), fields.get("at", "")
        if not isinstance(part, str):
            raise UsageFault(f'{path}, line {number}: "part" should be in quotes, as in "7c".')
        if part not in parts:
            raise UsageFault(f'{path}, line {number}: "{part}" is not a part in words; these are {", ".join(parts)}.')
        if not isinstance(answer, str) or isinstance(gold, bool) or gold not in MARKS:
            raise UsageFault(f'{path}, line {number}: "answer" should be a text, and "gold" 0, 0.5 or 1.')
        if not isinstance(author, str) or not isinstance(at, str):
            raise UsageFault(f'{path}, line {number}: "author" and "at" should be texts.')
        yield number, part, Sample(answer, Decimal(gold), author, at)
