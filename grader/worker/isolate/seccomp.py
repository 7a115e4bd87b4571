"""The seccomp filter, in BPF: it refuses system calls that student code does not need.

The filter allows every call that is not listed. Listed are calls that create namespaces or mounts, inspect other
processes, load code into the kernel, keep memory that no process is charged for, evade the sharing of the CPU, or have
been used to escape from containers.
Source of the numbers: the kernel's syscall tables for x86-64 (arch/x86/entry/syscalls/syscall_64.tbl) and 64-bit Arm
(include/uapi/asm-generic/unistd.h); of the layout: Documentation/userspace-api/seccomp_filter.rst.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable

from grader.worker.isolate.syscalls import MACHINE

_REFUSED: dict[str, tuple[int, int]] = {
    # name: (x86-64, 64-bit Arm)
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "unshare": (272, 97),
    "setns": (308, 268),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "syslog": (103, 116),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "sethostname": (170, 161),
    "setdomainname": (171, 162),
    "fanotify_init": (300, 262),
    "memfd_secret": (447, 447),
    # a session of its own, which would have its own share of the CPU
    "setsid": (112, 157),
    # System V IPC and POSIX queues: they stay after every process has ended, and no process is charged for their memory
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "shmdt": (67, 197),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183),
    "mq_notify": (244, 184),
    "mq_getsetattr": (245, 185),
}
_MEMFD_CREATE = (319, 279)
"""Refused too if there is no GPU: no process is charged for this memory, but GPU drivers need the call."""
_CLONE, _CLONE3, _SOCKET, _KILL_CALL = (56, 220), (435, 435), (41, 198), (62, 129)
_SELF = (1, 0, 0xFFFFFFFF)
"""Signal targets that include the first process of a namespace: itself, its group, all processes."""
_SIGKILL, _SIGSTOP = 9, 19
_ARCHITECTURES = {"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)}
"""Audit number of the architecture, and its place in the pairs above."""
_NEW_NAMESPACES = 0x7E020000
_OTHER_ABI = 0x40000000
"""This bit is set in the numbers of x32 calls on x86-64; without a check, they would bypass the list."""

_LOAD, _EQUAL, _ANY_BIT, _ATLEAST, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENT_AT, _SECOND_ARGUMENT_AT = 0, 4, 16, 24
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000


def call_filter(*, sockets: Iterable[socket.AddressFamily], allows_memfd: bool, is_first: bool = False) -> bytes:
    """The filter for this machine; ``sockets`` are the address families that may be opened.

    ``is_first``: the process is the first of its PID namespace. The kernel ignores a SIGKILL that such a process sends
    to itself, so the filter ends the process instead.

    Raises OSError on an architecture for which no numbers are listed.
    """
    if MACHINE not in _ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"no system call numbers are listed for {MACHINE}")
    architecture, column = _ARCHITECTURES[MACHINE]
    refused = [numbers[column] for numbers in _REFUSED.values()] + ([] if allows_memfd else [_MEMFD_CREATE[column]])
    code = [_load(_ARCHITECTURE_AT), *_unless(_EQUAL, architecture, _KILL), _load(_NUMBER_AT)]
    code += _when(_ATLEAST, _OTHER_ABI, _ERRNO | errno.ENOSYS)
    # Without clone3, the C library falls back to clone, whose flags the filter can read.
    code += _when(_EQUAL, _CLONE3[column], _ERRNO | errno.ENOSYS)
    for number in refused:
        code += _when(_EQUAL, number, _ERRNO | errno.EPERM)
    flags = [_load(_ARGUMENT_AT), *_when(_ANY_BIT, _NEW_NAMESPACES, _ERRNO | errno.EPERM), _return(_ALLOW)]
    code += [_instruction(_EQUAL, _CLONE[column], 0, len(flags)), *flags]
    if is_first:
        deadly = [line for number in (_SIGKILL, _SIGSTOP) for line in _when(_EQUAL, number, _KILL)]
        deadly = [_load(_SECOND_ARGUMENT_AT), *deadly, _return(_ALLOW)]
        tests = [_instruction(_EQUAL, target, len(_SELF) - place, 0) for place, target in enumerate(_SELF)]
        block = [_load(_ARGUMENT_AT), *tests, _return(_ALLOW), *deadly]
        code += [_instruction(_EQUAL, _KILL_CALL[column], 0, len(block)), *block]
    families = [line for family in sockets for line in _when(_EQUAL, int(family), _ALLOW)]
    families = [_load(_ARGUMENT_AT), *families, _return(_ERRNO | errno.EACCES)]
    code += [_instruction(_EQUAL, _SOCKET[column], 0, len(families)), *families]
    return b"".join([*code, _return(_ALLOW)])


def _instruction(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)


def _load(offset: int) -> bytes:
    return _instruction(_LOAD, offset)


def _return(action: int) -> bytes:
    return _instruction(_RETURN, action)


def _when(test: int, value: int, action: int) -> list[bytes]:
    return [_instruction(test, value, 0, 1), _return(action)]


def _unless(test: int, value: int, action: int) -> list[bytes]:
    return [_instruction(test, value, 1, 0), _return(action)]
