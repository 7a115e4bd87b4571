"""The reviewing session in a terminal: keys work at once, escape sequences are few, and settings are restored."""

from __future__ import annotations

import http.client
import os
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.places import ROOT
from tests.support.review_samples import decided

pytestmark = pytest.mark.slow

pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
termios = pytest.importorskip("termios")
fcntl = pytest.importorskip("fcntl")
KEY_SECONDS = 20.0
"""Longest time until a key shows its effect, on a machine that is busy with other tests."""


class Terminal:
    """A session in a pseudo-terminal of 24 lines and 80 columns."""

    def __init__(self, folder: Path, *options: str, **environment: str) -> None:
        master, slave = pty.openpty()
        self._master: int = master
        # As over ssh: there is no browser to open, so the review is in the terminal.
        settings = os.environ | {"TERM": "xterm", "COLUMNS": "80", "LINES": "24", "SSH_CONNECTION": "x"} | environment
        line = [sys.executable, "-m", "grader", "review", str(folder), "--author", "Tess", *options]
        self.process = subprocess.Popen(
            line,
            cwd=ROOT,
            env=settings,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
        )
        self._slave: int = slave
        self.seen = ""

    def settings(self) -> object:
        """The terminal's settings."""
        return termios.tcgetattr(self._slave)

    def close_line(self) -> None:
        """Do what closing the window does."""
        os.close(self._slave)
        os.close(self._master)
        self._slave = self._master = -1

    def press(self, keys: str, *, until: str) -> str:
        """Press keys, and return all output until ``until`` appears."""
        os.write(self._master, keys.encode())
        return self.wait(until)

    def wait(self, until: str) -> str:
        start, deadline = len(self.seen), time.monotonic() + KEY_SECONDS
        while until not in self.seen[start:]:
            ready, _, _ = select.select([self._master], [], [], max(deadline - time.monotonic(), 0))
            assert ready, f"{until!r} did not appear in {self.seen[start:]!r}"
            try:
                self.seen += os.read(self._master, 65536).decode("utf-8", "replace")
            except OSError:  # the session has ended
                break
        assert until in self.seen[start:], self.seen[start:]
        return self.seen[start:]

    def close(self) -> None:
        for handle in {self._master, self._slave} - {-1}:
            os.close(handle)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def terminal(folder: Path) -> Iterator[Terminal]:
    session = Terminal(folder, "--only", "7c")
    yield session
    session.close()


def screen(text: str) -> str:
    """The output without its escape sequences."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


def test_on_a_terminal_a_key_works_at_once(terminal: Terminal, folder: Path) -> None:
    assert "1 of 2" in screen(terminal.wait("help"))
    assert "2 of 2" in screen(terminal.press("a", until="help"))
    assert [reason for *_, reason in decided(folder)] == ["accepted"]
    terminal.press("c", until="Points, 0 to 1:")
    terminal.press("0.79\x7f5\n", until="Reason:")
    assert "0.75 of 1" in screen(terminal.press("Nearly; naïve.\n", until="help"))
    assert decided(folder)[1][2:] == (Decimal("0.75"), "Nearly; naïve.")
    assert "2 of 2" in screen(terminal.press("u", until="help")), "undone, and shown again"
    assert "1 of 2" in screen(terminal.press("u", until="help"))
    assert decided(folder) == []
    terminal.press("q", until="In this session: 0 decisions")
    assert terminal.process.wait(timeout=30) == 1


def test_on_a_terminal_arrow_keys_and_unknown_letters_do_nothing(terminal: Terminal, folder: Path) -> None:
    terminal.wait("help")
    terminal.press("\x1b[A", until="help")
    terminal.press("\x1b", until="help")
    terminal.press("c", until="Points, 0 to 1:")
    terminal.press("0.5", until="0.5")
    assert "Nothing was changed" in screen(terminal.press("\x1b", until="help"))
    assert "^[" not in terminal.seen
    assert "é is not a key here" in screen(terminal.press("é", until="help"))
    assert decided(folder) == []
    terminal.press("\x04", until="In this session: 0 decisions")


def test_on_a_terminal_only_the_words_that_counted_are_highlighted(terminal: Terminal) -> None:
    seen = terminal.wait("help")
    if "Once for every" in screen(seen):  # the other one comes first
        seen = terminal.press("s", until="help")
    assert re.search(r"\x1b\[[\d;]*m(once|Once)\x1b\[0m", seen)
    assert "\x1b[31mred" not in seen
    assert "␇place" in screen(seen)


def test_closing_the_terminal_loses_no_decision(terminal: Terminal, folder: Path) -> None:
    terminal.wait("help")
    terminal.press("a", until="help")
    terminal.close_line()
    assert terminal.process.wait(timeout=30) != 0
    assert [reason for *_, reason in decided(folder)] == ["accepted"]


def test_ctrl_c_restores_the_terminal(terminal: Terminal, folder: Path) -> None:
    before = terminal.settings()
    terminal.wait("help")
    terminal.press("a", until="help")
    terminal.press("\x03", until="In this session: 1 decision")
    assert terminal.process.wait(timeout=30) == 1
    assert terminal.settings() == before
    assert '"author": "Tess"' in (folder / "results.json").read_text(encoding="utf-8")


def test_with_no_color_the_words_that_counted_are_underlined(folder: Path) -> None:
    session = Terminal(folder, "--only", "7c", NO_COLOR="1")
    try:
        seen = session.wait("help")
    finally:
        session.close()
    codes = {code for found in re.findall(r"\x1b\[([\d;]*)m", seen) for code in found.split(";")}
    assert "4" in codes
    assert not {code for code in codes if code.isdigit() and 30 <= int(code) < 110}, codes


def test_a_dumb_terminal_gets_no_escape_sequences(folder: Path) -> None:
    session = Terminal(folder, "--only", "7c", TERM="dumb")
    try:
        seen = session.wait("help")
        assert "2 of 2" in session.press("s", until="help")
    finally:
        session.close()
    assert "\x1b" not in seen
    assert "«once»" in seen.lower()


def test_where_there_is_a_browser_the_page_opens_in_it_and_ctrl_c_ends_the_review(folder: Path, tmp_path: Path) -> None:
    browser, opened = tmp_path / "browser", tmp_path / "opened"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}\n')
    browser.chmod(0o755)
    session = Terminal(folder, DISPLAY=":0", BROWSER=str(browser), SSH_CONNECTION="")
    try:
        session.wait("ends the review")
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{43}", session.seen)
        deadline = time.monotonic() + KEY_SECONDS
        while not (opened.exists() and opened.read_text()) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert opened.read_text() == address
        served = http.client.HTTPConnection(urlsplit(address).netloc, timeout=KEY_SECONDS)
        served.request("GET", "/")
        assert served.getresponse().status == 403, "it serves, and asks for the token"
        served.close()
        session.press("\x03", until="In this session: 0 decisions, 5 left open.")
        assert session.process.wait(timeout=30) == 1
        assert "Traceback" not in session.seen
    finally:
        session.close()
