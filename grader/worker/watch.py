"""Noticing, through Python's audit events, what a submission reaches for while it runs.

What leads to the process's own frames, objects and memory is refused: it has no place in a network, and it is the way
to the observer. The rest (network, programs, files) is left to the isolation around this process and only noted.
Source of the event names: https://docs.python.org/3/library/audit_events.html.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Callable, Iterable
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
    "marshal.loads": "makes code objects out of bytes",
    "marshal.load": "makes code objects out of bytes",
    "code.__new__": "makes code objects by hand",
    "function.__new__": "makes functions by hand",
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
_SECRETS = frozenset({".ssh", ".aws", ".netrc", ".kube", ".gnupg", ".git-credentials", ".docker", ".bash_history"})
_LABELS = "labels-idx1-ubyte"
_RUNS_TEXT = frozenset(
    {"runpy.py", "code.py", "codeop.py", "timeit.py", "trace.py", "bdb.py", "pdb.py", "cProfile.py", "profile.py"}
    | {"doctest.py", "pkgutil.py"}
)
"""Modules of the standard library that run text or files which they are given."""
_IN_A_PICKLE = frozenset({"builtins", "os", "posix", "subprocess", "sys", "importlib", "runpy", "code", "gc", "ctypes"})
_HARMLESS_IN_A_PICKLE = frozenset(
    {"set", "frozenset", "dict", "list", "tuple", "int", "float", "complex", "bytes", "bytearray", "str", "bool"}
    | {"slice", "range", "object", "print"}
)
LONGEST_EXPRESSION = 200
"""Characters of text that may be evaluated without its standing in the submission's files."""
_LARGEST_TEXT = 4 << 20
_MOST_NOTICES = 12
_DEPTH = 60
_BETWEEN = {"sys": frozenset({"inspect.py"}), "ctypes": frozenset({"__init__.py", "util.py"})}
"""Files of the standard library that do what they are asked to: by the first part of the event."""


def _is_deadly_here(target: Any, number: Any) -> bool:
    """Whether a signal to ``target`` would end or stop this process, were it not the first of its namespace.

    The kernel spares the first process from what it sends to itself, and so would let a script go on that no other
    Python would.
    """
    if os.getpid() != 1 or target not in (1, 0, -1) or not isinstance(number, int) or number in _SPARING:
        return False
    return number in _ALWAYS_DEADLY or signal.getsignal(number) == signal.SIG_DFL


_SPARING = frozenset({0, signal.SIGCHLD, signal.SIGCONT, signal.SIGURG, signal.SIGWINCH})
_ALWAYS_DEADLY = frozenset({signal.SIGKILL, signal.SIGSTOP})
_BY_SIGNAL = 128
"""What a shell adds to the number of the signal that ended a process, to make an exit status of it."""
_leave = os._exit


