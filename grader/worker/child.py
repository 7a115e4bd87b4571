"""What a forked child process does: record one submission, or measure recorded networks. Then the process exits."""

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
from grader.worker.isolate.confinement import Assignment, confine, detach_from_server, enter_namespaces
from grader.worker.wire.channel import FAULT, UNOBSERVED, Channel, Unobserved
from grader.worker.wire.messages import frame, receive_frame

UNCAUGHT = 70
"""Exit status of a child process that was ended by an exception (EX_SOFTWARE)."""
_PACKAGE = "grader"
Observe = Callable[[Job, Channel], object]
"""Runs the stages for one submission and reports each of them."""
OpenService = Callable[[dict[str, Any]], Callable[[bytes], bytes]]
"""Opens the data set that the settings name. The returned function maps a request to a reply."""


def record(assignment: Assignment, observe: Observe) -> NoReturn:
    """Confine this process, observe one submission in it, and exit without running exit handlers."""
    leave = os._exit
    channel = Channel(detach_from_server(assignment))
    faulthandler.enable()
    status, error, cause = UNCAUGHT, "", ""
    try:
        enter_namespaces(assignment)
        job = Job(**{**assignment.job, "root": confine(assignment)})
        _forget_package()
        observe(job, channel)
        status = 0
    except BaseException as problem:  # includes SystemExit from student code; the parent must know
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
    """Open the service, confine this process, and answer requests until the parent closes the connection.

    No student code runs in this process. The first frame to the parent is empty and means "ready". An exception ends
    the process; its message is sent to the parent as an error frame.
    """
    connection = socket.socket(fileno=detach_from_server(assignment))
    faulthandler.enable()
    try:
        enter_namespaces(assignment)
        answer = open_service(settings)
        confine(assignment)
        connection.sendall(frame(b""))
        while True:
            try:
                request = receive_frame(connection)
            except EOFError:
                os._exit(0)
            connection.sendall(frame(answer(request)))
    except BaseException as problem:  # protects the grader: it gets the error message and continues
        traceback.print_exc()
        last_line = traceback.format_exception_only(problem)[-1].strip()
        connection.sendall(frame(last_line.encode("utf-8", "replace"), is_error=True))
    finally:
        os._exit(UNCAUGHT)


def _forget_package() -> None:
    """Remove this package from ``sys.modules``, because a submission may have its own package called ``grader``."""
    for name in [name for name in sys.modules if name.partition(".")[0] == _PACKAGE]:
        del sys.modules[name]
