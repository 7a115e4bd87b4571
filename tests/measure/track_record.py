"""Make the track record of the marker anew: ``nox -s track_record``, after a change of the key, samples or signals.

Each sample is read by models that have not seen the samples of its author. Samples without an author are held out in
blocks of neighbours, because the file is sorted and neighbours are alike. Gradient boosting then learns from the record
how likely each mark is, and its trees are written beside it.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.tree import DecisionTreeRegressor

from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.prose import read_prose
from grader.answers.marker.samples import MARKS, Sample
from grader.answers.marker.similarity import Similarity
from grader.answers.marker.trust import COLUMNS, DEPTH, LEAVES, NODES, TRACK_RECORD, TREE_COLUMNS, TREES
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


def write(path: Path, columns: Sequence[str], found: Iterable[Sequence[str]]) -> None:
    """Write a table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(found)


def learned(record: NDArray[np.float64]) -> GradientBoostingClassifier:
    """The model that learned from a track record, in which ``gold`` is the index of the mark."""
    return GradientBoostingClassifier(
        n_estimators=120,
        learning_rate=0.06,
        max_depth=DEPTH,
        min_samples_leaf=15,
        subsample=0.5,
        max_features=0.4,
        init="zero",  # the shares of the marks would be calculated anew for each answer
        random_state=0,
    ).fit(record[:, 1:], record[:, 0].astype(int))


def trees_of(model: GradientBoostingClassifier) -> Iterator[tuple[float, ...]]:
    """Rows of :data:`TREE_COLUMNS`. Where a branch ends early, its leaf is the leftmost below."""
    for tree in model.estimators_.ravel():
        signals, most, leaves = [0] * NODES, [float("inf")] * NODES, [0.0] * LEAVES
        _fill(tree, 0, 0, signals, most, leaves)
        yield *signals, *most, *(model.learning_rate * leaf for leaf in leaves)


def _fill(
    tree: DecisionTreeRegressor, at: int, node: int, signals: list[int], most: list[float], leaves: list[float]
) -> None:
    """Copy what is below ``at`` in scikit-learn's numbering to what is below ``node`` in ours."""
    found = tree.tree_
    is_leaf = found.children_left[at] == -1
    if node >= NODES:
        leaves[node - NODES] = float(found.value[at, 0, 0])
    elif is_leaf:
        _fill(tree, at, 2 * node + 1, signals, most, leaves)
    else:
        signals[node], most[node] = int(found.feature[at]), float(found.threshold[at])
        _fill(tree, int(found.children_left[at]), 2 * node + 1, signals, most, leaves)
        _fill(tree, int(found.children_right[at]), 2 * node + 2, signals, most, leaves)


if __name__ == "__main__":
    found = list(rows(load_key(ROOT / "solutions" / "key.toml")))
    write(TRACK_RECORD, COLUMNS, ([f"{value:.4g}" for value in row] for row in found))
    trees = list(trees_of(learned(np.loadtxt(TRACK_RECORD, delimiter=",", skiprows=1))))
    write(TREES, TREE_COLUMNS, ([f"{value!r}" for value in row] for row in trees))
    print(f"{len(found)} rows in {TRACK_RECORD}, {len(trees)} trees in {TREES}.")
