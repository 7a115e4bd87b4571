"""The file system view of a submission: which paths it can see, and a root file system that contains only these.

Visible are the interpreter with its libraries, the files that system libraries need, a few devices, and a writable copy
of the submission. Not visible are home folders, the grader's own folder, and all paths listed as ``hidden``.
"""

from __future__ import annotations

import contextlib
import glob
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.worker.isolate import syscalls

HOME = "/submission"
"""The folder of the submission inside the view."""
NOBODY = 65534
WRITABLE = (HOME, "/tmp", "/dev/shm")
_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime"),
    "/sys/devices/system",  # libraries count the CPU cores there
)
_DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_GPU_DEVICES = ("/dev/nvidia*", "/dev/dri", "/dev/kfd")
_ANSWERS = ("grader/data",)
"""Paths inside the folders of Python packages: the grader's images with their labels, where it is installed there."""
_OLD = "/.old"
_STAGING = "/.writable"


@dataclass(frozen=True)
class View:
    """Existing paths without symbolic links: ``readable`` folders and files, and ``hidden`` paths inside them.

    ``links`` are the symbolic links that lead to a readable path, as (path, target).
    """

    readable: tuple[str, ...]
    hidden: tuple[str, ...]
    devices: tuple[str, ...]
    links: tuple[tuple[str, str], ...]

    def open_places(self) -> Iterator[str]:
        """The readable paths without the hidden ones; entries replace a folder that contains a hidden path."""
        for place in self.readable:
            yield from _without(place, [hidden for hidden in self.hidden if _is_below(hidden, place)])


def has_gpu() -> bool:
    """Whether /dev contains the devices of a GPU driver."""
    return bool(glob.glob("/dev/nvidia[0-9]*") or os.path.exists("/dev/kfd"))


def plan_view(hidden: Iterable[str]) -> View:
    """The view that this interpreter and the modules imported so far need, without the ``hidden`` paths."""
    packages = [path for path in sys.path if os.path.isdir(path)]
    answers = [os.path.join(path, name) for path in packages for name in _ANSWERS]
    masked = sorted({os.path.realpath(path) for path in (*hidden, *answers) if os.path.exists(path)})
    interpreter = [sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix]
    # A virtual environment may be inside a hidden folder. Other entries of sys.path there stay hidden.
    wanted = [path for path in packages if not _is_within(os.path.realpath(path), masked)]
    wanted += [*interpreter, *_SYSTEM, *_library_folders(masked), *(["/sys"] if has_gpu() else [])]
    links: dict[str, str] = {}
    places = {_resolved(path, links) for path in wanted if os.path.exists(path)}
    needed = [place for place in places if not _is_covered(place, places, masked)]
    devices = [path for path in _DEVICES if os.path.exists(path)]
    if has_gpu():
        devices += [path for pattern in _GPU_DEVICES for path in sorted(glob.glob(pattern))]
    inside = [place for place in masked if any(_is_below(place, other) or place == other for other in needed)]
    return View(tuple(sorted(needed)), tuple(inside), tuple(devices), tuple(sorted(links.items())))


def enter_view(view: View, source: str, *, user: int, group: int, size: int) -> None:
    """Replace the root file system by ``view``, with a writable copy of the folder ``source`` at :data:`HOME`.

    The process must be in its own mount namespace. ``user`` and ``group`` own the writable folders, which take at most
    ``size`` bytes together.
    """
    syscalls.mount("none", "/", flags=syscalls.MS_RECURSIVE | syscalls.MS_PRIVATE)
    # Any folder can be the mount point of the new root. After pivot_root, the old root is complete again.
    syscalls.mount("root", source, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=0755,size=8m")
    os.mkdir(f"{source}{_OLD}")
    syscalls.pivot_root(source, f"{source}{_OLD}")
    os.chdir("/")
    # This comes first, because the interpreter may be below /tmp.
    _make_writable(source, user=user, group=group, size=size)
    for place, is_hidden in _by_depth(view):
        _mask(place) if is_hidden else _show(place)
    for path, target in view.links:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.symlink(target, path)
    _make_devices(view)
    _make_proc()
    _write_user_names(user, group)
    syscalls.unmount(_OLD)
    os.rmdir(_OLD)
    for place in view.hidden:
        syscalls.set_mount_attributes(place, syscalls.ATTR_READ_ONLY, is_recursive=False)
    syscalls.set_mount_attributes("/", syscalls.ATTR_READ_ONLY, is_recursive=False)
    os.chdir(HOME)


def _by_depth(view: View) -> list[tuple[str, bool]]:
    """Paths to show or to mask, parent folders first: a virtual environment may be in a hidden folder below /usr."""
    places = [(place, False) for place in view.readable] + [(place, True) for place in view.hidden]
    return sorted(places, key=lambda entry: (entry[0].count("/"), entry))


def _show(place: str) -> None:
    _bind(place)
    attributes = syscalls.ATTR_READ_ONLY | syscalls.ATTR_NOSUID | syscalls.ATTR_NODEV
    syscalls.set_mount_attributes(place, attributes, is_recursive=True)


def _bind(place: str) -> None:
    source = _OLD + place
    _make_point(place, is_folder=os.path.isdir(source))
    syscalls.mount(source, place, flags=syscalls.MS_BIND | syscalls.MS_RECURSIVE)


def _make_point(place: str, *, is_folder: bool) -> None:
    """Create an empty folder or file as a mount point, unless the path exists."""
    if is_folder:
        os.makedirs(place, exist_ok=True)
    elif not os.path.exists(place):
        os.makedirs(os.path.dirname(place), exist_ok=True)
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o644))


