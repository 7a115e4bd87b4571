"""Entry points for the tests of the sandbox: small functions that behave like good or bad submissions.

``observe`` finds the function by the name of the job's script, and the service of ``open_service`` by the first word of
a request. None of them does harm outside a sandbox.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from grader.model import Job
from grader.model.evidence import Building, Loading
from grader.worker.wire.channel import Channel

GROWTH = 16 << 20
LASTING: dict[str, tuple[int, ...]] = {
    "shmget": (0, 4096, 0o1600), "shmat": (0, 0, 0), "shmdt": (4096,), "shmctl": (0, 0, 0),
    "semget": (0, 1, 0o1600), "semop": (0, 0, 0), "semtimedop": (0, 0, 0, 0), "semctl": (0, 0, 0),
    "msgget": (0, 0o1600), "msgsnd": (0, 0, 0, 0), "msgrcv": (0, 0, 0, 0, 0), "msgctl": (0, 0, 0),
}  # fmt: skip
"""Calls that make or use what outlives every process, with arguments by which the first of each kind would work."""


def observe(job: Job, channel: Channel) -> None:
    """Run the behaviour that the job's script names."""
    globals()[job.script.removesuffix(".py")](job, channel)


def _load(channel: Channel) -> None:
    channel.begin("load")
    channel.send(Loading(None, how="slice", script="task1_cnn.py", methods=("__init__", "forward")), "load")


def _sleep() -> NoReturn:
    while True:
        time.sleep(60)


def nothing(job: Job, channel: Channel) -> None:
    """Report nothing and end."""


def normal(job: Job, channel: Channel) -> None:
    """Report two stages."""
    print("hello from the student")
    _load(channel)
    channel.begin("build")
    channel.send(Building(None, parameters=21840), "build")


def sees_the_seed(job: Job, channel: Channel) -> None:
    """Print what it was told."""
    print(job.seed)


def surroundings(job: Job, channel: Channel) -> None:
    """Print what a submission can see of the process that it runs in."""
    print(
        json.dumps(
            {
                "cwd": os.getcwd(),
                "home": os.environ["HOME"],
                "environment": sorted(os.environ),
                "descriptors": sorted(int(name) for name in os.listdir("/proc/self/fd")),
                "leads_session": os.getsid(0) == os.getpid(),
                "threads": len(os.listdir(f"/proc/{os.getppid()}/task")),
                "stdin": sys.stdin.read(),
                "path": sys.path,
            }
        )
    )


def sleeps(job: Job, channel: Channel) -> None:
    """Never finish the second stage."""
    _load(channel)
    channel.begin("build")
    _sleep()


def ignores_signals(job: Job, channel: Channel) -> None:
    """Never finish, and ignore everything that can be ignored."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    sleeps(job, channel)


def stops_itself(job: Job, channel: Channel) -> None:
    """Go to sleep by signal."""
    _load(channel)
    channel.begin("build")
    os.kill(os.getpid(), signal.SIGSTOP)


def leaves(job: Job, channel: Channel) -> None:
    """End the process as if all were well."""
    _load(channel)
    os._exit(0)


def raises_exit(job: Job, channel: Channel) -> None:
    """Call exit() where nobody catches it."""
    _load(channel)
    raise SystemExit(0)


def recurses(job: Job, channel: Channel) -> None:
    """Recurse without end."""
    recurses(job, channel)


def segfaults(job: Job, channel: Channel) -> None:
    """Crash in native code."""
    _load(channel)
    print("just before the crash")
    ctypes.string_at(0)


def kills_its_parent(job: Job, channel: Channel) -> None:
    """Kill the server."""
    _load(channel)
    os.kill(os.getppid(), signal.SIGKILL)
    _sleep()


def kills_its_parent_once(job: Job, channel: Channel) -> None:
    """Kill the server the first time, and be good the second."""
    marker = Path(job.root, "killed")
    if not marker.exists():
        marker.touch()
        os.kill(os.getppid(), signal.SIGKILL)
        _sleep()
    _load(channel)


def stops_its_parent(job: Job, channel: Channel) -> None:
    """Halt the server, so that it can't obey, and never finish."""
    _load(channel)
    channel.begin("build")
    os.kill(os.getppid(), signal.SIGSTOP)
    _sleep()


