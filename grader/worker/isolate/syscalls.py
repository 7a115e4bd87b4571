"""Linux system calls for which Python 3.11 has no function: namespaces, mounts, capabilities, Landlock, seccomp.

Each function raises OSError when the kernel refuses. Other modules decide which calls to make, and in which order.
The numbers come from the kernel headers (include/uapi); numbers above 424 are the same on every architecture.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform

NEW_MOUNTS = 0x00020000
NEW_HOST_NAME = 0x04000000
NEW_IPC = 0x08000000
NEW_USER = 0x10000000
NEW_PID = 0x20000000
NEW_NETWORK = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_RECURSIVE, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MNT_DETACH = 2
ATTR_READ_ONLY, ATTR_NOSUID, ATTR_NODEV = 1, 2, 4

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_SECCOMP = 1, 4, 22
PR_CAPBSET_DROP, PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS = 24, 36, 38
PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
SECCOMP_MODE_FILTER = 2

_MOUNT_SETATTR, _LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 442, 444, 445, 446
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_CAPABILITY_VERSION_3 = 0x20080522
_LANDLOCK_VERSION = 1
_LANDLOCK_PATH_BENEATH = 1
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_CAPSET = {"x86_64": 126, "aarch64": 91}

MACHINE = platform.machine()
_libc = ctypes.CDLL(None, use_errno=True)


class _MountAttributes(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("set", "clear", "propagation", "user_namespace")]


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]


class _PathRule(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("folder", ctypes.c_int32)]


class FilterProgram(ctypes.Structure):
    """``struct sock_fprog``: a count and the address of that many eight-byte instructions."""

    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def _syscall(what: str, number: int | None, *arguments: int) -> int:
    if number is None:
        raise OSError(errno.ENOSYS, f"{what}: not known for {MACHINE}")
    return _checked(_libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)), what)


def unshare(flags: int) -> None:
    """Move this process, and for NEW_PID its future children, into new namespaces."""
    _checked(_libc.unshare(ctypes.c_int(flags)), "unshare")


def join(descriptor: int, kind: int) -> None:
    """Enter the namespace that the descriptor refers to."""
    _checked(_libc.setns(ctypes.c_int(descriptor), ctypes.c_int(kind)), "setns")


def map_own_ids(user: int, group: int) -> None:
    """In a new user namespace, keep the same user and group id. An unprivileged process may map only its own ids."""
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"), ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def mount(source: str, target: str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2)."""
    arguments = [os.fsencode(text) if text else None for text in (source, target, kind)]
    given = os.fsencode(options) if options else None
    _checked(_libc.mount(*arguments, ctypes.c_ulong(flags), given), f"mount {target}")


def set_mount_attributes(target: str, attributes: int, *, is_recursive: bool) -> None:
    """Set attributes of a mount, such as read-only; mount_setattr(2), Linux 5.12."""
    wanted = _MountAttributes(set=attributes)
    path = ctypes.create_string_buffer(os.fsencode(target))
    flags = _AT_RECURSIVE if is_recursive else 0
    places = (ctypes.addressof(path), flags, ctypes.addressof(wanted), ctypes.sizeof(wanted))
    _syscall(f"mount_setattr {target}", _MOUNT_SETATTR, _AT_FDCWD, *places)


def unmount(target: str) -> None:
    """Detach a mount and all mounts below it at once (umount2(2) with MNT_DETACH)."""
    _checked(_libc.umount2(os.fsencode(target), ctypes.c_int(MNT_DETACH)), f"umount {target}")


def pivot_root(new: str, old: str) -> None:
    """Make the mount at ``new`` the root, and put the present root at ``old``, a folder below it."""
    buffers = [ctypes.create_string_buffer(os.fsencode(path)) for path in (new, old)]
    _syscall("pivot_root", _PIVOT_ROOT.get(MACHINE), *map(ctypes.addressof, buffers))


def prctl(option: int, value: int = 0) -> None:
    """prctl(2) with one numeric argument."""
    _checked(_libc.prctl(ctypes.c_int(option), *map(ctypes.c_ulong, (value, 0, 0, 0))), f"prctl {option}")


def drop_capabilities() -> None:
    """Drop all capabilities permanently, also for programs that this process executes later."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    for capability in range(64):
        try:
            prctl(PR_CAPBSET_DROP, capability)
        except OSError as problem:
            if problem.errno == errno.EINVAL:  # past the last capability that this kernel knows
                break
            if problem.errno != errno.EPERM:  # it may not drop any, so it has none
                raise
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _syscall("capset", _CAPSET.get(MACHINE), ctypes.addressof(header), ctypes.addressof(nothing))


def landlock_version() -> int:
    """The Landlock version of this kernel; 0 if it has none."""
    try:
        return _syscall("landlock", _LANDLOCK_CREATE, 0, 0, _LANDLOCK_VERSION)
    except OSError:
        return 0


def landlock_ruleset(files: int, network: int, scoped: int) -> int:
    """Create a ruleset for these kinds of access; return its descriptor. For older kernels, the struct is cut short."""
    rules = _Ruleset(files, network, scoped)
    size = 24 if scoped else 16 if network else 8
    return _syscall("landlock_create_ruleset", _LANDLOCK_CREATE, ctypes.addressof(rules), size, 0)


def landlock_allow(ruleset: int, path: str, access: int) -> None:
    """Allow ``access`` to ``path`` and everything below it."""
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = _PathRule(access, folder)
        _syscall(
            f"landlock_add_rule {path}",
            _LANDLOCK_ADD,
            ruleset,
            _LANDLOCK_PATH_BENEATH,
            ctypes.addressof(rule),
            0,
        )
    finally:
        os.close(folder)


def landlock_restrict(ruleset: int) -> None:
    """Apply the ruleset to this process and its descendants."""
    _syscall("landlock_restrict_self", _LANDLOCK_RESTRICT, ruleset, 0)


def filter_calls(instructions: bytes) -> None:
    """Apply a seccomp filter (eight-byte BPF instructions) to this process and its descendants."""
    buffer = ctypes.create_string_buffer(instructions, len(instructions))
    program = FilterProgram(len(instructions) // 8, ctypes.addressof(buffer))
    _checked(
        _libc.prctl(
            ctypes.c_int(PR_SET_SECCOMP), ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program), None, None
        ),
        "seccomp",
    )
