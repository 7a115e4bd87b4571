"""Measure what the comparison of works finds in made cohorts: planted pairs, and honest pairs above the line.

The command is ``python -m tests.measure.similar_works [--first 0] [--seeds 10] [--students 300] [--written FILE ...]``.
The answers in ``FILE`` (JSON lines), by others than the key's samples, are given to students too. ``--no-key`` compares
without a key, so that only the cohort itself says what is rare.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from grader.answers.marker.key import AnswerKey, load_key
from grader.similarity.comparison import Comparison, compare
from grader.similarity.work import background_of, handed_out, told_by, works_of
from grader.storage.records import StoredEvidence
from tests.support.similar_works import HANDOUT, KEY, made_cohort

PLANTED, LOOKED_AT = 20, 25


def compared(stored: Sequence[StoredEvidence], key: AnswerKey | None) -> Comparison:
    """The comparison of ``stored`` works as the command ``similar`` makes it."""
    background = background_of(key)
    works = works_of(stored, [answer for answers in background.values() for answer in answers])
    return compare(works, background=background, given=told_by(key) | handed_out(HANDOUT))


def pairs_of(comparison: Comparison) -> list[frozenset[str]]:
    """The students of each pair, in the order of the page."""
    works = comparison.works
    return [frozenset({works[pair.first].student, works[pair.second].student}) for pair in comparison.pairs]


def above(comparison: Comparison) -> set[frozenset[str]]:
    """The students of each pair above the line."""
    return {names for names, pair in zip(pairs_of(comparison), comparison.pairs, strict=True) if pair.is_above}


def written_answers(paths: Iterable[Path]) -> Mapping[str, Sequence[str]]:
    """The answers in JSON lines with ``part`` and ``answer``, by part."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            found[row["part"]].append(row["answer"])
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each draw."""
    parser = argparse.ArgumentParser(prog="python -m tests.measure.similar_works", description=__doc__)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, default=10, help="number of seeds")
    parser.add_argument("--students", type=int, default=300)
    parser.add_argument("--written", type=Path, nargs="*", default=())
    parser.add_argument("--no-key", action="store_true")
    options = parser.parse_args(arguments)
    key, written = load_key(KEY), written_answers(options.written)
    print("seed  line  planted: in the first 25, above  honest above: with planted pairs, without  seconds")
    for seed in range(options.first, options.first + options.seeds):
        began = time.perf_counter()
        cohort = made_cohort(options.students, pairs=PLANTED, seed=seed, key=key, written=written)
        found = compared(cohort.stored, None if options.no_key else cohort.key)
        seconds = time.perf_counter() - began
        honest = made_cohort(options.students, seed=seed, key=key, written=written)
        alone = above(compared(honest.stored, None if options.no_key else honest.key))
        first = len(cohort.planted.keys() & set(pairs_of(found)[:LOOKED_AT]))
        marked, planted = above(found), cohort.planted.keys()
        counts = (first, len(marked & planted), len(marked - planted), len(alone))
        print(f"{seed:4d}  {found.line or 0:4.1f}", *counts, f"{seconds:.1f}", sep="  ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