class Watch:
    """The notices of one submission, whose files lie in ``root``. Once installed, it stays for the process's life.

    All code that does not come from a library, or from one of the ``trusted`` folders, counts as the submission's.
    """

    def __init__(self, root: str, trusted: Iterable[str] = ()) -> None:
        self._root = os.path.join(root, "")
        libraries = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *filter(os.path.isabs, sys.path)}
        self._libraries = tuple(os.path.join(path, "") for path in libraries)
        self._trusted = ("<frozen ", *self._libraries, *(os.path.join(path, "") for path in trusted))
        self._standard = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib"))
        self._third_party = tuple(os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib"))
        self._notices: dict[Notice, bool] = {}
        """Every notice so far, and whether it has been taken."""
        self._is_busy = False
        self.stage = "load"
        """The stage that is under way."""
        self._tell: Callable[[], None] = lambda: None

    def install(self, tell: Callable[[], None], *, prepare: Callable[[], None]) -> None:
        """Start watching; ``prepare`` is called before each look, ``tell`` when there is a new notice."""
        self._tell = tell
        judges: dict[str, Callable[[str, tuple[Any, ...]], None]] = dict.fromkeys(REACHING, self._reaches)
        judges |= dict.fromkeys(_NETWORK, self._connects)
        judges |= dict.fromkeys(_PROGRAMS, self._starts)
        judges |= dict.fromkeys(_FILES, self._opens)
        judges |= {"object.__getattr__": self._gets, "object.__setattr__": self._sets}
        judges |= {"compile": self._compiles, "exec": self._executes, "pickle.find_class": self._unpickles}
        find = judges.get

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            judge = find(event)
            if judge is None or self._is_busy:
                return
            self._is_busy = True  # what is looked at here raises events of its own
            try:
                prepare()
                judge(event, arguments)
            finally:
                self._is_busy = False

        sys.addaudithook(hook)

    def add(self, id: str, message: str, *, is_grave: bool = False) -> None:
        """Note something, once."""
        notice = Notice(id, message, is_grave)
        if notice not in self._notices and len(self._notices) < _MOST_NOTICES:
            self._notices[notice] = False
            self._tell()

    def take(self) -> list[Notice]:
        """The notices that came up since the last time."""
        new = [notice for notice, is_taken in self._notices.items() if not is_taken]
        self._notices.update(dict.fromkeys(new, True))
        return new

    # ---- one function for each kind of event ------------------------------------------------------------------------

    def _reaches(self, event: str, _: tuple[Any, ...]) -> None:
        frame = self._caller(through=_BETWEEN.get(event.partition(".")[0], frozenset()))
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

    def _compiles(self, _: str, arguments: tuple[Any, ...]) -> None:
        source, file = (*arguments, None, None)[:2]
        frame = self._caller(through=_RUNS_TEXT)
        if frame is not None and isinstance(source, str | bytes):
            text = source if isinstance(source, str) else source.decode("utf-8", "replace")
            if (len(text) > LONGEST_EXPRESSION or "\n" in text.strip()) and not self._stands_in_files(text):
                self._refuse(frame, "runs code that does not stand in its files", "compile")
        if frame is not None and isinstance(file, str) and file.startswith(self._trusted):
            self._refuse(frame, "gives out its code for a library's", "compile")

    def _executes(self, _: str, arguments: tuple[Any, ...]) -> None:
        file = getattr(arguments[0] if arguments else None, "co_filename", "")
        if isinstance(file, str) and file.startswith(self._trusted):
            frame = self._caller(through=_RUNS_TEXT)
            if frame is not None:
                self._refuse(frame, "gives out its code for a library's", "exec")

    def _unpickles(self, event: str, arguments: tuple[Any, ...]) -> None:
        module, name = (*map(str, arguments), "", "")[:2]
        is_of_note = module.partition(".")[0] in _IN_A_PICKLE and name not in _HARMLESS_IN_A_PICKLE
        if is_of_note and (frame := self._student()) is not None:
            self._refuse(frame, f"unpickles {module}.{name}"[:100], event)

    def _stands_in_files(self, text: str) -> bool:
        """Whether a text is part of one of the submission's own scripts or notebooks, as a tutor can read it."""
        for folder, _, names in os.walk(self._root):
            for name in names:
                if not name.endswith((".py", ".ipynb")):
                    continue
                with contextlib.suppress(OSError), open(os.path.join(folder, name), errors="replace") as file:
                    written = file.read(_LARGEST_TEXT)
                    if text.strip() in written or json.dumps(text.strip())[1:-1] in written:
                        return True
        return False

    def _connects(self, event: str, _: tuple[Any, ...]) -> None:
        if (frame := self._student()) is not None:
            self.add("network", f"{self._place(frame)} tries to use the network ({event}).")

    def _starts(self, event: str, arguments: tuple[Any, ...]) -> None:
        if (frame := self._student()) is None:
            return
        self.add("starts-programs", f"{self._place(frame)} starts or signals processes ({event}).")
        if event in ("os.kill", "os.killpg") and len(arguments) == 2 and _is_deadly_here(*arguments):
            os.write(2, f"ended itself by signal {arguments[1]}\n".encode())
            _leave(_BY_SIGNAL + int(arguments[1]))

    def _opens(self, event: str, arguments: tuple[Any, ...]) -> None:
        path = arguments[0] if arguments else None
        if isinstance(path, bytes):
            path = os.fsdecode(path)
        if not isinstance(path, str):
            return
        name = os.path.basename(path)
        real = os.path.normpath(os.path.join(self._root, path))
        if real.startswith("/proc/") and any(part in real for part in ("/fd", "/mem", "/maps", "/environ", "/task")):
            if (frame := self._caller(is_through_standard=True)) is not None:
                self._refuse(frame, "looks into a process by way of /proc", event)
            return
        if name.endswith(".pyc") and real.startswith(self._root):
            raise PermissionError("bytecode is not run while a submission is graded; its source is")
        if name.endswith(_WEIGHTS) and self.stage != "load" and (frame := self._student()) is not None:
            self.add("loads-weights", f"{self._place(frame)} reads {name[:60]} while the network is built or run.")
        is_outside = not os.path.join(real, "").startswith((self._root, *self._libraries))
        is_of_note = (is_outside and self._is_there(real)) or name in _GRADERS_FILES
        is_of_note = is_of_note or not _SECRETS.isdisjoint(path.split("/"))
        is_of_note = is_of_note or (_LABELS in name and self.stage != "load")
        if is_of_note and (frame := self._caller(is_through_standard=True)) is not None:
            self.add("reads-files", f"{self._place(frame)} reaches for {path[:80]}, outside its own files.")

    def _is_there(self, real: str) -> bool:
        """Whether an outside path was meant for this machine: scripts name the folders of other ones all the time."""
        if real.startswith(("/dev/", "/proc/", "/sys/")) or real in ("/tmp", "/dev/shm"):
            return False
        return os.path.lexists(real)

    # ---- who is asking ---------------------------------------------------------------------------------------------

    def _caller(self, *, through: frozenset[str] = frozenset(), is_through_standard: bool = False) -> FrameType | None:
        """The submission's own frame, if it is what raised the event: itself, or ``through`` modules of the standard
        library by their files' names, or through any of them.
        """
        frame: FrameType | None = sys._getframe(3)
        for _ in range(_DEPTH):
            if frame is None:
                return None
            if self._is_students(frame):
                return frame
            file = frame.f_code.co_filename
            is_between = is_through_standard or os.path.basename(file) in through or file.startswith("<frozen runpy")
            if not (is_between and self._is_standard(file)):
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
        if file.startswith("<") and not file.startswith("<frozen"):
            # Text that was compiled: whose it is, the module tells in whose namespace it runs.
            home = sys.modules.get(str(frame.f_globals.get("__name__")))
            return home is None or vars(home) is not frame.f_globals or self._is_in_root(home)
        return not file.startswith(self._trusted)

    def _is_in_root(self, module: Any) -> bool:
        file = getattr(module, "__file__", None)
        return not isinstance(file, str) or not file.startswith(self._trusted)

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
