"""The file of a key's samples as it grows: adds samples or replaces their marks, and leaves every other line as it is.

For what a line contains see :mod:`grader.answers.marker.samples`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from pathlib import Path

from grader.answers.marker.samples import Sample, numbered_samples, same_text, samples_text
from grader.model import UsageFault
from grader.storage.json_files import json_line, number, write_file


class SamplesFile:
    """The samples at ``path`` for these ``parts``. Raises :class:`UsageFault` naming the file and the line."""

    def __init__(self, path: Path, parts: Collection[str]) -> None:
        self.path = path
        self._text = samples_text(path)
        self._marks: defaultdict[tuple[str, str], set[Decimal]] = defaultdict(set)
        self._lines: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for line, part, sample in numbered_samples(path, self._text, parts):
            self._marks[part, same_text(sample.answer)].add(sample.gold)
            self._lines[part, same_text(sample.answer)].append(line - 1)

    def marks_of(self, part: str, answer: str) -> frozenset[Decimal]:
        """The marks of the samples with the same text; empty if there is none."""
        return frozenset(self._marks.get((part, same_text(answer)), ()))

    def put(self, samples: Iterable[tuple[str, Sample]]) -> None:
        """Add samples, each with its part, at the end, or in place of the samples with the same text.

        The file is replaced at once, or not at all. Raises :class:`UsageFault` if somebody changed it since it was
        read, or if it cannot be written.
        """
        lines = self._text.split("\n")
        added = []
        for part, sample in samples:
            places = self._lines.get((part, same_text(sample.answer)), ())
            for place in places:
                lines[place] = _line(part, sample)
            if not places:
                added.append(_line(part, sample))
        if lines[-1].strip():
            lines.append("")
        text = "\n".join([*lines[:-1], *added, ""])
        if samples_text(self.path) != self._text:
            raise UsageFault(
                f"{self.path} was changed by somebody else in the meantime. Nothing was written; try again."
            )
        try:
            write_file(self.path.resolve(), text.encode(), is_durable=True)
        except OSError as error:
            raise UsageFault(f"{self.path} cannot be written: {error.strerror or error}.") from error


def _line(part: str, sample: Sample) -> str:
    signed = {"author": sample.author, "at": sample.at}
    fields = {"part": part, "answer": sample.answer, "gold": number(sample.gold)}
    return json_line(fields | {name: text for name, text in signed.items() if text})
