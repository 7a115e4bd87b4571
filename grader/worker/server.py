"""The warm fork server: torch is imported once, and whatever is to be done is done by a forked child.

The server speaks to the parent alone. It starts children, each in a process-id namespace of its own if it can, kills
what they leave behind and tells how they ended; it never runs student code itself, starts no thread and never touches a
GPU, because neither survives a fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import platform
import selectors
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NoReturn

from grader.worker.child import UNCAUGHT, measure, record
from grader.worker.devices import devices
from grader.worker.isolate import capabilities
from grader.worker.isolate.capabilities import Isolation, Nursery
from grader.worker.isolate.confinement import Allowance, Assignment, adopt_orphans, confine, depart, process_allowance
from grader.worker.isolate.filesystem import View, plan_view
from grader.worker.isolate.processes import children
from grader.worker.wire.messages import receive, send

_TICK = 0.2
"""Seconds between looks for processes that left their parents, while children run."""
_SWEEP_SECONDS = 5.0
Work = Callable[[Assignment], NoReturn]
"""What a child does, to the end of its process."""


@dataclass(frozen=True)
class Held:
    """How every child of this server is held in."""

    isolation: Isolation
    view: View
    nursery: Nursery | None


def main(parent: socket.socket, *, is_isolating: bool) -> None:
    """Serve the parent at the other end of the socket until it hangs up; in a child, do what that was forked for.

    Without ``is_isolating`` children are held in by limits and deadlines alone.
    """
    refusal = capabilities.enter_process_namespace() if is_isolating else "switched off"
    config, _ = receive(parent)
    works, greeting = _warm_up(config)
    held = _hold(config, refusal if is_isolating else None)
    steps = [step for step in capabilities.STEPS if held.isolation.has(step)]
    greeting |= {"steps": steps, "refusals": held.isolation.refusals, "is_nested": not refusal}
    send(parent, greeting)
    assignment = _Server(parent, held).serve() if works else None
    if assignment is not None:
        try:
            works[assignment.work](assignment)
        except BaseException:  # a child must not go on as a server, nor run the exit handlers of one
            traceback.print_exc()
            os._exit(UNCAUGHT)
    os._exit(0)


def _warm_up(config: dict[str, Any]) -> tuple[dict[str, Work], dict[str, Any]]:
    """Import everything a child will need; return the kinds of work, and what to tell the parent about this machine."""
    os.environ.pop("PYTHONPATH", None)
    versions: dict[str, str] = {"python": platform.python_version()}
    missing: list[str] = []
    for name in config["warm"]:
        try:
            module = importlib.import_module(name)
        except ImportError as problem:
            missing.append(f"{name} ({problem})")
        else:
            if "." not in name:
                versions[name] = str(getattr(module, "__version__", ""))
    if missing:
        return {}, {"missing": missing}
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    works: dict[str, Work] = {
        "record": partial(record, observe=_entry(config["entry"])),
        "measure": partial(measure, open_service=_entry(config["measure"]), settings=config["settings"]),
    }
    for name in dict.fromkeys(config[kind].partition(":")[0] for kind in ("entry", "measure")):
        getattr(sys.modules[name], "preload", lambda: None)()
    # The package is loaded now; what lies beside it (solutions, tests) is nothing for a submission to import.
    sys.path[:] = [path for path in sys.path if path not in config["hidden_paths"]]
    gc.collect()
    gc.freeze()
    return works, {"versions": versions, "devices": devices() if torch is not None else ("cpu",)}


def _entry(name: str) -> Callable[..., Any]:
    """What ``module:function`` names."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


def _hold(config: dict[str, Any], refusal: str | None) -> Held:
    """Find out what this machine allows, by confining children that do nothing else.

    ``refusal`` says why there is no process-id namespace; None when there is to be no isolation at all.
    """
    if refusal is None:
        return Held(capabilities.NONE, View((), (), (), ()), None)
    plan = capabilities.wanted()
    nursery = None
    if refusal:
        plan = plan.without(capabilities.PID, refusal)
    else:
        nursery = Nursery()
    view = plan_view(config["hidden"])
    allowance = Allowance(1 << 20, 10, 1 << 31, 1 << 20, 64)
    with tempfile.TemporaryDirectory() as folder:
        job = {"root": folder, "script": "task1_cnn.py"}

        def attempt(plan: Isolation) -> None:
            assignment = Assignment("record", job, os.getppid(), -1, -1, allowance, None, plan, view)
            depart(assignment)
            confine(assignment)

        steps = capabilities.rehearse(plan, attempt, nursery)
    return Held(steps, view, nursery if steps.has(capabilities.PID) else None)


