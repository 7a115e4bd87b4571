"""One submission's process, from the fork to its end: shutting in, watching, observing, reporting."""

from __future__ import annotations

import faulthandler
import os
import sys
import traceback
from collections.abc import Callable

from grader.evidence import Notice
from grader.model import DataFiles, Job
from grader.worker import isolation
from grader.worker.channel import FAULT, UNOBSERVED, Channel, Unobserved, transmitter
from grader.worker.confinement import Assignment, confine, settle
from grader.worker.isolation import StepRefused
from grader.worker.seal import Seal, guard_with
from grader.worker.view import HOME
from grader.worker.watch import Watch

UNCAUGHT = 70
"""Exit status of a child that an exception ended (EX_SOFTWARE)."""
_PACKAGE = "grader"
Observe = Callable[[Job, Channel], object]
"""Runs the stages on one submission and reports them."""


def run(assignment: Assignment, observe: Observe, *, seal: Seal, trusted: tuple[str, ...]) -> None:
    """Shut this process in, observe one submission in it, and leave without any of its exit handlers.

    ``seal`` was made before any student code ran; ``trusted`` are the folders of our own code.
    """
    leave = os._exit
    evidence, commands = settle(assignment)
    faulthandler.enable()
    root = HOME if assignment.isolation.has(isolation.VIEW) else str(assignment.job["root"])
    watch = Watch(root, trusted=trusted)
    sender = transmitter(evidence, assignment.key, _noticing(watch, seal))
    channel = Channel(sender, commands)
    status, error, cause = UNCAUGHT, "", ""
    try:
        root = confine(assignment)
        job = Job(**{**assignment.job, "root": root, "data": DataFiles(**assignment.job["data"])})
        _leave_no_names()
        guard_with(_guard(watch, seal))
        watch.install(sender.tell, prepare=seal.put_back_builtins)
        observe(job, channel)
        status = 0
    except BaseException as problem:  # SystemExit from student code included: the parent must learn of it
        error = f"{type(problem).__name__}: {problem}"
        cause = {StepRefused: FAULT, Unobserved: UNOBSERVED}.get(type(problem), "")
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
            channel.end(error, cause=cause)
        finally:
            leave(status)


def _noticing(watch: Watch, seal: Seal) -> Callable[[str | None], list[Notice]]:
    """What came up since the last frame: what was watched, and what was replaced, which is put back."""

    def notices(stage: str | None) -> list[Notice]:
        if stage is not None:
            _note_patches(watch, seal.broken())
            watch.stage = stage
        return watch.take()

    return notices


def _guard(watch: Watch, seal: Seal) -> Callable[[], None]:
    """A look, at each operation of a pass that is followed, at what following it relies on."""
    return lambda: _note_patches(watch, seal.broken_nearby())


def _note_patches(watch: Watch, names: tuple[str, ...]) -> None:
    for name in names:
        if name.startswith(f"{_PACKAGE}."):
            watch.add("reaches-in", "It replaces a part of the grader while it is graded.", is_grave=True)
        else:
            is_late = watch.stage not in ("load", "build")
            what = "while it is looked at" if is_late else "when it is loaded"
            watch.add("patches-library", f"It replaces {name[:100]} {what}; that was undone.", is_grave=is_late)


def _leave_no_names() -> None:
    """Take this package out of the table of modules, where a submission could find it by name."""
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
