"""One forked child, from the fork to its end: it records one submission, or it measures what was recorded."""

from __future__ import annotations

import faulthandler
import os
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NoReturn

from grader.model import Job
from grader.worker.isolate.capabilities import StepRefused
from grader.worker.isolate.confinement import Assignment, confine, depart, settle
from grader.worker.wire.channel import FAULT, UNOBSERVED, Channel, Unobserved
from grader.worker.wire.messages import frame, receive_frame

UNCAUGHT = 70
"""Exit status of a child that an exception ended (EX_SOFTWARE)."""
_PACKAGE = "grader"
Observe = Callable[[Job, Channel], object]
"""Runs the stages on one submission and reports them."""
OpenService = Callable[[dict[str, Any]], Callable[[bytes], bytes]]
"""Opens the data that the settings name; what it gives answers one request after another."""


def record(assignment: Assignment, observe: Observe) -> NoReturn:
    """Shut this process in, observe one submission in it, and leave without any of its exit handlers."""
    leave = os._exit
    channel = Channel(settle(assignment))
    faulthandler.enable()
    status, error, cause = UNCAUGHT, "", ""
    try:
        depart(assignment)
        job = Job(**{**assignment.job, "root": confine(assignment)})
        _leave_no_names()
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


def measure(assignment: Assignment, open_service: OpenService, settings: dict[str, Any]) -> NoReturn:
    """Open the service, shut this process in, and answer requests until the parent hangs up. No student code runs here.

    The first frame out is empty and says that all is ready. An exception ends the process, with a frame that tells it.
    """
    connection = socket.socket(fileno=settle(assignment))
    faulthandler.enable()
    try:
        depart(assignment)
        answer = open_service(settings)
        confine(assignment)
        connection.sendall(frame(b""))
        while True:
            try:
                request = receive_frame(connection)
            except EOFError:
                os._exit(0)
            connection.sendall(frame(answer(request)))
    except BaseException as problem:  # protects the grader: it is told, in its own words, and goes on
        traceback.print_exc()
        last_line = traceback.format_exception_only(problem)[-1].strip()
        connection.sendall(frame(last_line.encode("utf-8", "replace"), is_error=True))
    finally:
        os._exit(UNCAUGHT)


def _leave_no_names() -> None:
    """Take this package out of the table of modules: a submission's own ``grader`` is another one."""
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
