"""Makes what the README shows of the demo: the summary, a student's page and the review (``nox -s pictures``).

It grades the demo in a temporary folder and needs Chromium and a system with pseudo-terminals.
"""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright
from rich.console import Console
from rich.terminal_theme import SVG_EXPORT_THEME
from rich.text import Text

from grader.storage.run_folder import feedback_path
from tests.browser.conftest import NO_BROWSER, launched
from tests.demo.make_demo import make_demo
from tests.support.demo_transcript import COLUMNS, RUN, show, summary_of
from tests.support.places import ROOT
from tests.support.sample_cohort import KEY

PICTURES = ROOT / "docs" / "pictures"
STUDENT = "Liam Nguyen_5012302"
PAGE = ViewportSize(width=1000, height=1000)
LINES = 18
LAST_WORDS = b"help\r\n"
"""Of the review's screen."""
TERMINAL = """<style>
body {{ margin: 0; background: {background}; color: {foreground} }}
pre {{ margin: 0; padding: 14px; width: max-content; font: 15px/1.3 "DejaVu Sans Mono", monospace }}
</style><pre>{code}</pre>"""


def main() -> None:
    """Write the pictures, and the summary into the README."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        work, browser = Path(folder), launched(driver)
        if browser is None:
            sys.exit(NO_BROWSER)
        grade = ["grade", str(make_demo(work)), "--out", str(RUN), "--key", str(ROOT / KEY), "--quiet"]
        if subprocess.run(grader(*grade), cwd=work, env=environment(), check=False).returncode not in (0, 1):
            sys.exit("The demo could not be graded; see the message above.")
        show(summary_of(work / RUN))
        review = work / "review.html"
        review.write_text(as_page(review_screen(work)), encoding="utf-8")
        page = browser.new_page(viewport=PAGE)
        page.goto((work / RUN / feedback_path(STUDENT)).as_uri())
        page.screenshot(path=PICTURES / "student.png")
        page.goto(review.as_uri())
        page.locator("pre").screenshot(path=PICTURES / "review.png")
        browser.close()


def grader(*arguments: str) -> list[str]:
    """The command with these arguments."""
    return [sys.executable, "-m", "grader", *arguments]


def environment() -> dict[str, str]:
    """The environment of the commands: this project's grader, in a terminal with colours."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color"}


def review_screen(work: Path) -> str:
    """What the review of the demo shows first, with the terminal's control sequences."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
    command = grader("review", str(RUN), "--author", "Tutor", "--terminal")
    with subprocess.Popen(command, cwd=work, env=environment(), stdin=end, stdout=end, stderr=end):
        os.close(end)
        shown = b""
        while not shown.endswith(LAST_WORDS):
            shown += os.read(terminal, 65536)
        os.write(terminal, b"q")
        os.read(terminal, 65536)
    os.close(terminal)
    return shown.decode().replace("\r\n", "\n")


def as_page(screen: str) -> str:
    """The terminal's screen as an HTML page."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(screen), soft_wrap=True)
    return console.export_html(code_format=TERMINAL, inline_styles=True, theme=SVG_EXPORT_THEME)


if __name__ == "__main__":
    main()
