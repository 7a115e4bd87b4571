"""Which shard of a cohort a submission is in."""

from __future__ import annotations

from collections import Counter

import pytest

from grader.model import Shard
from grader.storage.json_files import encodable

STUDENTS = [f"u{number}" for number in range(5_000_000, 5_002_000)]


@pytest.mark.parametrize("count", [1, 2, 3, 8, 100])
def test_each_submission_is_in_exactly_one_shard_and_shards_are_about_equal(count: int) -> None:
    shards = [Shard(number, count) for number in range(1, count + 1)]
    sizes = Counter(str(shard) for student in STUDENTS for shard in shards if shard.has(student))
    assert sizes.total() == len(STUDENTS)
    assert all({str(shard) for shard in shards if shard.has(student)} for student in STUDENTS)
    mean = len(STUDENTS) / count
    assert max(abs(size - mean) for size in sizes.values()) < 5 * mean**0.5


def test_the_shard_of_an_id_is_the_same_in_every_version() -> None:
    """Otherwise a shard that is continued with another version would lack students."""
    ids = ["u5000001", "Amara Okafor 5012301", "Mateo Álvarez 5012304", ""]
    assert [next(number for number in range(1, 9) if Shard(number, 8).has(student)) for student in ids] == [3, 1, 1, 5]


def test_an_id_that_is_not_valid_text_is_in_the_same_shard_when_it_was_stored() -> None:
    student = "Jos\udce9_501"
    assert encodable(student) != student
    assert [Shard(number, 7).has(student) for number in range(1, 8)] == [
        Shard(number, 7).has(encodable(student)) for number in range(1, 8)
    ]
