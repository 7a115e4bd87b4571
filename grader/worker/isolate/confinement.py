"""How a forked child confines itself before it starts work: streams, file descriptors, namespaces, limits, filters.

Which isolation steps this machine allows is determined in :mod:`grader.worker.isolate.capabilities`.
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
"""Processes and threads that a user may start in addition to those that run when the server starts (not for root)."""


@dataclass(frozen=True)
class Allowance:
    """The resource limits of one child: bytes, CPU seconds, threads, descriptors. None means no limit."""

    file_bytes: int
    cpu_seconds: int | None
    data_bytes: int | None
    """Private memory of each process beyond what it has at the start. The parent checks the sum of all processes."""
    disk_bytes: int
    """All written files together; it applies where the child has its own file system view."""
    threads: int
    """Threads of all its processes together; it applies where the kernel can count one child's separately."""
    descriptors: int | None


@dataclass(frozen=True)
class Assignment:
    """The work of one forked child: the job as received, its file descriptors, and how it is confined."""

    work: str
    """``record`` or ``measure``; see :mod:`grader.worker.child`."""
    job: dict[str, Any]
    server: int
    """Process id of the server, in the server's own namespace."""
    channel: int
    output: int
    allowance: Allowance
    shared_processes: int | None
    """Thread limit for the whole user; it applies if the kernel cannot count one submission's threads separately."""
    isolation: Isolation
    view: View


def detach_from_server(assignment: Assignment) -> int:
    """Detach this process from the server (session, signals, streams); return its channel, moved to a random number."""
    os.setsid()
    _die_with(assignment)
    _restore_signals()
    _redirect_streams(assignment.output)
    return _hide_descriptor(assignment.channel)


def enter_namespaces(assignment: Assignment) -> None:
    """Enter new namespaces. Call this before any thread starts, because a process with threads cannot do it any more.

    All files stay visible until :func:`confine`. Raises :class:`~grader.worker.isolate.capabilities.StepRefused`, as
    :func:`confine` does.
    """
    steps = assignment.isolation
    if steps.has(capabilities.NAMESPACES):
        with capabilities.step(capabilities.NAMESPACES):
            # Inside the user namespace of the server's PID namespace, every process may do this.
            _unshare_namespaces(is_privileged=os.geteuid() == 0 or steps.has(capabilities.PID))


