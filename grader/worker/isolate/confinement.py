"""What a forked child does to itself before it is of use: streams, descriptors, isolation, limits, session.

Which steps of isolation this machine allows is found out in :mod:`grader.worker.isolate.capabilities`.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import signal
import socket
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

from grader.worker.isolate import capabilities, landlock, seccomp, syscalls
from grader.worker.isolate.capabilities import Isolation
from grader.worker.isolate.filesystem import HOME, NOBODY, WRITABLE, View, enter_view, has_gpu

_SPARE_PROCESSES = 1024
"""How many processes and threads a user may have beyond those that run when the server starts (not for root)."""


@dataclass(frozen=True)
class Allowance:
    """What one child may use, in the kernel's own terms: bytes, CPU seconds, processes and threads. None: no limit."""

    file_bytes: int
    cpu_seconds: int | None
    data_bytes: int | None
    """Beyond what is there at the start, for each process; the parent watches over all of them together."""
    disk_bytes: int
    """In all, where a view of its own bounds what it writes."""
    processes: int


@dataclass(frozen=True)
class Assignment:
    """One forked child's work: the job as received, its descriptors and what holds it in."""

    work: str
    """``record`` or ``measure``; see :mod:`grader.worker.child`."""
    job: dict[str, Any]
    server: int
    """Process id of the server, as seen from the server."""
    channel: int
    output: int
    allowance: Allowance
    shared_processes: int | None
    """Processes that the user may have, where a submission's own can't be counted apart."""
    isolation: Isolation
    view: View


def settle(assignment: Assignment) -> int:
    """Cut this process off from the server; return its channel, moved to a number that nobody can guess."""
    os.setsid()
    _die_with(assignment)
    _restore_signals()
    _redirect_streams(assignment.output)
    return _hide_descriptor(assignment.channel)


def depart(assignment: Assignment) -> None:
    """Leave the machine's namespaces, which a process with threads no longer can. No file goes out of sight yet.

    Raises :class:`~grader.worker.isolate.capabilities.StepRefused`, as :func:`confine` does.
    """
    steps = assignment.isolation
    if steps.has(capabilities.NAMESPACES):
        with capabilities.step(capabilities.NAMESPACES):
            # Inside the user namespace that came with the server's process namespace, everybody has the right to.
            _leave_namespaces(may=os.geteuid() == 0 or steps.has(capabilities.PID))


def confine(assignment: Assignment) -> str:
    """Shut this process in, for good, once it has departed; return the folder in which its files now are.

    Raises :class:`~grader.worker.isolate.capabilities.StepRefused` when a step that should hold does not.
    """
    steps, view = assignment.isolation, assignment.view
    is_root = os.geteuid() == 0
    user, group = (NOBODY, NOBODY) if is_root else (os.geteuid(), os.getegid())
    root = str(assignment.job["root"])
    if steps.has(capabilities.VIEW):
        with capabilities.step(capabilities.VIEW):
            enter_view(view, root, user=user, group=group, size=assignment.allowance.disk_bytes)
        root = HOME
    is_counted_apart = False
    if steps.has(capabilities.USER):
        with capabilities.step(capabilities.USER):
            is_counted_apart = _lose_rights(steps, is_root=is_root, user=user, group=group)
    _set_limits(assignment, is_counted_apart=is_counted_apart)
    _settle_in(root, assignment.job["script"])
    if steps.has(capabilities.LANDLOCK):
        with capabilities.step(capabilities.LANDLOCK):
            _allow_files(view, root, has_view=steps.has(capabilities.VIEW))
    if steps.has(capabilities.CALLS):
        with capabilities.step(capabilities.CALLS):
            syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
            syscalls.filter_calls(_calls(steps))
    return root


def _leave_namespaces(*, may: bool) -> None:
    """Leave the machine's network, IPC, host name and mounts behind; without rights, by way of a user namespace."""
    spaces = syscalls.NEW_MOUNTS | syscalls.NEW_NETWORK | syscalls.NEW_IPC | syscalls.NEW_HOST_NAME
    if may:
        syscalls.unshare(spaces)
        return
    user, group = os.geteuid(), os.getegid()
    syscalls.unshare(spaces | syscalls.NEW_USER)
    syscalls.map_own_ids(user, group)


def _lose_rights(steps: Isolation, *, is_root: bool, user: int, group: int) -> bool:
    """Become a user without any rights; whether this submission's processes are now counted apart from all others.

    Root becomes nobody, if its files can be reached without root's rights, which only a view of its own makes sure of.
    """
    is_apart = steps.has(capabilities.NAMESPACES) and not is_root and not steps.has(capabilities.PID)
    if is_root and steps.has(capabilities.VIEW):
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # else this process's own files in /proc stay root's
    if not is_apart and steps.has(capabilities.NAMESPACES) and os.geteuid() != 0:
        with contextlib.suppress(OSError):  # some systems keep user namespaces from ordinary users
            syscalls.unshare(syscalls.NEW_USER)
            syscalls.map_own_ids(user, group)
            is_apart = True
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # keeps it from /proc/self/mem, and others from it
    return is_apart


