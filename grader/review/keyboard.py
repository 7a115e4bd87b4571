"""What a tutor presses: single keys of a terminal, or lines of a script. Nothing is printed here."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TextIO

if sys.platform == "win32":
    import msvcrt
else:
    import select
    import termios
    import tty

_ESCAPE = b"\x1b"
_END = "\x04"
_ESCAPE_SECONDS = 0.05
"""How soon the rest of an arrow key's sequence follows; a lone Escape is followed by nothing."""


@dataclass(frozen=True)
class Pressed:
    """One key, and what followed it on the same line of a script."""

    key: str
    rest: str = ""


class Keys(Protocol):
    """Where keys and lines come from; None is the end of the input."""

    is_single: bool
    """Whether a key works at once; otherwise each stands on a line of its own."""

    def key(self) -> Pressed | None: ...
    def line(self) -> str | None: ...


@contextmanager
def keys_of(stream: TextIO) -> Iterator[Keys]:
    """Single keys where ``stream`` is a terminal, which is left as it was; lines where it is not."""
    if not stream.isatty():
        yield ScriptKeys(stream)
        return
    keys = TerminalKeys(stream)
    try:
        yield keys
    finally:
        keys.close()


class ScriptKeys:
    """Lines of a stream: the first character is the key, the rest of the line goes with it."""

    is_single = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def key(self) -> Pressed | None:
        while (line := self.line()) is not None:
            if line.strip():
                return Pressed(line.strip()[0], line.strip()[1:].strip())
        return None

    def line(self) -> str | None:
        line = self._stream.readline()
        return line.rstrip("\r\n") if line else None


class TerminalKeys:
    """Keys of the terminal at ``stream``. Until it is closed a key is neither shown nor kept back by the terminal."""

    is_single = True

    if sys.platform == "win32":

        def __init__(self, stream: TextIO) -> None:
            self._stream = stream

        def key(self) -> Pressed | None:
            char = msvcrt.getwch()
            if char in "\x00\xe0":  # an arrow or function key comes as two
                msvcrt.getwch()
                return Pressed("")
            if char == "\x03":
                raise KeyboardInterrupt
            return None if char in "\x1a\x04" else Pressed(char)

        def line(self) -> str | None:
            line = self._stream.readline()
            return line.rstrip("\r\n") if line else None

        def close(self) -> None:
            """Nothing was changed."""

    else:

        def __init__(self, stream: TextIO) -> None:
            self._handle = stream.fileno()
            self._before = termios.tcgetattr(self._handle)
            self._take_keys()

        def key(self) -> Pressed | None:
            self._take_keys()  # again, for a session that was suspended comes back with the shell's settings
            try:
                pressed = self._read()
            except OSError:  # the terminal was closed
                return None
            return Pressed(pressed) if pressed is not None else None

        def line(self) -> str | None:
            self.close()
            # Not through the stream, whose buffer would keep keys that were pressed ahead.
            line = b""
            try:
                while not line.endswith(b"\n") and (piece := os.read(self._handle, 4096)):
                    line += piece
            finally:
                self._take_keys()
            return line.decode("utf-8", "replace").rstrip("\r\n") if line else None

        def close(self) -> None:
            """The terminal is as it was."""
            with suppress(termios.error):  # it was closed
                termios.tcsetattr(self._handle, termios.TCSADRAIN, self._before)

        def _take_keys(self) -> None:
            with suppress(termios.error):
                tty.setcbreak(self._handle, termios.TCSADRAIN)

        def _read(self) -> str | None:
            first = os.read(self._handle, 1)
            if first == _ESCAPE:
                while select.select([self._handle], [], [], _ESCAPE_SECONDS)[0] and os.read(self._handle, 64):
                    pass
                return ""
            lead = first[0] if first else 0
            more = 3 if lead >= 0xF0 else 2 if lead >= 0xE0 else 1 if lead >= 0xC0 else 0
            char = (first + (os.read(self._handle, more) if more else b"")).decode("utf-8", "replace")
            return None if char in ("", _END) else char
