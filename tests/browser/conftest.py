"""A real browser for the tests in this folder: the system's Chromium, driven by playwright.

Nothing is downloaded: ``LAB4_CHROMIUM`` names the browser, or it is found where systems install it. Without one, or
without playwright, the tests are skipped. Whatever a test opens must stay quiet: a dialog, an error on the console, a
request that leaves the file system or a script of a student that ran fails the test at its end.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.written_runs import write_runs

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import (  # noqa: E402  (only once it is there)
    Browser,
    ConsoleMessage,
    Page,
    Playwright,
    Request,
    sync_playwright,
)

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
)
NO_BROWSER = "No Chromium, Chrome or Edge was found; LAB4_CHROMIUM can name one."
PATIENCE_MS = 5_000
WIDE = {"width": 1280, "height": 900}


def browser_path() -> str | None:
    """The path of the browser; None if there is none. A wrong ``LAB4_CHROMIUM`` is an error."""
    named = os.environ.get("LAB4_CHROMIUM")
    if named:
        return named
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or next((place for place in PLACES if Path(place).exists()), None)


def launched(driver: Playwright) -> Browser | None:
    """The browser, started; None if there is none."""
    path = browser_path()
    if path is None:
        return None
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    # Chromium refuses to start its sandbox as root, as in a container.
    return driver.chromium.launch(executable_path=path, args=["--no-sandbox"] if is_root else [])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as driver:
        browser = launched(driver)
        if browser is None:
            pytest.skip(NO_BROWSER)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The folders of the runs that are opened, by name."""
    return write_runs(tmp_path_factory.mktemp("runs"))


@dataclass
class Witness:
    """What a page did that no page of ours may do."""

    dialogs: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    """Requests that the page's own policy stopped before anything was sent."""

    def watch(self, page: Page) -> None:
        def dialog(shown: Any) -> None:
            self.dialogs.append(shown.message)
            shown.dismiss()

        def message(said: ConsoleMessage) -> None:
            if said.type in {"error", "warning"}:
                self.messages.append(said.text)

        def failure(request: Request) -> None:
            if "csp" in (request.failure or "").lower():
                self.blocked.append(request.url)

        page.on("dialog", dialog)
        page.on("requestfailed", failure)
        page.on("console", message)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))

    @property
    def outside(self) -> list[str]:
        sent = [url for url in self.requests if url not in self.blocked]
        return [url for url in sent if not url.startswith(("file:", "data:"))]


Opener = Callable[..., Page]


@pytest.fixture
def witness() -> Witness:
    """Of every page that the test opens."""
    return Witness()


@pytest.fixture
def opened_anyhow(chromium: Browser, witness: Witness) -> Iterator[Opener]:
    """Open a file in a context of its own, with playwright's options for contexts, and whatever it does is allowed."""
    with ExitStack() as contexts:

        def open_page(path: Path, **options: Any) -> Page:
            context = chromium.new_context(**{"viewport": WIDE, "locale": "en-GB", **options})
            contexts.callback(context.close)
            context.set_default_timeout(PATIENCE_MS)
            page = context.new_page()
            witness.watch(page)
            page.goto(path.as_uri())
            return page

        yield open_page


@pytest.fixture
def opened(opened_anyhow: Opener, witness: Witness) -> Iterator[Opener]:
    """Open a file as ``opened_anyhow`` does; the page has to stay quiet until the test ends."""
    pages: list[Page] = []

    def open_page(path: Path, **options: Any) -> Page:
        pages.append(opened_anyhow(path, **options))
        return pages[-1]

    yield open_page
    assert [page.evaluate("window.pwned ?? null") for page in pages] == [None] * len(pages)
    assert (witness.dialogs, witness.messages, witness.errors) == ([], [], [])
    assert (witness.outside, witness.blocked) == ([], [])
