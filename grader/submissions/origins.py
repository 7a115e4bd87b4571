"""Put together what several files say about whose a submission is, and when it was handed in."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from grader.model.origin import MOODLE, Origin
from grader.submissions.assembly import Delivery

ZIP_CLOCK = "the times in the zip"
_DOWNLOAD_SECONDS = 3600.0
"""A platform writes a zip in less time. Moodle since 3.9 and Canvas write no other time than that of the download."""


def together(first: Origin, second: Origin) -> Origin:
    """The origin of a student whose files have both; of what only one can say, ``first`` says it."""
    said = [origin.is_late for origin in (first, second) if origin.is_late is not None]
    later = max(first, second, key=lambda origin: origin.handed_in)
    return replace(
        first,
        attachments=first.attachments + tuple(a for a in second.attachments if a not in first.attachments),
        is_late=any(said) if said else None,
        handed_in=later.handed_in,
        clock=later.clock,
    )


def with_times_of_zip(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """The deliveries in Moodle's zip, with the time of the latest member of each.

    Unchanged if most times can be those of one download: a tutor may have added late work to the zip. A zip has local
    times without an offset.
    """
    latest = [
        max((time for part in delivery.parts for time in _times(part.path)), default=0.0)
        if delivery.origin.platform == MOODLE
        else 0.0
        for delivery in deliveries
    ]
    known = sorted(time for time in latest if time)
    alike = (bisect_right(known, time + _DOWNLOAD_SECONDS) - at for at, time in enumerate(known))
    if 2 * max(alike, default=0) > len(known) or not known:
        return list(deliveries)
    return [_handed_in(delivery, time) if time else delivery for delivery, time in zip(deliveries, latest, strict=True)]


def _handed_in(delivery: Delivery, time: float) -> Delivery:
    moment = datetime.fromtimestamp(time).isoformat(timespec="seconds")  # as it stands in the zip
    return replace(delivery, origin=replace(delivery.origin, handed_in=moment, clock=ZIP_CLOCK))


def _times(path: Path) -> list[float]:
    """The times of the files that were unpacked to ``path``; not of what is in them."""
    if path.is_file():
        return [path.stat().st_mtime]
    return [(Path(folder) / name).lstat().st_mtime for folder, _, names in os.walk(path) for name in names]
