"""What the run of a shard says of itself, so that it can be merged with the runs of the other shards."""

from __future__ import annotations

from collections.abc import Iterable

from grader.model import Run, ShardOfRun
from grader.moderation.pseudonyms import secret_digest
from grader.pipeline.settings import RunSettings
from grader.storage.fingerprints import code_digest
from grader.submissions.assembly import Delivery
from grader.submissions.outline import outline


def shard_of_run(settings: RunSettings, cohort: Iterable[Delivery], before: Run | None) -> ShardOfRun | None:
    """The shard that a run with these settings grades of a cohort; None if it grades all of it.

    ``before`` are the facts about the run that it continues: what is not observed again is what it was then.
    """
    if settings.shard is None:
        return None
    known = before.shard if before is not None else None
    earlier = known.cohort if known is not None else {}
    digests = {
        one.id: earlier[one.id] if one.id in earlier and not settings.selection.includes(one.id) else outline(one)
        for one in cohort
    }
    data = settings.data.fingerprint or (known.data if known is not None else "")  # empty if they are not needed
    return ShardOfRun(settings.shard, digests, code_digest(""), data, secret_digest(settings.secret))
