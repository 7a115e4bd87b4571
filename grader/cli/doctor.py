"""``python -m grader doctor``: examines what this machine can do, with advice for what is missing.

It changes nothing: no data is downloaded and no submission is run.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from grader.data import resolve_data
from grader.data.bundled import NAME
from grader.model import GraderFault, UsageFault
from grader.sandbox import Level, WorkerPool
from grader.sandbox.level import LACKS
from grader.worker.isolate.capabilities import CALLS, LANDLOCK, NAMESPACES, PID, USER, VIEW

LEAST_PYTHON = (3, 11)
LEAST_MEMORY = 4 << 30
"""Bytes for two workers: torch takes about 0.5 GB, and a submission may take 4 GB before it is stopped."""
LEAST_DISK = 1 << 30
PACKAGES = ("torch", "torchvision", "numpy", "nbformat", "msgspec", "jinja2", "rich", "scikit-learn")

NAMESPACE_ADVICE = (
    "Ubuntu 23.10 or newer: sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0. Debian: sudo sysctl "
    "kernel.unprivileged_userns_clone=1. Others: check user.max_user_namespaces. In Docker: start the container with "
    "--security-opt seccomp=unconfined --security-opt apparmor=unconfined, or with --cap-add SYS_ADMIN."
)
ADVICE = {
    PID: NAMESPACE_ADVICE,
    NAMESPACES: NAMESPACE_ADVICE,
    VIEW: "This needs Linux 5.12 or newer, and the right to mount in a namespace. " + NAMESPACE_ADVICE,
    USER: "The container forbids what every process may do outside of it; loosen its seccomp profile.",
    LANDLOCK: "This needs Linux 5.13 or newer with landlock among the kernel's security modules (lsm=landlock,...).",
    CALLS: "This needs seccomp in the kernel, on x86-64 or 64-bit Arm.",
}
WORDS = {**LACKS, LANDLOCK: "Landlock"}


@dataclass(frozen=True)
class DoctorLine:
    """One line of the result. ``advice`` says what to do; it is empty when everything is fine."""

    subject: str
    text: str
    advice: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.advice


def examine(
    choice: str | None, *, environment: Mapping[str, str], cache: Path, prefix: Sequence[str] = ()
) -> Iterator[DoctorLine]:
    """Examine the interpreter, packages, isolation, devices, data, memory and disk; yield one line after another.

    ``choice`` is the value of ``--data``, if given; ``cache`` is the user's cache folder.
    """
    yield _python()
    yield _packages()
    yield from _workers(prefix)
    yield _data(choice, environment, cache)
    yield _memory()
    yield _disk()


def _python() -> DoctorLine:
    text = f"Python {platform.python_version()} on {platform.system()} {platform.release()}, {platform.machine()}"
    if sys.version_info < LEAST_PYTHON:
        return DoctorLine("Python", text, f"Python {'.'.join(map(str, LEAST_PYTHON))} or newer is needed.")
    return DoctorLine("Python", text)


def _packages() -> DoctorLine:
    found, missing = [], []
    for name in PACKAGES:
        try:
            found.append(f"{name} {metadata.version(name)}")
        except metadata.PackageNotFoundError:
            missing.append(name)
    if missing:
        advice = f"Missing: {', '.join(missing)}. nox -s grade installs it."
        return DoctorLine("Packages", ", ".join(found), advice)
    return DoctorLine("Packages", ", ".join(found))


def _workers(prefix: Sequence[str]) -> Iterator[DoctorLine]:
    """Start a worker and ask it, because the level of isolation cannot be predicted from the settings alone."""
    try:
        with WorkerPool(workers=1, prefix=prefix) as pool:
            level, devices = pool.isolation, pool.devices
    except (UsageFault, GraderFault) as fault:
        yield DoctorLine(
            "Worker", f"it does not start: {fault}", "Fix this first; nothing can be graded without a worker."
        )
        return
    yield from _isolation(level)
    if devices == ("cpu",):
        yield DoctorLine("Devices", "no GPU: networks are trained on the CPU, about a second for each")
    else:
        yield DoctorLine("Devices", f"networks are trained on {devices[0]} (also available: {', '.join(devices[1:])})")


def _isolation(level: Level) -> Iterator[DoctorLine]:
    text = str(level)
    if level.name == "full":
        yield DoctorLine("Isolation", text)
    elif not sys.platform.startswith("linux"):
        advice = "Only Linux offers more: grade cohorts you do not trust in a Linux virtual machine or container."
        yield DoctorLine("Isolation", text, advice)
    else:
        yield DoctorLine("Isolation", text, "See the lines below. --isolation require refuses to grade at this level.")
    given: set[str] = set()
    for step, reason in level.refusals.items():
        if step == VIEW and NAMESPACES in level.refusals:
            continue  # without namespaces there is no view either
        advice = ADVICE[step] if ADVICE[step] not in given else "As above."
        given.add(ADVICE[step])
        yield DoctorLine(f"  {WORDS[step]}", f"not available: {reason}", advice)


def _data(choice: str | None, environment: Mapping[str, str], cache: Path) -> DoctorLine:
    try:
        data = resolve_data(choice, environment=environment, cache=cache, download=None)
    except (UsageFault, GraderFault) as fault:
        return DoctorLine("Data", "MNIST cannot be used", str(fault))
    source = f"{len(data.train_labels):,} training and {len(data.heldout_labels):,} test images"
    return DoctorLine("Data", f"MNIST: {source}{' of the grader itself' if data.name == NAME else ''}")


def _memory() -> DoctorLine:
    cores = os.cpu_count() or 1
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return DoctorLine("Machine", f"{cores} cores")
    text = f"{cores} cores, {total / 2**30:.0f} GiB of memory"
    if total < LEAST_MEMORY:
        return DoctorLine("Machine", text, "This is not much memory: use --jobs 1.")
    return DoctorLine("Machine", text)


def _disk() -> DoctorLine:
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    text = f"{free / 2**30:.1f} GiB free in {folder}, where copies of submissions are made"
    if free < LEAST_DISK:
        return DoctorLine("Disk", text, "Free some space, or set TMPDIR to another folder.")
    return DoctorLine("Disk", text)