def _allow_files(view: View, root: str, *, has_view: bool) -> None:
    version = syscalls.landlock_version()
    if version < 1:
        raise OSError("this kernel has no Landlock, or it is switched off")
    if has_view:
        landlock.restrict(version, readable=["/"], writable=WRITABLE, devices=view.devices)
    else:
        # /proc/self is left out: what is open and mapped in this process is nobody's business.
        readable = [*view.open_places(), "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"]
        landlock.restrict(version, readable=readable, writable=[root], devices=view.devices)


def _calls(steps: Isolation) -> bytes:
    """The filter: sockets go nowhere in a network namespace, but without one none may be opened."""
    inner = [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6] if steps.has(capabilities.NAMESPACES) else []
    return seccomp.call_filter(sockets=inner, allows_memfd=has_gpu(), is_first=steps.has(capabilities.PID))


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends (Linux; elsewhere nothing happens)."""
    if sys.platform.startswith("linux"):
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)


def process_allowance() -> int | None:
    """Return a process limit for children that leaves the tutor's other programs alone; None where it can't be told."""
    if os.geteuid() == 0 or not hasattr(resource, "RLIMIT_NPROC") or not os.path.isdir("/proc"):
        return None  # the kernel does not count root's processes
    running = 0
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                if entry.stat().st_uid == os.geteuid():
                    running += len(os.listdir(f"/proc/{entry.name}/task"))
            except OSError:
                continue
    return running + _SPARE_PROCESSES


def _die_with(assignment: Assignment) -> None:
    if sys.platform.startswith("linux"):
        syscalls.prctl(syscalls.PR_SET_PDEATHSIG, signal.SIGKILL)
    # In a namespace of its own the parent has no number; there, the kernel ends everything with the server anyway.
    if not assignment.isolation.has(capabilities.PID) and os.getppid() != assignment.server:
        os._exit(1)  # it died before the line above
    try:  # when the machine runs out of memory, this process is the one to go
        with open("/proc/self/oom_score_adj", "w") as score:
            score.write("1000")
    except OSError:
        pass


def _restore_signals() -> None:
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def _redirect_streams(output: int) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stdout = sys.__stdout__ = _line_by_line(1)  # type: ignore[misc]  # declared final
    sys.stderr = sys.__stderr__ = _line_by_line(2)  # type: ignore[misc]  # declared final


def _line_by_line(descriptor: int) -> io.TextIOWrapper:
    """Open a stream that writes each line at once: what was printed before a crash must not be lost in a buffer."""
    return open(descriptor, "w", buffering=1, errors="backslashreplace", closefd=False)


def _hide_descriptor(channel: int) -> int:
    """Move the channel's descriptor to a random number and close everything else but the standard streams."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = 4096 if soft == resource.RLIM_INFINITY else min(soft, 4096)
    hidden = random.SystemRandom().choice([number for number in range(top // 4, top) if number != channel])
    os.dup2(channel, hidden, inheritable=False)
    os.closerange(3, hidden)
    os.closerange(hidden + 1, 10240 if soft == resource.RLIM_INFINITY else soft)
    return hidden


def _set_limits(assignment: Assignment, *, is_counted_apart: bool) -> None:
    allowance = assignment.allowance
    limits: dict[int, int | None] = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: allowance.file_bytes,
        resource.RLIMIT_CPU: allowance.cpu_seconds,
    }
    if hasattr(resource, "RLIMIT_NPROC"):
        limits[resource.RLIMIT_NPROC] = allowance.processes if is_counted_apart else assignment.shared_processes
    if allowance.data_bytes is not None and sys.platform.startswith("linux"):
        limits[resource.RLIMIT_DATA] = _data_bytes() + allowance.data_bytes
    for limit, value in limits.items():
        if value is not None:
            _, hard = resource.getrlimit(limit)
            allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(limit, (allowed, allowed))


def _data_bytes() -> int:
    """Bytes of private memory that this process has mapped, used or not: what RLIMIT_DATA counts."""
    try:
        with open("/proc/self/statm", "rb") as sizes:
            return int(sizes.read().split()[5]) * resource.getpagesize()
    except OSError:  # a container without a /proc for this process
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 11


def _settle_in(root: str, script: str) -> None:
    """Make ``root`` the place for everything that is written, and look like the submission's own script."""
    os.chdir(root)
    for name in ("HOME", "TMPDIR"):
        os.environ[name] = root
    tempfile.tempdir = None
    sys.argv[:] = [script]
