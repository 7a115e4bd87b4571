"""Documentation that can drift: links, commands, options, check ids and exit codes are compared with what is there."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.places import ROOT

README = ROOT / "README.md"
PAGES = [
    *(ROOT / name for name in ("README.md", "CHANGELOG.md", "reports/README.md", "tests/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
SESSION = re.compile(r"nox -s (\w+)")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
NOT_OURS = {"--extra", "--universal", "--python-version", "--upgrade", "--sizes", "--junitxml"}
"""Options of other commands that the pages mention."""

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def requirement_name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []


@every_page
def test_pages_name_sessions_that_exist(page: Path) -> None:
    sessions = set(re.findall(r"@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text(encoding="utf-8")))
    assert set(SESSION.findall(page.read_text(encoding="utf-8"))) <= sessions


def test_pages_name_options_that_exist() -> None:
    known = set()
    for command in ("grade", "review", "diff", "render", "doctor", "mark-answers"):
        line = [sys.executable, "-m", "grader", command, "--help"]
        shown = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60).stdout
        known |= set(OPTION.findall(shown))
    # What stands in the quotes behind this one belongs to other commands.
    texts = [re.sub(r'--worker-prefix "[^"]*"', "--worker-prefix", page.read_text(encoding="utf-8")) for page in PAGES]
    mentioned = {option for text in texts for option in OPTION.findall(text)}
    assert mentioned - NOT_OURS <= known


def test_the_readme_gives_the_test_command_that_continuous_integration_runs() -> None:
    assert "nox -s tests" in README.read_text(encoding="utf-8").splitlines()
    assert 'test_command="nox -s tests"' in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def test_every_check_of_the_rubric_is_described() -> None:
    rubric = tomllib.loads((ROOT / "grader" / "lab4" / "rubric.toml").read_text(encoding="utf-8"))
    described = set(re.findall(r"^\| `([\w.]+)` \|", (ROOT / "docs" / "report-format.md").read_text(), re.MULTILINE))
    assert set(rubric["part2"]) <= described


def test_every_dependency_has_its_reason_and_its_pin() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {requirement_name(item) for item in (*project["dependencies"], *project["optional-dependencies"]["dev"])}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    lock = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8").splitlines()
    assert wanted <= set(re.findall(r"^\| `([\w.-]+)` \|", page, re.MULTILINE))
    assert wanted <= {requirement_name(line) for line in lock if not line.startswith("#")}


def test_the_lock_pins_everything_and_names_no_place() -> None:
    lines = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert [line for line in pins if not re.match(r"[a-z0-9-]+==[0-9][\w.]*( ; .+)?$", line)] == []
    assert [line for line in lines if "://" in line or line.lstrip().startswith(("-i", "--index", "--find"))] == []


def test_the_version_is_in_the_changelog() -> None:
    from grader import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
