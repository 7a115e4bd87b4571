"""Make the track record of the marker anew: ``nox -s track_record``, after a change of the key, samples or signals.

Each sample is read by models that have not seen the samples of its author. Samples without an author are held out in
blocks of neighbours, because the file is sorted and neighbours are alike.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.prose import read_prose
from grader.answers.marker.samples import MARKS, Sample
from grader.answers.marker.similarity import Similarity
from grader.answers.marker.trust import COLUMNS, TRACK_RECORD
from tests.support.places import ROOT

FOLDS, NEIGHBOURS = 6, 10
Samples = Mapping[str, Sequence[Sample]]


def author_of(sample: Sample, place: int) -> str:
    """Who is held out together with a sample; ``place`` is its number in its part."""
    return sample.author or f"block {place // NEIGHBOURS % FOLDS}"


def rows(key: AnswerKey) -> Iterator[tuple[float, ...]]:
    """Rows of :data:`COLUMNS` for all samples of the key."""
    samples = key.similarity.samples
    authors = sorted({author_of(sample, at) for listed in samples.values() for at, sample in enumerate(listed)})
    for author in authors:
        own, others = split(samples, author)
        yield from held_out_rows(key, own, others)


def split(samples: Samples, author: str) -> tuple[Samples, dict[str, list[Sample]]]:
    """The samples of an author, and those of all others."""
    own: defaultdict[str, list[Sample]] = defaultdict(list)
    others: defaultdict[str, list[Sample]] = defaultdict(list)
    for part, listed in samples.items():
        for at, sample in enumerate(listed):
            (own if author_of(sample, at) == author else others)[part].append(sample)
    return own, others


def held_out_rows(key: AnswerKey, held_out: Samples, seen: Samples) -> Iterator[tuple[float, ...]]:
    """A row for each sample that is held out, read by models of those that are seen."""
    similarity = Similarity(seen)
    for part, listed in held_out.items():
        asked = key.parts[part]
        assert isinstance(asked, ProsePart)
        for sample in listed:
            yield MARKS.index(sample.gold), *read_prose(key, asked, sample.answer, similarity).signals


def write(path: Path, found: Collection[tuple[float, ...]]) -> None:
    """Write the rows with four significant digits."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([f"{value:.4g}" for value in row] for row in found)


if __name__ == "__main__":
    found = list(rows(load_key(ROOT / "solutions" / "key.toml")))
    write(TRACK_RECORD, found)
    print(f"{len(found)} rows in {TRACK_RECORD}.")