def takes_its_time(job: Job, channel: Channel) -> None:
    """Be good, but slowly."""
    _load(channel)
    time.sleep(0.8)
    channel.begin("build")
    channel.send(Building(None), "build")


def pauses(job: Job, channel: Channel) -> None:
    """Take a fifth of a second for the second stage."""
    _load(channel)
    channel.begin("build")
    time.sleep(0.2)
    channel.send(Building(None), "build")


def sleeps_the_first_time(job: Job, channel: Channel) -> None:
    """Note each run; never finish the first one."""
    with open("runs", "a+") as runs:
        runs.write("again\n")
        runs.seek(0)
        is_first = len(runs.readlines()) == 1
    _load(channel)
    channel.begin("build")
    if is_first:
        _sleep()
    channel.send(Building(None), "build")


def hogs_memory(job: Job, channel: Channel) -> None:
    """Take memory until stopped (bounded, in case nobody does)."""
    held = []
    for _ in range(128):
        held.append(bytearray(os.urandom(1 << 10)) * (GROWTH >> 10))
        time.sleep(0.005)
    _sleep()


def hogs_memory_below(job: Job, channel: Channel) -> None:
    """Let a child process do it."""
    if os.fork() == 0:
        hogs_memory(job, channel)
    _sleep()


def forks_many(job: Job, channel: Channel) -> None:
    """Start more processes than anybody needs (bounded)."""
    for _ in range(100):
        if os.fork() == 0:
            _sleep()
    _sleep()


def floods_output(job: Job, channel: Channel) -> None:
    """Print more than is read at once, then finish properly."""
    block = b"x" * (1 << 20)
    for _ in range(12):
        os.write(1, block)
    os.write(1, b"the end\n")
    _load(channel)


def writes_a_big_file(job: Job, channel: Channel) -> None:
    """Write more to one file than is allowed."""
    with open("big", "wb") as file:
        for _ in range(64):
            file.write(b"\0" * (1 << 20))


def leaves_children(job: Job, channel: Channel) -> None:
    """Finish with processes left: plain, in a group of its own, a daemon in a session of its own, and an exec'd one."""
    _load(channel)
    pids = []
    for settle in (os.getpid, os.setpgrp, os.setsid):
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(OSError):  # the call filter refuses new sessions
                settle()
            _sleep()
        pids.append(pid)
    pids.append(_daemon())
    pids.append(subprocess.Popen(["sleep", "600"], env={}, process_group=0).pid)
    time.sleep(0.1)
    print(*pids)


def _daemon() -> int:
    readable, writable = os.pipe()
    if (pid := os.fork()) == 0:
        with contextlib.suppress(OSError):
            os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(writable, str(os.getpid()).encode())
            _sleep()
        os._exit(0)
    os.waitpid(pid, 0)
    return int(os.read(readable, 32))


def leaves_children_and_kills_its_parent(job: Job, channel: Channel) -> None:
    """Start a daemon, write its number down, and kill the server."""
    with open("daemons", "a") as numbers:
        print(_daemon(), file=numbers)
    os.kill(os.getppid(), signal.SIGKILL)
    _sleep()


def _to_every_descriptor(data: bytes) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) > 2:
            try:
                os.write(int(name), data)
            except OSError:
                continue


def forges_a_frame(job: Job, channel: Channel) -> None:
    """Write a well-formed frame of an unknown stage to everything that is open."""
    _to_every_descriptor(b'{"stage":"mark","begin":true}\n')
    _sleep()


def forges_garbage(job: Job, channel: Channel) -> None:
    """Write bytes of no meaning to everything that is open."""
    _load(channel)
    _to_every_descriptor(bytes(range(256)) + b"\n")
    _sleep()


def forges_a_field(job: Job, channel: Channel) -> None:
    """Send a frame with a field that does not exist."""
    _to_every_descriptor(b'{"stage":"load","begin":true,"mark":100}\n')
    _sleep()


def forges_a_partial_record(job: Job, channel: Channel) -> None:
    """Send a record that lacks fields."""
    _to_every_descriptor(b'{"stage":"load","record":{"problem":null}}\n')
    _sleep()


def nests_deeply(job: Job, channel: Channel) -> None:
    """Send JSON nested far deeper than any decoder's stack."""
    _to_every_descriptor(b'{"stage":"load","record":' + b"[" * 500_000 + b"\n")
    _sleep()


