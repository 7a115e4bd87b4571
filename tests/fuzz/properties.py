"""What must hold for whatever is handed in: reading it never raises, takes a bounded time, and writes in one place."""

from __future__ import annotations

import contextlib
import gc
import math
import os
import resource
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import FrameType

from grader.answers.finding.paper import LAB4
from grader.answers.marker.key import AnswerKey, load_key
from grader.model import AnswerFinding, Submission
from grader.model.evidence import Ending
from grader.reading import Reader
from grader.reading.reader import MARKING_SECONDS, READING_SECONDS
from grader.reading.service import answer, prepare
from grader.sandbox.measuring import Outcome
from grader.submissions.assembly import Delivery
from grader.submissions.discovery import survey
from tests.support.places import ROOT
from tests.support.submission_files import NET

STUDENT, NEIGHBOUR = "ann", "ben"
"""Who hands in what is drawn, unless it is a whole delivery, and a student whose script is beside it."""
MOST_REPLY = 8 << 20
"""Bytes of a reply: half of what the parent accepts."""
MOST_UNPACKED = 600 << 20
"""Bytes in a submission's folder: what is unpacked (200 MiB at most) and two copies of it."""
MOST_DELIVERIES = 12
"""Submissions of a delivery that are read; the others would take time and show nothing new."""
TIMES, SLACK_SECONDS = 6.0, 0.5
"""A file of four times the size may take this many times the CPU time, and this much more."""


@dataclass
class Place:
    """A folder in which a submission is read, with nothing else in it, so that whatever is written elsewhere is seen.

    ``seconds`` is the CPU time of the last reading by step, and ``unread`` says which documents it gave up.
    """

    base: Path
    seconds: dict[str, float] = field(default_factory=dict)
    unread: list[str] = field(default_factory=list)

    @property
    def guarded(self) -> Path:
        """Deep below ``base``, so that names with ``..`` end in ``base``."""
        return self.base / "1" / "2" / "3"

    @property
    def handed_in(self) -> Path:
        """Where the files to read are."""
        return self.guarded / "cohort"

    @property
    def total(self) -> float:
        """CPU seconds of the last reading."""
        return sum(self.seconds.values())

    def cleared(self) -> Path:
        """The folder for the files to read, which contains only the neighbour's."""
        shutil.rmtree(self.base, ignore_errors=True)
        for name in ("cohort", "scratch", "temporary", "here"):
            (self.guarded / name).mkdir(parents=True)
        (self.handed_in / NEIGHBOUR).mkdir()
        (self.handed_in / NEIGHBOUR / "task1_cnn.py").write_text(NET, encoding="utf-8")
        self.seconds, self.unread = {}, []
        return self.handed_in

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """With the current folder and that of temporary files inside this place."""
        before = tempfile.tempdir
        tempfile.tempdir = str(self.guarded / "temporary")
        try:
            with contextlib.chdir(self.guarded / "here"):
                yield
        finally:
            tempfile.tempdir = before

    @contextlib.contextmanager
    def measured(self, step: str) -> Iterator[None]:
        """Add the CPU time of the block to ``step``."""
        start = _cpu_seconds()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + _cpu_seconds() - start


def read_delivery(place: Place) -> None:
    """Read what was handed in as a run does, and check what comes out of it."""
    with place.entered():
        outside = _listing(place.base, apart=place.guarded / "scratch")
        for number, delivery in enumerate(_deliveries(place)[:MOST_DELIVERIES]):
            folder = place.guarded / "scratch" / f"reading-{number}"
            folder.mkdir()
            beside = _listing(place.base, apart=folder)
            _read(place, delivery, folder)
            assert _listing(place.base, apart=folder) == beside, "something was written outside the submission's folder"
            size = sum(size for _, size, _ in _listing(folder))
            assert size <= MOST_UNPACKED, f"{size} bytes were unpacked"
        assert _listing(place.base, apart=place.guarded / "scratch") == outside, "something was written elsewhere"
    _check_seconds(place)


def mark_everywhere(place: Place) -> None:
    """Mark the text that was handed in as an answer to every part."""
    text = (place.handed_in / "answer.txt").read_bytes().decode(errors="surrogatepass")
    with place.entered():
        for part in key().parts:
            with place.measured(f"mark {part}"):
                findings = _reader(place.guarded / "scratch").findings({part: text})
            _check_finding(findings[part].finding, text)
    _check_seconds(place)


def grow_linearly(place: Place) -> None:
    """Read the submissions ``small`` and ``large``, of four times the size, and compare their CPU times."""
    few, many = (_seconds_of(place, size) for size in ("small", "large"))
    if many > TIMES * few + SLACK_SECONDS:  # measured again, because other programs disturb
        few = min(few, *(_seconds_of(place, "small") for _ in range(2)))
        many = min(many, *(_seconds_of(place, "large") for _ in range(2)))
    place.seconds = {"small": few, "large": many}
    assert many <= TIMES * few + SLACK_SECONDS, f"{many:.2f} s for the large file and {few:.2f} s for a quarter of it"


