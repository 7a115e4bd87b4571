"""Shards: the parts of a cohort that several machines grade, each in a run of its own, until the runs are merged."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

_SURROGATE = re.compile("[\ud800-\udfff]")
"""Half of a character, from a file name that is not valid UTF-8. Stored ids have U+FFFD in its place."""


@dataclass(frozen=True)
class Shard:
    """Part ``number`` (from 1) of a cohort in ``count`` parts. Each submission is in exactly one of them."""

    number: int
    count: int

    def __str__(self) -> str:
        """As after ``--shard``."""
        return f"{self.number}/{self.count}"

    def has(self, student: str) -> bool:
        """Whether this student's submission is in the shard. It depends on the id and the count only."""
        digest = hashlib.sha256(_SURROGATE.sub("\ufffd", student).encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1


@dataclass(frozen=True)
class ShardOfRun:
    """The shard that a run graded, and what the runs of all shards must have in common to be merged.

    ``cohort`` are the ids of all submissions, in the order of the tables, each with a digest of what was handed in. The
    others are digests of the grader's code, of the images, and of the secret that the seeds come from.
    """

    shard: Shard
    cohort: dict[str, str]
    code: str
    data: str
    secret: str
