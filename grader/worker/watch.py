"""Noticing, through Python's audit events, what a submission reaches for while it runs.

What leads to the process's own frames, objects and memory is refused: it has no place in a network, and it is the way
to the observer. The rest (network, programs, files) is left to the isolation around this process and only noted.
Source of the event names: https://docs.python.org/3/library/audit_events.html.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable
from types import FrameType
from typing import Any

from grader.evidence import Notice

REACHING = {
    "gc.get_objects": "lists the objects of the whole process",
    "gc.get_referrers": "looks for what refers to an object",
    "gc.get_referents": "looks for what an object refers to",
    "sys._getframe": "looks at the frames that called it",
    "sys._current_frames": "looks at the frames of other threads",
    "sys._current_exceptions": "looks at the exceptions of other threads",
    "sys.settrace": "has every line traced",
    "sys.setprofile": "has every call profiled",
    "sys.addaudithook": "listens to the interpreter's audit events",
    "ctypes.dlopen": "opens a library in memory",
    "ctypes.dlsym": "looks up native functions",
    "ctypes.dlsym/handle": "looks up native functions",
    "ctypes.addressof": "works with memory addresses",
    "ctypes.cdata": "works with memory addresses",
    "ctypes.cdata/buffer": "works with memory addresses",
    "ctypes.string_at": "reads memory by its address",
    "ctypes.wstring_at": "reads memory by its address",
    "ctypes.call_function": "calls native code by its address",
    "code.__new__": "makes code objects by hand",
    "function.__new__": "makes functions by hand",
    "cpython.run_interactivehook": "changes the interpreter",
}
_INNARDS = frozenset({"tb_frame", "gi_frame", "cr_frame", "ag_frame", "f_code", "gi_code"})
_NETWORK = (
    *("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"),
    *("urllib.Request", "ftplib.connect", "smtplib.connect", "http.client.connect", "telnetlib.Telnet.open"),
)
_PROGRAMS = (
    *("subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "pty.spawn"),
    *("os.kill", "os.killpg", "signal.pthread_kill"),
)
_FILES = ("open", "os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.symlink", "os.link")
_WEIGHTS = (".pt", ".pth", ".npy", ".npz", ".pkl", ".pickle", ".bin", ".safetensors", ".ckpt", ".h5")
_GRADERS_FILES = ("results.json", "evidence.json", "run.json", "marks.csv", "report.html", "key.toml", "rubric.toml")
_MOST_NOTICES = 12
_DEPTH = 60


class Watch:
    """The notices of one submission, whose files lie in ``root``. Once installed, it stays for the process's life."""

    def __init__(self, root: str) -> None:
        self._root = os.path.join(root, "")
        self._libraries = tuple(
            {os.path.join(path, "") for path in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())}
        )
        self._standard = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib"))
        self._third_party = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib"))
        self._notices: dict[Notice, bool] = {}
        """Every notice so far, and whether it has been taken."""
        self._is_busy = False
        self.stage = "load"
        """The stage that is under way."""

    def install(self) -> None:
        """Start watching."""
        judges: dict[str, Callable[[str, tuple[Any, ...]], None]] = dict.fromkeys(REACHING, self._reaches)
        judges |= dict.fromkeys(_NETWORK, self._connects)
        judges |= dict.fromkeys(_PROGRAMS, self._starts)
        judges |= dict.fromkeys(_FILES, self._opens)
        judges |= {"object.__getattr__": self._gets, "object.__setattr__": self._sets}
        find = judges.get

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            judge = find(event)
            if judge is None or self._is_busy:
                return
            self._is_busy = True  # what is looked at here raises events of its own
            try:
                judge(event, arguments)
            finally:
                self._is_busy = False

        sys.addaudithook(hook)

    def add(self, id: str, message: str, *, is_grave: bool = False) -> None:
        """Note something, once."""
        if len(self._notices) < _MOST_NOTICES:
            self._notices.setdefault(Notice(id, message, is_grave), False)

    def take(self) -> list[Notice]:
        """The notices that came up since the last time."""
        new = [notice for notice, is_taken in self._notices.items() if not is_taken]
        self._notices.update(dict.fromkeys(new, True))
        return new

    # ---- one function for each kind of event ------------------------------------------------------------------------

    def _reaches(self, event: str, _: tuple[Any, ...]) -> None:
        frame = self._caller(through_inspect=event == "sys._getframe")
        if frame is not None:
            self._refuse(frame, REACHING[event], event)

    def _gets(self, event: str, arguments: tuple[Any, ...]) -> None:
        name = arguments[1] if len(arguments) > 1 else ""
        if name in _INNARDS and (frame := self._caller()) is not None:
            self._refuse(frame, "looks into frames and code objects", str(name))

    def _sets(self, event: str, arguments: tuple[Any, ...]) -> None:
        name = arguments[1] if len(arguments) > 1 else ""
        if name == "__code__" and (frame := self._caller()) is not None:
            self._refuse(frame, "replaces the code of a function", str(name))

    def _connects(self, event: str, _: tuple[Any, ...]) -> None:
        if (frame := self._student()) is not None:
            self.add("network", f"{self._place(frame)} tries to use the network ({event}).")

    def _starts(self, event: str, _: tuple[Any, ...]) -> None:
        if (frame := self._student()) is not None:
            self.add("starts-programs", f"{self._place(frame)} starts or signals processes ({event}).")

    def _opens(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = arguments[0] if arguments else None
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str):
            return
        name = os.path.basename(path)
        real = os.path.normpath(os.path.join(self._root, path))
        if real.startswith("/proc/") and any(part in real for part in ("/fd", "/mem", "/maps", "/environ", "/task")):
            if (frame := self._caller(through_standard=True)) is not None:
                self._refuse(frame, "looks into a process by way of /proc", event)
            return
        if name.endswith(_WEIGHTS) and self.stage != "load" and (frame := self._student()) is not None:
            self.add("loads-weights", f"{self._place(frame)} reads {name[:60]} while the network is built or run.")
        is_outside = not os.path.join(real, "").startswith((self._root, *self._libraries))
        is_of_note = (is_outside and self._is_there(path, real)) or name in _GRADERS_FILES
        if is_of_note and (frame := self._caller(through_standard=True)) is not None:
            self.add("reads-files", f"{self._place(frame)} reaches for {path[:80]}, outside its own files.")

    def _is_there(self, path: str, real: str) -> bool:
        """Whether an outside path was meant for this machine: scripts name the folders of other ones all the time."""
        if real.startswith(("/dev/", "/proc/", "/sys/", "/tmp/lab4-")) or real in ("/tmp", "/dev/shm"):
            return False
        return path.startswith("..") or os.path.lexists(real)

    # ---- who is asking ---------------------------------------------------------------------------------------------

    def _caller(self, *, through_inspect: bool = False, through_standard: bool = False) -> FrameType | None:
        """The submission's own frame, if it is what raised the event: itself, or by way of the library in between."""
        frame: FrameType | None = sys._getframe(3)
        for _ in range(_DEPTH):
            if frame is None:
                return None
            if self._is_students(frame):
                return frame
            file = frame.f_code.co_filename
            is_inspect = through_inspect and os.path.basename(file) == "inspect.py" and self._is_standard(file)
            if not is_inspect and not (through_standard and self._is_standard(file)):
                return None
            frame = frame.f_back
        return None

    def _student(self) -> FrameType | None:
        """The nearest frame of the submission's, however far up."""
        frame: FrameType | None = sys._getframe(3)
        for _ in range(_DEPTH):
            if frame is None or self._is_students(frame):
                return frame
            frame = frame.f_back
        return None

    def _is_students(self, frame: FrameType) -> bool:
        file = frame.f_code.co_filename
        if file.startswith(self._root):
            return True
        if file.startswith("<") and not file.startswith("<frozen"):
            # Text that was compiled: whose it is, the module tells in whose namespace it runs.
            home = sys.modules.get(str(frame.f_globals.get("__name__")))
            return home is None or vars(home) is not frame.f_globals or self._is_in_root(home)
        return False

    def _is_in_root(self, module: Any) -> bool:
        file = getattr(module, "__file__", None)
        return not isinstance(file, str) or file.startswith(self._root)

    def _is_standard(self, file: str) -> bool:
        is_frozen = file.startswith("<frozen")
        return is_frozen or (file.startswith(self._standard) and not file.startswith(self._third_party))

    def _place(self, frame: FrameType) -> str:
        file = frame.f_code.co_filename
        if not file.startswith(self._root):
            return "Code made from text"
        return f"Line {frame.f_lineno} of {file.removeprefix(self._root)[:80]}"

    def _refuse(self, frame: FrameType, what: str, event: str) -> None:
        self.add("reaches-in", f"{self._place(frame)} {what} ({event}).", is_grave=True)
        raise PermissionError(f"{event} cannot be used while a submission is graded")