def _seconds_of(place: Place, size: str) -> float:
    alone = Place(place.guarded / "alone")
    shutil.copytree(place.handed_in / size, alone.cleared(), dirs_exist_ok=True)
    read_delivery(alone)
    assert not alone.unread, alone.unread[0]  # their time does not grow, because it is limited
    return alone.total


def _deliveries(place: Place) -> tuple[Delivery, ...]:
    with place.measured("survey"):
        found = survey(place.handed_in, place.guarded / "scratch")
    if {path.name for path in place.handed_in.iterdir()} == {STUDENT, NEIGHBOUR}:
        assert {delivery.id for delivery in found} == {STUDENT, NEIGHBOUR}
    return found


def _read(place: Place, delivery: Delivery, folder: Path) -> None:
    reader = _reader(folder)
    with _limited(READING_SECONDS):
        with place.measured("assemble"):
            submission = reader.assemble(delivery)
        with place.measured("sheet"):
            sheet = reader.sheet(submission)
        with place.measured("experiment"):
            reader.experiment(submission)
    place.unread += [problem for problem in sheet.problems if "takes too long" in problem]
    _check_submission(submission)
    assert submission.script == "task1_cnn.py" or submission.id != NEIGHBOUR
    texts = {answer.part: answer.text for answer in sheet.answers if answer.text}
    with place.measured("mark"):
        findings = reader.findings(texts)
    assert findings.keys() == texts.keys()
    for part, known in findings.items():
        _check_finding(known.finding, texts[part])


@contextlib.contextmanager
def _limited(seconds: int) -> Iterator[None]:
    """With the limit of a reading process, of which those who read documents take no more than a part."""

    def end(number: int, frame: FrameType | None) -> None:
        raise AssertionError(f"more than {seconds} s of CPU time")

    # hypothesis measures garbage collection in a callback, in which what a signal raises would be lost.
    callbacks, gc.callbacks[:] = gc.callbacks[:], []
    soft, hard = resource.getrlimit(resource.RLIMIT_CPU)
    before = signal.signal(signal.SIGXCPU, end)
    resource.setrlimit(resource.RLIMIT_CPU, (math.ceil(time.process_time() + seconds), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
        signal.signal(signal.SIGXCPU, before)
        gc.callbacks[:] = callbacks


def _reader(folder: Path) -> Reader:
    """A reader that works in this process, so that what its functions raise arrives here."""

    def ask(request: bytes, seconds: float) -> Outcome:
        reply = answer(request, key(), LAB4)
        assert len(reply) <= MOST_REPLY, f"a reply of {len(reply)} bytes"
        return Outcome(Ending("finished"), reply)

    return Reader(ask, ask, folder, prepare=lambda parts: None)


@cache
def key() -> AnswerKey:
    """The answer key, prepared for marking as in a run, which takes seconds."""
    loaded = load_key(ROOT / "solutions" / "key.toml")
    prepare({"parts": list(loaded.parts)}, loaded)
    return loaded


def _check_submission(submission: Submission) -> None:
    assert (submission.script is None) == bool(submission.problem), submission.problem
    assert submission.id.isprintable()
    for name in {*submission.files, *submission.documents, *submission.candidates}:
        assert name.isprintable()
        inside = (submission.root / name).resolve()
        assert inside.is_relative_to(submission.root.resolve()), f"{name} is outside the submission"
        assert inside.is_file(), f"{name} is missing"


def _check_finding(finding: AnswerFinding, text: str) -> None:
    assert 0 <= finding.awarded <= 1
    assert 0 <= finding.confidence <= 1
    assert all(0 <= start <= end <= len(text) for start, end in finding.spans), finding.spans


def _check_seconds(place: Place) -> None:
    spent = ", ".join(f"{step} {seconds:.1f} s" for step, seconds in place.seconds.items())
    marking = sum(seconds for step, seconds in place.seconds.items() if step.startswith("mark"))
    assert marking <= MARKING_SECONDS, f"marking took {marking:.1f} s of CPU time: {spent}"
    assert place.total - marking <= READING_SECONDS, f"reading took {place.total - marking:.1f} s of CPU time: {spent}"


def _listing(folder: Path, apart: Path | None = None) -> list[tuple[str, int, int]]:
    """Path, size and time of everything below ``folder`` but ``apart``."""
    found = []
    for root, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if Path(root, name) != apart]
        for name in (*folders, *files):
            path = Path(root, name)
            status = path.lstat()
            is_file = name in files
            found.append((str(path), status.st_size if is_file else 0, status.st_mtime_ns * is_file))
    return sorted(found)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime
