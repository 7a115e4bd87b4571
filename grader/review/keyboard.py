"""Reads what a tutor types: single keys in a terminal, or lines of a script."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TextIO

from rich.cells import cell_len

if sys.platform == "win32":
    import msvcrt
else:
    import select
    import termios
    import tty

_ESCAPE = b"\x1b"
_ESCAPED = "\x1b"
_END = "\x04"
_BACKSPACE = ("\x7f", "\b")
_KILL = "\x15"
_ESCAPE_SECONDS = 0.05
"""Longest wait for the rest of an arrow key's sequence; nothing follows the Escape key itself."""


@dataclass(frozen=True)
class Pressed:
    """One key, and the rest of the line in a script."""

    key: str
    rest: str = ""


class Keys(Protocol):
    """A source of keys and lines; None is the end of the input, and for a line also the Escape key."""

    is_single: bool
    """Whether a key works at once; otherwise each key is on its own line."""

    def key(self) -> Pressed | None: ...
    def line(self) -> str | None: ...


@contextmanager
def keys_of(stream: TextIO) -> Iterator[Keys]:
    """Single keys if ``stream`` is a terminal, else lines. The terminal's settings are restored at the end."""
    if not stream.isatty():
        yield ScriptKeys(stream)
        return
    keys = TerminalKeys(stream)
    try:
        yield keys
    finally:
        keys.close()


def _edited(line: str, key: str) -> str:
    """``line`` after a key: a character is added, Backspace removes one, Ctrl-U all; other keys do nothing."""
    if key in _BACKSPACE:
        return line[:-1]
    if key == _KILL:
        return ""
    return line + key if key.isprintable() else line


def _echo(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _next_line(stream: TextIO) -> str | None:
    line = stream.readline()
    return line.rstrip("\r\n") if line else None


class ScriptKeys:
    """Reads lines of a stream: the first character is the key, the rest of the line belongs to it."""

    is_single = False

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def key(self) -> Pressed | None:
        while (line := self.line()) is not None:
            if line.strip():
                return Pressed(line.strip()[0], line.strip()[1:].strip())
        return None

    def line(self) -> str | None:
        return _next_line(self._stream)


class TerminalKeys:
    """Reads keys of the terminal at ``stream``. Until it is closed, keys are not echoed and work without Enter."""

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
            return _next_line(self._stream)

        def close(self) -> None:
            """Do nothing: no settings were changed."""

    else:

        def __init__(self, stream: TextIO) -> None:
            self._handle = stream.fileno()
            self._before = termios.tcgetattr(self._handle)
            self._read_single_keys()

        def key(self) -> Pressed | None:
            self._read_single_keys()  # again: after a suspended session the shell's settings are in place
            try:
                pressed = self._read()
            except OSError:  # the terminal was closed
                return None
            return Pressed(pressed) if pressed is not None else None

        def line(self) -> str | None:
            # Not by the terminal's own line mode, which prints ^[ for the Escape key.
            line = ""
            while (pressed := self.key()) is not None and pressed.key != _ESCAPED:
                if pressed.key in ("\n", "\r"):
                    _echo("\n")
                    return line
                kept = _edited(line, pressed.key)
                _echo("\b \b" * cell_len(line[len(kept) :]) + kept[len(line) :])
                line = kept
            _echo("\n")
            return None

        def close(self) -> None:
            """Restore the terminal's settings."""
            with suppress(termios.error):  # the terminal was closed
                termios.tcsetattr(self._handle, termios.TCSADRAIN, self._before)

        def _read_single_keys(self) -> None:
            with suppress(termios.error):
                tty.setcbreak(self._handle, termios.TCSADRAIN)

        def _read(self) -> str | None:
            first = os.read(self._handle, 1)
            if first == _ESCAPE:
                is_sequence = False
                while select.select([self._handle], [], [], _ESCAPE_SECONDS)[0] and os.read(self._handle, 64):
                    is_sequence = True
                return "" if is_sequence else _ESCAPED
            lead = first[0] if first else 0
            more = 3 if lead >= 0xF0 else 2 if lead >= 0xE0 else 1 if lead >= 0xC0 else 0
            char = (first + (os.read(self._handle, more) if more else b"")).decode("utf-8", "replace")
            return None if char in ("", _END) else char