def _mask(place: str) -> None:
    if os.path.isdir(place):
        syscalls.mount("hidden", place, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, "mode=0755,size=1m")
    else:
        syscalls.mount(f"{_OLD}/dev/null", place, flags=syscalls.MS_BIND)


def _make_devices(view: View) -> None:
    for device in view.devices:
        _bind(device)
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        os.symlink(target, f"/dev/{name}")


def _make_proc() -> None:
    os.mkdir("/proc")
    try:
        syscalls.mount("proc", "/proc", "proc", syscalls.MS_NOSUID | syscalls.MS_NODEV | syscalls.MS_NOEXEC)
    except OSError:  # containers that mask parts of their /proc do not allow a new one
        for name in ("cpuinfo", "meminfo"):
            with contextlib.suppress(OSError):
                _bind(f"/proc/{name}")


def _make_writable(source: str, *, user: int, group: int, size: int) -> None:
    """Mount one tmpfs for all writable folders, so that one size limits them all. It disappears with the process."""
    os.mkdir(_STAGING)
    options = f"mode=0755,size={size},nr_inodes=50k"
    syscalls.mount("writable", _STAGING, "tmpfs", syscalls.MS_NOSUID | syscalls.MS_NODEV, options)
    for number, place in enumerate(WRITABLE):
        staged = f"{_STAGING}/{number}"
        if place == HOME:
            shutil.copytree(_OLD + source, staged, symlinks=True, copy_function=shutil.copyfile)
        else:
            os.mkdir(staged)
        _make_point(place, is_folder=True)
        syscalls.mount(staged, place, flags=syscalls.MS_BIND)
    for folder, _, names in os.walk(_STAGING):
        for path in (folder, *(os.path.join(folder, name) for name in names)):
            os.chown(path, user, group, follow_symlinks=False)
            if not os.path.islink(path):
                os.chmod(path, 0o700 if path == folder else 0o600)
    syscalls.unmount(_STAGING)
    os.rmdir(_STAGING)


def _write_user_names(user: int, group: int) -> None:
    """Write /etc/passwd and /etc/group, because libraries look up the user's name (for example with getpass)."""
    os.makedirs("/etc", exist_ok=True)
    Path("/etc/passwd").write_text(f"student:x:{user}:{group}::{HOME}:/bin/false\n", encoding="utf-8")
    Path("/etc/group").write_text(f"student:x:{group}:\n", encoding="utf-8")


def _library_folders(hidden: Sequence[str]) -> set[str]:
    """Folders of the shared libraries that this process has loaded."""
    folders = set()
    with contextlib.suppress(OSError), open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
        for line in maps:
            path = line.rstrip("\n").partition("/")[2]
            if ".so" in os.path.basename(path):
                folders.add(os.path.dirname(f"/{path}"))
    return {folder for folder in folders if folder != "/" and not _is_within(folder, hidden)}


def _resolved(path: str, links: dict[str, str]) -> str:
    """The real path of ``path``; each symbolic link on the way is added to ``links``."""
    path = os.path.normpath(path)
    for _ in range(40):
        parts = path.split("/")
        for count in range(2, len(parts) + 1):
            head = "/".join(parts[:count])
            if os.path.islink(head):
                target = os.readlink(head)
                links[head] = target
                path = os.path.normpath(os.path.join(os.path.dirname(head), target, *parts[count:]))
                break
        else:
            return path
    return os.path.realpath(path)


def _is_below(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _is_within(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or _is_below(path, folder) for folder in folders)


def _is_covered(place: str, places: Iterable[str], hidden: Iterable[str]) -> bool:
    """Whether a path is visible anyway because a parent folder is, with no hidden folder in between."""
    above = [other for other in places if _is_below(place, other)]
    if not above:
        return False
    nearest = max(above, key=len)
    return not any(_is_within(place, [mask]) and _is_within(mask, [nearest]) for mask in hidden)


def _without(place: str, hidden: Sequence[str]) -> Iterator[str]:
    if not hidden:
        yield place
        return
    try:
        entries = list(os.scandir(place))
    except OSError:
        return
    for entry in entries:
        if entry.path not in hidden and not entry.is_symlink():
            yield from _without(entry.path, [path for path in hidden if _is_below(path, entry.path)])
