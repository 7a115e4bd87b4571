"""The fork server: it imports torch once, then forks a child process for each job.

The server communicates only with the parent. It starts child processes, each in its own process-id namespace where the
kernel allows it. It kills processes that they leave running, and it reports how each child ended. The server never runs
student code, starts no threads and does not use the GPU, because threads and GPU contexts do not survive a fork.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from grader.worker.child import UNCAUGHT, measure
from grader.worker.isolate import capabilities
from grader.worker.isolate.capabilities import ChildPidNamespace, Isolation
from grader.worker.isolate.confinement import (
    Allowance,
    Assignment,
    adopt_orphans,
    confine,
    enter_namespaces,
    process_allowance,
)
from grader.worker.isolate.filesystem import View, plan_view
from grader.worker.isolate.processes import children, kill, kill_group
from grader.worker.warm_up import Work, warm_up, works_of
from grader.worker.wire.messages import receive, send

_TICK = 0.2
"""Seconds between checks for orphaned processes, while children run."""
_SWEEP_SECONDS = 5.0


@dataclass(frozen=True)
class Sandbox:
    """How every child process of this server is confined."""

    isolation: Isolation
    view: View
    pid_namespace: ChildPidNamespace | None


def main(parent: socket.socket, *, is_isolating: bool) -> None:
    """Serve the parent until it closes the socket. In a forked child, do the work of that child and exit.

    Without ``is_isolating``, only limits and deadlines confine the children.
    """
    refusal = capabilities.enter_process_namespace() if is_isolating else "switched off"
    warm, _ = receive(parent)
    greeting = warm_up(warm["warm"])
    config, _ = receive(parent)
    works = {} if "missing" in greeting else works_of(config)
    sandbox = _find_sandbox(config, refusal if is_isolating else None)
    steps = [step for step in capabilities.STEPS if sandbox.isolation.has(step)]
    greeting |= {"steps": steps, "refusals": sandbox.isolation.refusals, "is_nested": not refusal}
    send(parent, greeting)
    if works:
        _serve(parent, sandbox, works)
    os._exit(0)


def serve_copies(
    parent: socket.socket, answer: Callable[[bytes], bytes], prepare: Callable[[dict[str, Any]], object]
) -> NoReturn:
    """Serve the parent, of which this process is a copy; each child answers requests with ``answer``, not isolated.

    ``prepare`` gets each message that asks for no child, and does in this process what later children shall find done.
    """
    sandbox = Sandbox(capabilities.NONE, View((), (), (), ()), None)
    works = {"read": partial(measure, open_service=lambda settings: answer, settings={})}
    _serve(parent, sandbox, works, prepare)


def _serve(
    parent: socket.socket,
    sandbox: Sandbox,
    works: Mapping[str, Work],
    prepare: Callable[[dict[str, Any]], object] = lambda message: None,
) -> NoReturn:
    assignment = _Server(parent, sandbox, prepare).serve()
    if assignment is not None:
        try:
            works[assignment.work](assignment)
        except BaseException:  # a child must not continue as a server or run its exit handlers
            traceback.print_exc()
            os._exit(UNCAUGHT)
    os._exit(0)


def _find_sandbox(config: dict[str, Any], refusal: str | None) -> Sandbox:
    """Find out which isolation this machine allows, by confining test children that do nothing else.

    ``refusal`` is the reason why there is no process-id namespace ("" if there is one). None means no isolation at all.
    """
    if refusal is None:
        return Sandbox(capabilities.NONE, View((), (), (), ()), None)
    plan = capabilities.all_steps()
    pid_namespace = None
    if refusal:
        plan = plan.without(capabilities.PID, refusal)
    else:
        pid_namespace = ChildPidNamespace()
    view = plan_view(config["hidden"])
    allowance = Allowance(1 << 20, 10, 1 << 31, 1 << 20, 64, 64)
    with tempfile.TemporaryDirectory() as folder:
        job = {"root": folder, "script": "task1_cnn.py"}

        def attempt(plan: Isolation) -> None:
            assignment = Assignment("record", job, os.getppid(), -1, -1, allowance, None, plan, view)
            enter_namespaces(assignment)
            confine(assignment)

        steps = capabilities.find_allowed_steps(plan, attempt, pid_namespace)
    return Sandbox(steps, view, pid_namespace if steps.has(capabilities.PID) else None)


class _Server:
    """The event loop: it handles requests to start or kill a child, children that exit, and orphaned processes."""

    def __init__(self, parent: socket.socket, sandbox: Sandbox, prepare: Callable[[dict[str, Any]], object]) -> None:
        self._parent = parent
        self._sandbox = sandbox
        self._prepare = prepare
        self._pid = os.getpid()
        self._controls: dict[int, socket.socket] = {}
        """By process id of a child: socket that reports its start and end. To kill the child, the parent closes it."""
        self._selector = selectors.DefaultSelector()
        self._processes = process_allowance()
        self._wakeup, woken = os.pipe()
        for descriptor in (self._wakeup, woken):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        adopt_orphans()

    def serve(self) -> Assignment | None:
        """Run until the parent closes the connection, then return None. In a forked child, return its assignment."""
        self._selector.register(self._parent, selectors.EVENT_READ)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select(_TICK if self._controls else None):
                if key.fileobj is self._parent:
                    try:
                        message, descriptors = receive(self._parent)
                    except (EOFError, OSError):
                        self._end_everything()
                        return None
                    if not descriptors:
                        with contextlib.suppress(Exception):  # then each child does it for itself, and reports it
                            self._prepare(message)
                        continue
                    assignment = self._start(message, descriptors)
                    if assignment is not None:
                        return assignment
                elif key.data is not None:
                    self._selector.unregister(key.fileobj)
                    kill(key.data)
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wakeup, 4096)
            self._reap()

    def _start(self, message: dict[str, Any], descriptors: list[int]) -> Assignment | None:
        control, *others = descriptors
        with contextlib.suppress(OSError):
            pid = capabilities.fork(self._sandbox.pid_namespace)
            if pid == 0:
                return self._become_child(message, descriptors)
            connection = socket.socket(fileno=control)
            connection.setblocking(False)
            self._controls[pid] = connection
            self._selector.register(connection, selectors.EVENT_READ, pid)
            _report(connection, {"pid": pid})
            control = -1
        for descriptor in (control, *others):
            if descriptor >= 0:
                os.close(descriptor)
        return None

    def _become_child(self, message: dict[str, Any], descriptors: list[int]) -> Assignment:
        # confine() closes these descriptors. No object may close the same numbers again when it is garbage-collected.
        for connection in (self._parent, *self._controls.values()):
            connection.detach()
        self._selector.close()
        _, output, channel = descriptors
        return Assignment(
            work=message["work"],
            job=message["job"],
            server=self._pid,
            channel=channel,
            output=output,
            allowance=Allowance(**message["allowance"]),
            shared_processes=self._processes,
            isolation=self._sandbox.isolation,
            view=self._sandbox.view,
        )

    def _reap(self) -> None:
        """Report each child that has ended, once every process that it started has ended too."""
        ended: dict[int, int] = {}
        for pid in list(self._controls):
            if hasattr(os, "waitid") and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            kill_group(pid)  # before the wait, while no other process can have this id
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                ended[pid] = status
        connections = {pid: self._controls.pop(pid) for pid in ended}
        if ended or self._controls:
            self._end_orphans()
        for pid, connection in connections.items():
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(connection)
            _report(connection, {"status": ended[pid]})
            connection.close()

    def _end_orphans(self) -> None:
        """Kill orphaned processes that were re-parented to the server. No submission needs a daemon.

        With a process-id namespace for each child this is not needed: the kernel kills every process in the namespace
        before it reports that the child has ended.
        """
        if self._sandbox.pid_namespace is not None:
            return
        give_up = time.monotonic() + _SWEEP_SECONDS
        while orphans := children(self._pid) - self._controls.keys():
            for orphan in orphans:
                kill(orphan)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan, os.WNOHANG)
            if time.monotonic() > give_up:
                return
            time.sleep(0.001)

    def _end_everything(self) -> None:
        for pid in self._controls:
            kill(pid)
        for pid in self._controls:  # so that their CPU time is counted
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._controls.clear()
        self._end_orphans()


def _report(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # the parent may have closed the connection
        connection.send(json.dumps(message).encode() + b"\n")
