"""The parent's side of reading: a process for each submission, and what follows when it exceeds a limit."""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from grader.answers.finding.paper import LAB4, Paper
from grader.answers.marker.key import AnswerKey
from grader.model import AnswerFinding, AnswerSheet, GraderFault, KnownFinding, Status, Submission
from grader.model.evidence import Ending
from grader.model.experiment import Experiment
from grader.reading.service import Request, answer, decoded, encoded, prepare
from grader.sandbox import Ask, Limits, ReadingProcesses
from grader.submissions.assembly import Delivery, unread_submission

READING_SECONDS, MARKING_SECONDS = 7, 3
"""CPU time for one submission: to unpack and read all its files, and to mark its answers."""
WALL_SECONDS = 30.0
"""For one of these, on a machine that has time for it; only a slow disk needs more than CPU time."""
LIMITS = Limits(memory_bytes=2 << 30, disk_bytes=0)

_REASONS = {
    "deadline": "takes too long to read",
    "memory": "needs too much memory to be read",
    "depth": "is nested too deeply to be read",
    "starved": "could not be read, because the machine was too busy",
}
_OTHER_REASON = "cannot be read: reading it ends the process that reads it"

T = TypeVar("T")


class Readers:
    """A context manager for the reading processes of a run, at most ``at_once`` at work at a time.

    The documents answer ``paper``. Enter it before any thread is started: the processes are copies of this one.
    """

    def __init__(self, key: AnswerKey | None, paper: Paper = LAB4, *, at_once: int, scratch: Path) -> None:
        self._scratch = scratch
        self._prepared: set[str] = set()
        self._lock = threading.Lock()
        self._processes = ReadingProcesses(
            partial(answer, key=key, paper=paper),
            prepare=partial(prepare, key=key),
            at_once=at_once,
            limits=LIMITS,
        )

    def __enter__(self) -> Self:
        self._processes.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """End all processes at once."""
        self._processes.stop()

    @contextmanager
    def open(self) -> Iterator[Reader]:
        """A reader for one submission. Its folder with all that was unpacked is removed at the end."""
        folder = self._scratch / f"reading-{secrets.token_hex(8)}"  # made when there is something to read
        try:
            with (
                self._processes.open(folder, cpu_seconds=READING_SECONDS) as read,
                self._processes.open(folder, cpu_seconds=MARKING_SECONDS) as mark,
            ):
                yield Reader(read, mark, folder, prepare=self.prepare)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def prepare(self, parts: Iterable[str]) -> None:
        """Let the processes learn from the sample answers to these parts. Returns at once; reading waits for it."""
        with self._lock:
            if new := sorted(set(parts) - self._prepared):
                self._processes.prepare({"parts": new})
                self._prepared.update(new)


class Reader:
    """Reads one submission. What exceeds a limit waits for a tutor, with a sentence on the reason.

    ``read`` and ``mark`` ask a process each; ``prepare`` lets processes to mark these parts start faster. Raises
    GraderFault for an error in the code that reads.
    """

    def __init__(self, read: Ask, mark: Ask, folder: Path, *, prepare: Callable[[Iterable[str]], None]) -> None:
        self._reading, self._marking, self._folder, self._prepare = read, mark, folder, prepare
        self.exceeded: set[str] = set()
        """What exceeded a limit: ``assemble``, ``sheet``, ``experiment`` or ``mark``. A later run tries it again."""

    def assemble(self, delivery: Delivery) -> Submission:
        """The submission of ``delivery``, with the code of a document as its script if it has no other."""
        read, reason = self._read(Submission, "assemble", delivery=delivery)
        return read if read is not None else unread_submission(delivery, self._folder, f"The submission {reason}.")

    def sheet(self, submission: Submission) -> AnswerSheet:
        """The answers in its documents and scripts."""
        read, reason = self._read(AnswerSheet, "sheet", submission=submission)
        return read if read is not None else AnswerSheet(problems=(f"A document {reason}, so a person must read it.",))

    def experiment(self, submission: Submission) -> Experiment | None:
        """The table of its experiments; None where no file could be a table."""
        read, reason = self._read(Experiment, "experiment", submission=submission)
        if read is not None or not reason:
            return read
        return Experiment("", problems=(f"A table {reason}, so a person must read it.",), unread=1)

    def findings(self, texts: Mapping[str, str]) -> dict[str, KnownFinding]:
        """The marker's findings on the answers, by part."""
        self._prepare(texts)
        kind: Any = dict[str, KnownFinding]
        found, reason = self._read(kind, "mark", texts=texts)
        if found is not None:
            return dict(found)
        waits = AnswerFinding(Status.NEEDS_REVIEW, Decimal(0), 0.0, f"The answer {reason}.", ())
        return {part: KnownFinding(text, waits) for part, text in texts.items()}

    def _read(self, kind: type[T], work: str, **given: Any) -> tuple[T | None, str]:
        """The reply, or why there is none: the end of a sentence that begins with what was read."""
        self._folder.mkdir(exist_ok=True)
        ask = self._marking if work == "mark" else self._reading
        outcome = ask(encoded(Request(work, self._folder, **given)), WALL_SECONDS)
        if outcome.ending.kind == "finished":
            return decoded(outcome.reply, kind), ""
        self.exceeded.add(work)
        return None, _reason(outcome.ending, outcome.output)


def _reason(ending: Ending, output: str) -> str:
    if ending.kind in {"fault", "lost"}:
        fault = GraderFault(f"reading failed: {ending.detail}")
        fault.add_note(output)
        raise fault
    return _REASONS.get(ending.kind, _OTHER_REASON)