def sends_a_huge_line(job: Job, channel: Channel) -> None:
    """Send a header that never ends."""
    for _ in range(10):
        _to_every_descriptor(b" " * (1 << 20))
    _sleep()


def sends_a_long_text(job: Job, channel: Channel) -> None:
    """Send a name of a million characters the proper way; it must arrive cut."""
    channel.begin("load")
    channel.send(Loading(None, script="x" * 1_000_000, how="\ud800"), "load")


def sends_a_surrogate(job: Job, channel: Channel) -> None:
    """Send text that UTF-8 has no bytes for."""
    _to_every_descriptor(b'{"stage":"","end":"\\ud800 "}\n')
    _sleep()


def sends_a_large_record(job: Job, channel: Channel) -> None:
    """Send some MB in one record, as large graphs do."""
    channel.begin("load")
    channel.send(Loading(None, methods=("x" * 4000,) * 1500), "load")


def sends_too_much(job: Job, channel: Channel) -> None:
    """Send more than the channel carries."""
    channel.begin("load")
    channel.send(Loading(None, methods=("x" * 4000,) * 2500), "load")


def repeats_a_stage(job: Job, channel: Channel) -> None:
    """Send the same stage twice."""
    _load(channel)
    _load(channel)
    _sleep()


def swaps_stages(job: Job, channel: Channel) -> None:
    """Send the second stage before the first."""
    channel.begin("build")
    channel.send(Building(None), "build")
    _load(channel)
    _sleep()


def renews_its_deadline(job: Job, channel: Channel) -> None:
    """Begin the same stage again and again."""
    _load(channel)
    while True:
        channel.begin("build")
        time.sleep(0.1)


def sends_nan_itself(job: Job, channel: Channel) -> None:
    """Write a NaN where a number belongs, past our own encoder."""
    _to_every_descriptor(b'{"stage":"build","record":{"problem":null,"parameters":NaN,"layers":[],"remarks":[]}}\n')
    _sleep()


def sends_nan_properly(job: Job, channel: Channel) -> None:
    """Hand a NaN to our own encoder, which refuses it."""
    _load(channel)
    channel.begin("build")
    channel.send(Building(None, parameters=float("nan")), "build")  # type: ignore[arg-type]  # as a student's might


def patches_what_reports(job: Job, channel: Channel) -> None:
    """Replace what the channel works with, then report."""
    json.JSONEncoder.encode = lambda *_: "{}"  # type: ignore[method-assign]
    json.dumps = os.write = os._exit = os.getpid = lambda *_: 0  # type: ignore[assignment]
    _load(channel)


def reports_from_a_fork(job: Job, channel: Channel) -> None:
    """Report twice, the first time from a copy of this process."""
    if (pid := os.fork()) == 0:
        _load(channel)
        _sleep()
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    _load(channel)


def speaks_after_the_end(job: Job, channel: Channel) -> None:
    """Send more after the end."""
    channel.end()
    _load(channel)


def closes_everything(job: Job, channel: Channel) -> None:
    """Close every descriptor, then report."""
    os.closerange(0, 10000)
    _load(channel)


def tries_everything(job: Job, channel: Channel) -> None:
    """Try what a submission has no business with, and print what came of each attempt; paths.json names places."""
    print(json.dumps(_attempts(json.loads(Path("paths.json").read_text()))))


