"""Which of the kernel's means hold a submission in on this machine, found out by trying them.

Each means is a step of its own; one that the kernel refuses is left out, the others stay, and what is missing is told.
The steps themselves are made in :mod:`grader.worker.isolate.confinement`.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial

from grader.worker.isolate import syscalls

PID, NAMESPACES, VIEW, USER, LANDLOCK, CALLS = "pid", "namespaces", "view", "user", "landlock", "calls"
STEPS = (PID, NAMESPACES, VIEW, USER, LANDLOCK, CALLS)
"""A process-id namespace; namespaces for mounts, network, IPC and host name; a root with only what is needed in it; an
own user without rights; Landlock; a filter of system calls. In the order in which a child takes them."""
_NEEDS = {VIEW: NAMESPACES}


class StepRefused(Exception):
    """The kernel refused a step; ``step`` names it."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


@dataclass(frozen=True)
class Isolation:
    """The steps that hold here, and for those that do not, why not."""

    steps: frozenset[str]
    refusals: dict[str, str] = field(default_factory=dict)

    def has(self, step: str) -> bool:
        """Whether the step is taken."""
        return step in self.steps

    def without(self, step: str, reason: str) -> Isolation:
        """The same less one step and what builds on it."""
        gone = {step} | {name for name, need in _NEEDS.items() if need == step}
        reasons = dict.fromkeys(gone & self.steps, reason)
        return replace(self, steps=self.steps - gone, refusals={**self.refusals, **reasons})


NONE = Isolation(frozenset())


def wanted() -> Isolation:
    """Every step that there is on this kind of system."""
    if not sys.platform.startswith("linux"):
        return NONE
    return Isolation(frozenset(STEPS))


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Turn a refusal within into :class:`StepRefused`."""
    try:
        yield
    except (OSError, AttributeError) as problem:  # AttributeError: a C library without the function
        raise StepRefused(name, str(problem)) from None


def enter_process_namespace() -> str:
    """Go on in a process-id namespace of one's own; the process that was called waits for it and ends as it does.

    When this process ends, however it does, the kernel ends everything below it. Afterwards :class:`Nursery` can give
    each child a namespace in turn. Returns an empty text, or why nothing was changed. To be called before any thread
    is started and anything large is loaded.
    """
    if not sys.platform.startswith("linux"):
        return "there are no namespaces on this system"
    reason = _in_a_child(_try_nesting)
    if reason:
        return reason
    _unshare()
    server = os.fork()
    if server == 0:
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
        return ""
    os.closerange(3, 256)  # the channel to the parent must end when the server does
    _, status = os.waitpid(server, 0)
    code = os.waitstatus_to_exitcode(status)
    os._exit(code if code >= 0 else 128 - code)


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        syscalls.unshare(syscalls.NEW_PID)
        return
    syscalls.unshare(syscalls.NEW_USER | syscalls.NEW_PID)
    syscalls.map_own_ids(user, group)


def _try_nesting() -> None:
    _unshare()
    _in_a_child(lambda: Nursery().prepare(), is_strict=True)


def _in_a_child(attempt: Callable[[], object], *, nursery: Nursery | None = None, is_strict: bool = False) -> str:
    """Run ``attempt`` in a forked child; the text of what it raised, empty when it raised nothing."""
    readable, writable = os.pipe()
    pid = fork(nursery)
    if pid == 0:
        text = ""
        try:
            attempt()
        except Exception as problem:  # whatever it is, the step does not hold here
            text = str(problem) or type(problem).__name__
        finally:
            os.write(writable, text.encode())
            os._exit(0)
    os.close(writable)
    with open(readable, encoding="utf-8", errors="replace") as answer:
        reason = answer.read()
    os.waitpid(pid, 0)
    if reason and is_strict:
        raise OSError(reason)
    return reason


class Nursery:
    """Gives the next child that is forked a process-id namespace of its own, in which it is the first process.

    The kernel moves children only, and only once; between two forks the process returns to its own namespace.
    """

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def prepare(self) -> None:
        """Have the next child start a namespace."""
        syscalls.unshare(syscalls.NEW_PID)

    def restore(self) -> None:
        """Have further children stay in this process's own namespace."""
        syscalls.join(self._own, syscalls.NEW_PID)


def fork(nursery: Nursery | None) -> int:
    """os.fork(), the child in a process-id namespace of its own when there is a nursery for it."""
    if nursery is None:
        return os.fork()
    nursery.prepare()
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            nursery.restore()
    return pid


def rehearse(isolation: Isolation, attempt: Callable[[Isolation], object], nursery: Nursery | None) -> Isolation:
    """Try ``attempt`` with fewer and fewer steps, each time in a child, until the kernel refuses none of them."""
    for _ in range(len(STEPS) + 1):
        report = _in_a_child(partial(_report, isolation, attempt), nursery=nursery)
        if not report:
            return isolation
        try:
            refused = json.loads(report)
        except ValueError:
            break
        isolation = isolation.without(refused["step"], refused["reason"])
    return Isolation(frozenset(), dict.fromkeys(STEPS, report))


def _report(isolation: Isolation, attempt: Callable[[Isolation], object]) -> None:
    try:
        attempt(isolation)
    except StepRefused as refusal:
        raise OSError(json.dumps({"step": refusal.step, "reason": refusal.reason})) from None
