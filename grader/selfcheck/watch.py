"""``python check.py --watch``: check again after each save. Torch is imported before it is needed.

A process that has imported torch waits for each check, and runs one only, so that nothing of an earlier version of the
script is left in it. What needs no training is shown first. If all of that is ok, the training follows. A save ends
what runs.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from subprocess import Popen

from grader.selfcheck.child import end_process, start_process
from grader.selfcheck.command import COMMAND, Console
from grader.selfcheck.console import with_progress
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.steps import STEP_IDS, TRAINED
from grader.selfcheck.summary import CHECKS_FOLDER, Summary, beginning, summarise
from grader.selfcheck.wording import Asked, Word, word
from grader.submissions.ignored import DOCUMENT_SUFFIXES, SCRIPT_SUFFIXES, is_clutter_file, is_clutter_folder

WATCHED = (SCRIPT_SUFFIXES | DOCUMENT_SUFFIXES | {".csv"}) - {".html", ".htm"}
"""Suffixes of files that may be part of the work. Each check writes its page, which must not start the next check."""
POLL_SECONDS = 0.2
SETTLED_SECONDS = 0.1
"""An editor may write a file in several steps; a check starts when it has not changed for so long."""
QUICK = tuple(id for id in STEP_IDS if id not in TRAINED)
"""The steps that need no training."""
SLOW = tuple(id for id in STEP_IDS if id in TRAINED)
"""Those that need it."""
Times = dict[Path, tuple[int, int]]
"""The time and the size of each watched file."""


def watch(folder: Path, asked: Asked, console: Console) -> int:
    """Check the work in ``folder`` now and after each save, until Ctrl-C. Returns the exit status 0."""
    spare = Spare()
    saves = Saves(folder)
    try:
        while True:
            console.rule(f"{datetime.now():%H:%M:%S}")  # by the student's clock
            _check(folder, asked, console, spare, saves)
            if not saves.is_saved:
                spare.refill()  # not before, because importing torch takes a core
                console.write(f"\nWaiting for the next save ({COMMAND} --watch; Ctrl-C ends it).\n")
            saves.wait()
            console.write("\n")
    except KeyboardInterrupt:
        console.write("\nThe watch has ended.\n")
        return 0
    finally:
        saves.stop()
        spare.stop()


def _check(folder: Path, asked: Asked, console: Console, spare: Spare, saves: Saves) -> None:
    """Show the quick steps, and if all of them are ok, those of the training. A save ends it and shows no more."""

    def checked(start: str, steps: Sequence[str], is_kept: Callable[[SelfCheck], bool]) -> Summary:
        process = spare.take()
        with saves.ending(process):
            return with_progress(
                start, console.write, lambda on_stage: summarise(folder, steps, on_stage, process, is_kept)
            )

    saves.clear()
    summary = checked(beginning(folder), QUICK, lambda check: not saves.is_saved and not _is_ok(check))
    check = summary.check
    assert check is not None
    if not saves.is_saved and _is_ok(check):
        console.show_steps(summary, QUICK, asked)
        summary = checked("\nThe training run follows; a save ends it.", STEP_IDS, lambda check: not saves.is_saved)
        if not saves.is_saved:
            console.show(summary, SLOW, asked)
    elif not saves.is_saved:
        console.show(summary, QUICK, asked)


def _is_ok(check: SelfCheck) -> bool:
    return all(word(id, check) is Word.OK for id in QUICK)


class Spare:
    """Processes that have imported torch, or are doing so: one for the quick steps, one for the training."""

    def __init__(self) -> None:
        self._waiting: list[Popen[bytes]] = []
        self.refill()

    def refill(self) -> None:
        """Start processes in the place of those that were taken or have ended."""
        self._waiting = [process for process in self._waiting if process.poll() is None]
        self._waiting += [start_process(is_early=True) for _ in range(2 - len(self._waiting))]

    def take(self) -> Popen[bytes]:
        """The process that has waited longest."""
        return self._waiting.pop(0) if self._waiting else start_process(is_early=True)

    def stop(self) -> None:
        """End the processes that wait."""
        for process in self._waiting:
            end_process(process)


class Saves:
    """Notices saves of files in ``folder``, from a thread of its own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._saved = threading.Event()
        self._stopped = threading.Event()
        self._lock = threading.Lock()
        self._process: Popen[bytes] | None = None
        before = _times(folder)  # here, because the thread may start later
        self._thread = threading.Thread(target=self._run, args=(before,), daemon=True)
        self._thread.start()

    @property
    def is_saved(self) -> bool:
        """Whether something was saved since the last ``clear``."""
        return self._saved.is_set()

    def clear(self) -> None:
        """Forget the saves so far."""
        self._saved.clear()

    def wait(self) -> None:
        """Return after the next save, or at once if one was not cleared."""
        while not self._saved.wait(1.0):  # with a limit, so that Ctrl-C ends it on Windows too
            pass

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join(5.0)

    @contextlib.contextmanager
    def ending(self, process: Popen[bytes]) -> Iterator[None]:
        """End ``process`` when something is saved."""
        with self._lock:
            self._process = process
        try:
            if self.is_saved:
                end_process(process)
            yield
        finally:
            with self._lock:
                self._process = None

    def _run(self, before: Times) -> None:
        for _ in changes(self._folder, before, self._stopped):
            self._saved.set()
            with self._lock:
                if self._process is not None:
                    self._process.kill()  # the main thread collects it


def changes(folder: Path, before: Times, stopped: threading.Event) -> Iterator[None]:
    """Yield after each save of a watched file below ``folder`` since ``before``, until ``stopped`` is set."""
    for _ in _wakings(folder, stopped):
        now = _times(folder)
        if now == before:
            continue
        while not stopped.wait(SETTLED_SECONDS) and (later := _times(folder)) != now:
            now = later
        before = now
        yield


def _wakings(folder: Path, stopped: threading.Event) -> Iterator[object]:
    """When to look: after each notice of the system, if ``watchfiles`` is installed; else several times a second."""
    try:
        from watchfiles import watch as notices  # type: ignore[import-not-found]  # students need not have it
    except ImportError:
        while not stopped.wait(POLL_SECONDS):
            yield None
        return
    yield from notices(folder, stop_event=stopped, step=20, debounce=100, rust_timeout=1000, yield_on_timeout=True)


def _times(folder: Path) -> Times:
    found = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not (is_clutter_folder(name) or name == CHECKS_FOLDER)]
        for path in (Path(place, name) for name in names if not is_clutter_file(name)):
            if path.suffix.casefold() in WATCHED:
                with contextlib.suppress(OSError):
                    status = path.stat()
                    found[path] = (status.st_mtime_ns, status.st_size)
    return found
