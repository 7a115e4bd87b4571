"""Estimates how long a run still takes. Submissions with stored evidence, which are quick, are counted apart."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

_KNOWN_SECONDS = 0.05
"""For a submission with stored evidence, until the first of them is finished."""


@dataclass
class _Group:
    """Submissions that take a similar time: seconds of wall time over all threads."""

    count: int = 0
    done: int = 0
    seconds: float = 0.0
    under_way: dict[str, float] = field(default_factory=dict)
    """Start times by student."""

    def work(self, now: float) -> float:
        """Seconds spent on finished submissions and on those under way."""
        return self.seconds + self.passed(now)

    def passed(self, now: float) -> float:
        """Seconds spent on submissions under way."""
        return sum(now - start for start in list(self.under_way.values()))  # a copy: other threads change it

    def left(self, now: float, mean: float) -> float:
        """Seconds of work that are left, at ``mean`` seconds for each submission."""
        return max((self.count - self.done) * mean - self.passed(now), 0.0)

    def mean(self, now: float) -> float | None:
        """Seconds for each submission, of which those under way are half done on average; None if none is finished."""
        return self.work(now) / (self.done + len(self.under_way) / 2) if self.done else None


class Remaining:
    """The remaining time of a run in which the code of ``new`` students has to be run. ``clock`` returns seconds."""

    def __init__(self, total: int, new: Collection[str], clock: Callable[[], float]) -> None:
        self._clock, self._started = clock, clock()
        self._new = frozenset(new)
        self._groups = {True: _Group(len(self._new)), False: _Group(total - len(self._new))}

    def begin(self, student: str) -> None:
        """Work on a submission begins; later calls for it do nothing."""
        self._of(student).under_way.setdefault(student, self._clock())

    def done(self, student: str) -> None:
        """A submission is finished."""
        group, now = self._of(student), self._clock()
        group.seconds += now - group.under_way.pop(student, now)
        group.done += 1

    def leave_out(self, student: str) -> None:
        """A submission does not take part."""
        group = self._of(student)
        group.under_way.pop(student, None)
        group.count -= 1

    def seconds(self) -> float | None:
        """Wall seconds until the end; None while new submissions are left and none is finished."""
        now, (new, known) = self._clock(), (self._groups[True], self._groups[False])
        work, mean = new.work(now) + known.work(now), new.mean(now)
        if not work or (mean is None and new.count > new.done):
            return None
        left = new.left(now, mean or 0.0) + known.left(now, known.mean(now) or _KNOWN_SECONDS)
        return left * (now - self._started) / work

    def _of(self, student: str) -> _Group:
        return self._groups[student in self._new]