class _Server:
    """The loop: requests from the parent, hang-ups that mean "kill it", ends of children, orphans."""

    def __init__(self, parent: socket.socket, held: Held) -> None:
        self._parent = parent
        self._held = held
        self._pid = os.getpid()
        self._controls: dict[int, socket.socket] = {}
        """By child: the socket that tells the parent of its start and end, and on which the parent asks for its end."""
        self._selector = selectors.DefaultSelector()
        self._processes = process_allowance()
        self._wakeup, woken = os.pipe()
        for descriptor in (self._wakeup, woken):
            os.set_blocking(descriptor, False)
        signal.set_wakeup_fd(woken)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        adopt_orphans()

    def serve(self) -> Assignment | None:
        """Run until the parent hangs up (None); in a forked child, return its assignment at once."""
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
                    assignment = self._start(message, descriptors)
                    if assignment is not None:
                        return assignment
                elif key.data is not None:
                    self._selector.unregister(key.fileobj)
                    _kill(key.data)
                else:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self._wakeup, 4096)
            self._reap()

    def _start(self, message: dict[str, Any], descriptors: list[int]) -> Assignment | None:
        control, *others = descriptors
        with contextlib.suppress(OSError):
            pid = capabilities.fork(self._held.nursery)
            if pid == 0:
                return self._become_child(message, descriptors)
            connection = socket.socket(fileno=control)
            connection.setblocking(False)
            self._controls[pid] = connection
            self._selector.register(connection, selectors.EVENT_READ, pid)
            _tell(connection, {"pid": pid})
            control = -1
        for descriptor in (control, *others):
            if descriptor >= 0:
                os.close(descriptor)
        return None

    def _become_child(self, message: dict[str, Any], descriptors: list[int]) -> Assignment:
        # confine() closes the descriptors; no object may close their numbers again when it is collected later.
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
            isolation=self._held.isolation,
            view=self._held.view,
        )

    def _reap(self) -> None:
        """Report the children that ended, once nothing that they started is left."""
        ended: dict[int, int] = {}
        for pid in list(self._controls):
            if hasattr(os, "waitid") and os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                continue
            _kill_group(pid)  # before the wait, while the number can't belong to anybody else
            reaped, status = os.waitpid(pid, os.WNOHANG)
            if reaped:
                ended[pid] = status
        connections = {pid: self._controls.pop(pid) for pid in ended}
        if ended or self._controls:
            self._end_orphans()
        for pid, connection in connections.items():
            with contextlib.suppress(KeyError, ValueError):
                self._selector.unregister(connection)
            _tell(connection, {"status": ended[pid]})
            connection.close()

    def _end_orphans(self) -> None:
        """Kill the processes that came to this one because their parent ended. No submission needs a daemon.

        Where each child has a process-id namespace, the kernel has ended all that was in it before the child counts as
        ended.
        """
        if self._held.nursery is not None:
            return
        give_up = time.monotonic() + _SWEEP_SECONDS
        while orphans := children(self._pid) - self._controls.keys():
            for orphan in orphans:
                _kill(orphan)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan, os.WNOHANG)
            if time.monotonic() > give_up:
                return
            time.sleep(0.001)

    def _end_everything(self) -> None:
        for pid in self._controls:
            _kill(pid)
        for pid in self._controls:  # so that the time they took is counted
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
        self._controls.clear()
        self._end_orphans()


def _tell(connection: socket.socket, message: dict[str, Any]) -> None:
    with contextlib.suppress(OSError):  # a parent that does not listen any more
        connection.send(json.dumps(message).encode() + b"\n")


def _kill(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.kill(pid, signal.SIGKILL)
    _kill_group(pid)


def _kill_group(pid: int) -> None:
    with contextlib.suppress(OSError):
        os.killpg(pid, signal.SIGKILL)
