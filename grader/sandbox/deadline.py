"""The deadline of one stage: which time counts against it, and whether a child missed it by what it did itself.

What counts is the time that passed for the parent, in seconds, less two kinds of time: what the parent missed because
it did not run itself (suspended, starved, held up by the interpreter's lock), and what the child spent in the kernel's
queue for a CPU.
"""

from __future__ import annotations

import enum

from grader.sandbox.processes import Work

WATCH_SECONDS = 0.1
"""The parent looks at a child at least this often, if it can."""
MOST_COUNTED = 2 * WATCH_SECONDS
"""Seconds that count between two looks. Whatever is longer was the parent's delay."""
MOST_TIMES = 4
"""A child that waits for a CPU is ended when this many times its limit has passed."""
_OWN_SHARE = 0.8
"""A child that used a CPU or slept for this share of its limit missed it by itself. The rest is the error of looking
only every ``WATCH_SECONDS``: up to 0.4 of 4 seconds on a busy machine."""


class Miss(enum.Enum):
    """How a child missed its deadline."""

    BY_ITSELF = "it used a CPU, or slept, for nearly all of its time"
    PERHAPS_ROBBED = "it waited for a disk, or this system does not show what it did"
    STARVED = "it was ready to run, but had no CPU for most of the time"


class Deadline:
    """Counts the time of one stage after another. The caller reads the clock (seconds) and the child's ``Work``."""

    def __init__(self, now: float) -> None:
        self.start(0.0, now, Work())

    def start(self, seconds: float, now: float, work: Work | None) -> None:
        """Begin a stage that may take ``seconds``; ``work`` is what the child has done before, None if unknown."""
        self.seconds = seconds
        self.counted = 0.0
        """Seconds of this stage in which the parent was there."""
        self._now, self._work = now, work
        self._next = seconds
        self._asleep = self._asleep_until = 0.0

    def pass_time(self, now: float) -> None:
        """Count the time since the last call. What arrived before ``now`` must be read before :meth:`judge`."""
        self.counted += min(now - self._now, MOST_COUNTED)
        self._now = now

    @property
    def left(self) -> float:
        """Seconds until the next judgement; 0 or less if it is due."""
        return self._next - self.counted

    def look(self, work: Work | None) -> None:
        """Note whether the child sleeps; call this every ``WATCH_SECONDS``."""
        if work is not None and work.is_asleep:
            self._asleep += self.counted - self._asleep_until
        self._asleep_until = self.counted

    def judge(self, work: Work | None) -> Miss | None:
        """How the deadline was missed; None if the child has time left, because it waited for a CPU."""
        self.look(work)
        charged, own = self._charged(work)
        has_time, most = charged < self.seconds, MOST_TIMES * self.seconds
        if has_time and self.counted < most:
            self._next = min(most, self.counted + max(self.seconds - charged, WATCH_SECONDS))
            return None
        if has_time:
            return Miss.BY_ITSELF if own >= self.seconds else Miss.STARVED
        return Miss.BY_ITSELF if own >= _OWN_SHARE * self.seconds else Miss.PERHAPS_ROBBED

    def _charged(self, work: Work | None) -> tuple[float, float]:
        """Seconds that count against the limit, and seconds in which the child verifiably used a CPU or slept."""
        if work is None or self._work is None:
            return self.counted, 0.0
        used = work.used - self._work.used
        own = used + self._asleep
        if work.waited is None or self._work.waited is None:
            return min(self.counted, own), own
        # Threads of the child also wait for each other. So the time that they used counts in any case.
        return min(self.counted, max(self.counted - (work.waited - self._work.waited), used)), own
