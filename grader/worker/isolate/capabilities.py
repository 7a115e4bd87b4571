"""Find out which isolation steps the kernel of this machine allows, by trying each step in a child process.

If the kernel refuses a step, that step is left out, the other steps stay, and the reason is kept for the tutor. The
steps themselves are in :mod:`grader.worker.isolate.confinement`.
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
"""All steps, in the order in which a child takes them: a process-id namespace; namespaces for mounts, network, IPC and
host name; a file system view with only the files that are needed; a user without capabilities; Landlock; a seccomp
filter for system calls."""
_NEEDS = {VIEW: NAMESPACES}


class StepRefused(Exception):
    """The kernel refused a step; ``step`` names it."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(f"{step}: {reason}")
        self.step = step
        self.reason = reason


@dataclass(frozen=True)
class Isolation:
    """The steps that this machine allows, and the reason for each step that it refuses."""

    steps: frozenset[str]
    refusals: dict[str, str] = field(default_factory=dict)

    def has(self, step: str) -> bool:
        """Whether the step is taken."""
        return step in self.steps

    def without(self, step: str, reason: str) -> Isolation:
        """A copy without one step and the steps that need it."""
        gone = {step} | {name for name, need in _NEEDS.items() if need == step}
        reasons = dict.fromkeys(gone & self.steps, reason)
        return replace(self, steps=self.steps - gone, refusals={**self.refusals, **reasons})


NONE = Isolation(frozenset())


def all_steps() -> Isolation:
    """All steps that exist on this operating system."""
    if not sys.platform.startswith("linux"):
        return NONE
    return Isolation(frozenset(STEPS))


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Turn an OSError inside the block into :class:`StepRefused`."""
    try:
        yield
    except (OSError, AttributeError) as problem:  # AttributeError: a C library without the function
        raise StepRefused(name, str(problem)) from None


def enter_process_namespace() -> str:
    """Continue in a forked child that has its own process-id namespace. The calling process waits for that child.

    When the child ends, the kernel kills every process below it, and the calling process exits with the same status.
    Inside the namespace, :class:`ChildPidNamespace` can give each further child its own namespace. Returns "" on
    success, or the reason why nothing changed. Call this before starting a thread or importing large modules.
    """
    if not sys.platform.startswith("linux"):
        return "this operating system has no namespaces"
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
    _in_a_child(lambda: ChildPidNamespace().prepare(), is_strict=True)


def _in_a_child(
    attempt: Callable[[], object], *, pid_namespace: ChildPidNamespace | None = None, is_strict: bool = False
) -> str:
    """Run ``attempt`` in a forked child; return the text of the exception that it raised, or "" if it raised none."""
    readable, writable = os.pipe()
    pid = fork(pid_namespace)
    if pid == 0:
        text = ""
        try:
            attempt()
        except Exception as problem:  # any exception means that this step does not work here
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


class ChildPidNamespace:
    """Gives the next forked child its own process-id namespace, in which the child is the first process.

    The kernel puts only future children into a new process-id namespace, and a process can create only one at a time.
    So this process returns to its own namespace between two forks.
    """

    def __init__(self) -> None:
        self._own = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)

    def prepare(self) -> None:
        """Create a namespace for the next child."""
        syscalls.unshare(syscalls.NEW_PID)

    def restore(self) -> None:
        """Let further children stay in the namespace of this process."""
        syscalls.join(self._own, syscalls.NEW_PID)


def fork(pid_namespace: ChildPidNamespace | None) -> int:
    """os.fork(); with ``pid_namespace``, the child gets its own process-id namespace."""
    if pid_namespace is None:
        return os.fork()
    pid_namespace.prepare()
    pid = -1
    try:
        pid = os.fork()
    finally:
        if pid != 0:
            pid_namespace.restore()
    return pid


def find_allowed_steps(
    isolation: Isolation, attempt: Callable[[Isolation], object], pid_namespace: ChildPidNamespace | None
) -> Isolation:
    """Run ``attempt`` in a child again and again, each time without the refused step, until no step is refused."""
    for _ in range(len(STEPS) + 1):
        report = _in_a_child(partial(_report, isolation, attempt), pid_namespace=pid_namespace)
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
