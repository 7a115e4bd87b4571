"""What a forked child does to itself before it sees student code: streams, descriptors, limits, session.

The steps run in the order of :func:`confine`. Namespaces and Landlock belong there too, as one more step.
"""

from __future__ import annotations

import ctypes
import io
import os
import random
import resource
import signal
import sys
import tempfile
from dataclasses import dataclass
from typing import Any

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_SPARE_PROCESSES = 1024
"""How many processes and threads a user may have beyond those that run when the server starts (not for root)."""


@dataclass(frozen=True)
class Assignment:
    """One forked child's work: the job as received, its descriptors and what limits it."""

    job: dict[str, Any]
    server: int
    """Process id of the server."""
    evidence: int
    commands: int
    output: int
    file_bytes: int
    cpu_seconds: int
    processes: int | None


def confine(assignment: Assignment) -> tuple[int, int]:
    """Shut this process in; return its evidence and command descriptors, moved to numbers nobody can guess."""
    os.setsid()
    _die_with(assignment.server)
    _restore_signals()
    _redirect_streams(assignment.output)
    channel = _hide_descriptors(assignment.evidence, assignment.commands)
    _set_limits(assignment)
    _settle_in(assignment.job)
    return channel


def adopt_orphans() -> None:
    """Make this process the parent of every descendant whose own parent ends (Linux; elsewhere nothing happens)."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


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


def _prctl(option: int, value: int) -> None:
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _die_with(server: int) -> None:
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:  # it died before the line above
        os._exit(1)
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


def _hide_descriptors(evidence: int, commands: int) -> tuple[int, int]:
    """Move the two channel descriptors to random numbers and close everything else but the standard streams."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    top = 4096 if soft == resource.RLIM_INFINITY else min(soft, 4096)
    used = {evidence, commands}
    low, high = sorted(random.SystemRandom().sample([n for n in range(top // 4, top) if n not in used], 2))
    os.dup2(evidence, low, inheritable=False)
    os.dup2(commands, high, inheritable=False)
    os.closerange(3, low)
    os.closerange(low + 1, high)
    os.closerange(high + 1, 10240 if soft == resource.RLIM_INFINITY else soft)
    return low, high


def _set_limits(assignment: Assignment) -> None:
    limits = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: assignment.file_bytes,
        resource.RLIMIT_CPU: assignment.cpu_seconds,
    }
    if assignment.processes is not None:
        limits[resource.RLIMIT_NPROC] = assignment.processes
    for limit, value in limits.items():
        _, hard = resource.getrlimit(limit)
        allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (allowed, allowed))


def _settle_in(job: dict[str, Any]) -> None:
    """Make the scratch copy the place for everything that the submission writes, and look like its own script."""
    os.chdir(job["root"])
    for name in ("HOME", "TMPDIR"):
        os.environ[name] = job["root"]
    tempfile.tempdir = None
    sys.argv[:] = [job["script"]]