def confine(assignment: Assignment) -> str:
    """Confine this process permanently, after :func:`enter_namespaces`; return the folder where its files are now.

    Raises :class:`~grader.worker.isolate.capabilities.StepRefused` when the kernel refuses a step of the assignment.
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
            is_counted_apart = _drop_privileges(steps, is_root=is_root, user=user, group=group)
    _set_limits(assignment, is_counted_apart=is_counted_apart)
    _use_folder(root, assignment.job["script"])
    if steps.has(capabilities.LANDLOCK):
        with capabilities.step(capabilities.LANDLOCK):
            _allow_files(view, root, has_view=steps.has(capabilities.VIEW))
    if steps.has(capabilities.CALLS):
        with capabilities.step(capabilities.CALLS):
            syscalls.prctl(syscalls.PR_SET_NO_NEW_PRIVS, 1)
            syscalls.filter_calls(_calls(steps))
    return root


def _unshare_namespaces(*, is_privileged: bool) -> None:
    """Enter new namespaces for network, IPC, host name and mounts; without privileges, through a user namespace."""
    spaces = syscalls.NEW_MOUNTS | syscalls.NEW_NETWORK | syscalls.NEW_IPC | syscalls.NEW_HOST_NAME
    if is_privileged:
        syscalls.unshare(spaces)
        return
    user, group = os.geteuid(), os.getegid()
    syscalls.unshare(spaces | syscalls.NEW_USER)
    syscalls.map_own_ids(user, group)


def _drop_privileges(steps: Isolation, *, is_root: bool, user: int, group: int) -> bool:
    """Become a user without capabilities; return whether the kernel now counts this child's processes separately.

    Root becomes nobody only with its own file system view, because only the view makes sure that nobody can read the
    files that are needed.
    """
    is_apart = steps.has(capabilities.NAMESPACES) and not is_root and not steps.has(capabilities.PID)
    if is_root and steps.has(capabilities.VIEW):
        os.setgroups([])
        os.setresgid(group, group, group)
        os.setresuid(user, user, user)
        syscalls.prctl(syscalls.PR_SET_DUMPABLE, 1)  # otherwise root keeps this process's files in /proc
    if not is_apart and steps.has(capabilities.NAMESPACES) and os.geteuid() != 0:
        with contextlib.suppress(OSError):  # some systems do not allow user namespaces for ordinary users
            syscalls.unshare(syscalls.NEW_USER)
            syscalls.map_own_ids(user, group)
            is_apart = True
    syscalls.drop_capabilities()
    syscalls.prctl(syscalls.PR_SET_DUMPABLE, 0)  # it cannot write /proc/self/mem, and others cannot trace it
    return is_apart


def _allow_files(view: View, root: str, *, has_view: bool) -> None:
    version = syscalls.landlock_version()
    if version < 1:
        raise OSError("this kernel does not have Landlock, or Landlock is switched off")
    if has_view:
        landlock.restrict(version, readable=["/"], writable=WRITABLE, devices=view.devices)
    else:
        # /proc/self is left out: it shows the open files and the memory map of this process.
        readable = [*view.open_places(), "/proc/cpuinfo", "/proc/meminfo", "/proc/stat"]
        landlock.restrict(version, readable=readable, writable=[root], devices=view.devices)


def _calls(steps: Isolation) -> bytes:
    """The seccomp filter. In a network namespace, sockets lead nowhere; without one, no socket may be opened."""
    inner = [socket.AF_UNIX, socket.AF_INET, socket.AF_INET6] if steps.has(capabilities.NAMESPACES) else []
    return seccomp.call_filter(sockets=inner, allows_memfd=has_gpu(), is_first=steps.has(capabilities.PID))


def adopt_orphans() -> None:
    """Make this process the parent of every orphaned descendant (on Linux; elsewhere this does nothing)."""
    if sys.platform.startswith("linux"):
        syscalls.prctl(syscalls.PR_SET_CHILD_SUBREAPER, 1)


def process_allowance() -> int | None:
    """Return a process limit for children that does not affect the tutor's other programs; None where it is unknown."""
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
    # In its own namespace the child cannot see the parent's id. There, the kernel kills it when the server ends.
    if not assignment.isolation.has(capabilities.PID) and os.getppid() != assignment.server:
        os._exit(1)  # the server died before the line above
    try:  # when the machine runs out of memory, the kernel kills this process first
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
    """Open a line-buffered stream, so that text printed before a crash is not lost in a buffer."""
    return open(descriptor, "w", buffering=1, errors="backslashreplace", closefd=False)


def _hide_descriptor(channel: int) -> int:
    """Move the channel to a random descriptor number; close all other descriptors except the standard streams."""
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
        resource.RLIMIT_NOFILE: allowance.descriptors,  # the hidden channel has a higher number and stays open
    }
    if hasattr(resource, "RLIMIT_NPROC"):
        limits[resource.RLIMIT_NPROC] = allowance.threads if is_counted_apart else assignment.shared_processes
    if allowance.data_bytes is not None and sys.platform.startswith("linux"):
        limits[resource.RLIMIT_DATA] = _data_bytes() + allowance.data_bytes
    for limit, value in limits.items():
        if value is not None:
            _, hard = resource.getrlimit(limit)
            allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
            # A second of CPU time between the two, so that the signal is SIGXCPU, which says why the process ended.
            most = allowed + 1 if limit == resource.RLIMIT_CPU and hard == resource.RLIM_INFINITY else allowed
            resource.setrlimit(limit, (allowed, most))


def _data_bytes() -> int:
    """Bytes of private memory that this process has mapped, used or unused. RLIMIT_DATA counts the same."""
    try:
        with open("/proc/self/statm", "rb") as sizes:
            return int(sizes.read().split()[5]) * resource.getpagesize()
    except OSError:  # a container without a /proc for this process
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 11


def _use_folder(root: str, script: str) -> None:
    """Make ``root`` the working, home and temporary folder, and set ``sys.argv`` as for the submission's script."""
    os.chdir(root)
    for name in ("HOME", "TMPDIR"):
        os.environ[name] = root
    tempfile.tempdir = None
    sys.argv[:] = [script]