def _attempts(places: dict[str, Any]) -> dict[str, Any]:
    import errno
    import socket

    libc = ctypes.CDLL(None, use_errno=True)

    def outcome(attempt: object, *arguments: object) -> str:
        try:
            result = attempt(*arguments)  # type: ignore[operator]
        except OSError as problem:
            return errno.errorcode.get(problem.errno or 0, "OSError")
        return f"ok: {str(result)[:40]}"

    def native(name: str, *arguments: int) -> int:
        result = int(getattr(libc, name)(*arguments))
        if result < 0:
            raise OSError(ctypes.get_errno(), name)
        return result

    def fill() -> int:
        for number in range(40):
            Path(f"fill-{number}").write_bytes(os.urandom(1 << 20))
        return 40

    def opened() -> int:
        with contextlib.ExitStack() as stack:
            for count in range(5000):
                try:
                    stack.enter_context(open(os.devnull))
                except OSError:
                    return count
        return 5000

    status: dict[str, str] = {}
    with contextlib.suppress(OSError):
        lines = Path("/proc/self/status").read_text().splitlines()
        status = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {
        "own": outcome(Path("own.txt").read_text),
        "writes": outcome(Path("new.txt").write_text, "x"),
        "temporary": outcome(Path("/tmp/new.txt").write_text, "x"),
        "hidden": {place: outcome(Path(place).read_bytes) for place in places["hidden"]},
        "library": outcome(Path(os.__file__).read_bytes),
        "writes_library": outcome(Path(os.path.dirname(os.__file__), "planted.py").write_text, "x"),
        "writes_root": outcome(Path("/planted").write_text, "x"),
        "connects": outcome(socket.create_connection, ("127.0.0.1", places["port"]), 2),
        "vsock": outcome(socket.socket, 40, socket.SOCK_STREAM),
        "processes": outcome(lambda: sum(name.isdigit() for name in os.listdir("/proc"))),
        "kills_parent": outcome(os.kill, os.getppid() or 1 << 20, 0),
        "unshare": outcome(native, "unshare", 0x10000000),
        "mount": outcome(native, "mount", 0, 0, 0, 0, 0),
        "ptrace": outcome(native, "ptrace", 0, 0, 0, 0),
        "setsid": outcome(native, "setsid"),
        "lasting": {name: outcome(native, name, *arguments) for name, arguments in LASTING.items()},
        "descriptors": opened(),
        "memory": outcome(Path("/proc/self/mem").open, "rb"),
        "user": os.getuid(),
        "capabilities": status.get("CapEff", "").strip(),
        "no_new_privileges": status.get("NoNewPrivs", "").strip(),
        "fills": outcome(fill),
    }


def open_service(settings: dict[str, Any]) -> Callable[[bytes], bytes]:
    """What answers "WORD REST" by the function ``answers_WORD``; a file that the settings name is opened first."""
    if settings.get("is_broken"):
        raise ValueError("the data is not there")
    _opened.update(settings)
    if "file" in settings:
        _opened["file"] = open(settings["file"], "rb")  # noqa: SIM115  # for the life of the process

    def answer(request: bytes) -> bytes:
        word, _, rest = request.partition(b" ")
        found: bytes = globals()[f"answers_{word.decode()}"](rest)
        return found

    return answer


_opened: dict[str, Any] = {}


def answers_echo(rest: bytes) -> bytes:
    """Give it back."""
    return rest


def answers_pid(rest: bytes) -> bytes:
    """Tell which process this is, after so many seconds."""
    time.sleep(float(rest or b"0"))
    return str(os.getpid()).encode()


def answers_large(rest: bytes) -> bytes:
    """Give so many bytes, after writing more to the error stream than a pipe holds."""
    os.write(2, b"x" * (1 << 18))
    return b"y" * int(rest)


def answers_sleep(_: bytes) -> NoReturn:
    """Take too long, whatever signal comes."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    _sleep()


def answers_crash(_: bytes) -> bytes:
    """Crash in native code."""
    return ctypes.string_at(0)


def answers_leave(_: bytes) -> NoReturn:
    """End without a word."""
    os._exit(3)


def answers_raise(_: bytes) -> NoReturn:
    """Raise what nobody catches."""
    raise ValueError("three\nlines\nhere")


def answers_hog(_: bytes) -> NoReturn:
    """Take memory until stopped."""
    hogs_memory(Job("", "", 0), Channel(-1))
    _sleep()


def answers_kill(rest: bytes) -> bytes:
    """Kill the server, only once if there is a file to remember it by."""
    if rest and os.path.exists(rest):
        return b"again"
    if rest:
        Path(os.fsdecode(rest)).touch()
    os.kill(os.getppid(), signal.SIGKILL)
    _sleep()


def answers_settings(_: bytes) -> bytes:
    """Give what the service was opened with, and the limits that the process is under."""
    import resource

    limits = {name: resource.getrlimit(getattr(resource, f"RLIMIT_{name}"))[0] for name in ("CPU", "DATA")}
    told = {name: value for name, value in _opened.items() if name != "file"}
    return json.dumps({"settings": told, "limits": limits, "folder": os.listdir(".")}).encode()


def answers_try(rest: bytes) -> bytes:
    """Tell what this process can see and do, and what stands in the file that was opened before it was shut in."""
    return json.dumps({**_attempts(json.loads(rest)), "opened": _opened["file"].read().decode()}).encode()
