"""Makes what the README shows of the demo: the summary, a student's page and the review (``nox -s pictures``).

It grades the demo in a temporary folder and needs Chromium.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, sync_playwright

from grader.storage.run_folder import feedback_path
from tests.browser.conftest import NO_BROWSER, launched
from tests.demo.make_demo import make_demo
from tests.support.demo_transcript import RUN, show, summary_of
from tests.support.desk_server import DeskServer
from tests.support.places import ROOT
from tests.support.sample_cohort import KEY

PICTURES = ROOT / "docs" / "pictures"
STUDENT = "Liam Nguyen_5012302"
PAGE = ViewportSize(width=1000, height=1000)
QUESTION = "7c"
"""Whose first open answer is shown in the review."""


def main() -> None:
    """Write the pictures, and the summary into the README."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        work, browser = Path(folder), launched(driver)
        if browser is None:
            sys.exit(NO_BROWSER)
        grade = (sys.executable, "-m", "grader", "grade", make_demo(work), "--out", RUN, "--key", ROOT / KEY, "--quiet")
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        if subprocess.run(grade, cwd=work, env=environment, check=False).returncode not in (0, 1):
            sys.exit("The demo could not be graded; see the message above.")
        show(summary_of(work / RUN))
        page = browser.new_page(viewport=PAGE)
        page.goto((work / RUN / feedback_path(STUDENT)).as_uri())
        page.screenshot(path=PICTURES / "student.png")
        with DeskServer(work / RUN, "--author", "Tutor", "--only", QUESTION) as desk:
            page.goto(desk.address)
            page.locator("mark").first.wait_for()
            page.screenshot(path=PICTURES / "review.png")
        browser.close()


if __name__ == "__main__":
    main()
