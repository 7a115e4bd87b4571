"""Compares the documentation with the project: links, paths, commands, options, check ids, figures."""

from __future__ import annotations

import csv
import itertools
import re
import statistics
import tomllib
from pathlib import Path
from typing import Any

import pytest

from grader.cli.arguments import parser
from grader.lab4.items import PART2_TITLES
from grader.selfcheck.command import parser as check_parser
from tests.measure.calibration import COLUMNS
from tests.support.places import ROOT

README = ROOT / "README.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    ROOT / "reports" / "README.md",
    ROOT / "tests" / "README.md",
    *sorted((ROOT / "tests").glob("*/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)]*))?\)")
SESSION = re.compile(r"nox -s (\w+)")
OWN_PATH = re.compile(r"(?<![\w./-])(?:grader|tests|docs|requirements)/[\w./-]*\w")
OWN_MODULE = re.compile(r"(?<![\w.])grader(?:\.[a-z]\w*)+")
OPTION = re.compile(r"(?<![\w-])--[a-z][a-z-]+")
NOT_OURS = {
    "--changes",
    "--extra",
    "--universal",
    "--python-version",
    "--upgrade",
    "--sizes",
    "--junitxml",
    "--check",
    "--strict",
} | {"--again", "--only", "--protocol", "--port", "--nthreads", "--no-dashboard"}
"""Options of other commands that the pages mention."""
ITEMS = {*PART2_TITLES, "part1.7c"}

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))


def requirements_of(project: dict[str, Any]) -> list[str]:
    return [*project["dependencies"], *itertools.chain(*project["optional-dependencies"].values())]


def requirement_name(requirement: str) -> str:
    return re.split(r"[^\w.-]", requirement, maxsplit=1)[0].lower()


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.*)", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def is_module(name: str) -> bool:
    place = ROOT.joinpath(*name.split("."))
    return place.is_dir() or place.with_suffix(".py").is_file()


@every_page
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for link, heading in LINK.findall(page.read_text(encoding="utf-8")):
        target = page.parent / link if link else page
        assert "://" in link or target.exists()
        assert not heading or heading in anchors_of(target)


@every_page
def test_paths_and_modules_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [path for path in OWN_PATH.findall(text) if not (ROOT / path).exists()] == []
    assert [name for name in OWN_MODULE.findall(text) if not is_module(name)] == []


def test_the_architecture_page_names_modules_that_exist() -> None:
    """There the names of modules have no ``grader.`` in front."""
    names = re.findall(r"`([a-z]\w*(?:\.[a-z]\w*)+)`", ARCHITECTURE.read_text(encoding="utf-8"))
    modules = {name for name in names if not name.endswith((".csv", ".json", ".toml"))} - ITEMS
    assert modules
    assert [name for name in modules if not is_module(f"grader.{name}")] == []


@every_page
def test_pages_name_sessions_that_exist(page: Path) -> None:
    sessions = set(re.findall(r"@nox\.session.*\ndef (\w+)", (ROOT / "noxfile.py").read_text(encoding="utf-8")))
    assert set(SESSION.findall(page.read_text(encoding="utf-8"))) <= sessions


def test_pages_name_options_that_exist() -> None:
    commands, known = [parser()], set(OPTION.findall(check_parser().format_help()))
    while commands:
        command = commands.pop()
        commands += command.commands.values()
        known |= set(OPTION.findall(command.format_help()))
    # The quoted command after this option has options of other programs.
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
    wanted = {requirement_name(item) for item in requirements_of(project)}
    page = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    lock = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8").splitlines()
    assert wanted <= set(re.findall(r"^\| `([\w.-]+)` \|", page, re.MULTILINE))
    assert wanted <= {requirement_name(line) for line in lock if not line.startswith("#")}


def test_each_range_starts_at_a_version() -> None:
    """``nox -s lowest`` makes a pin of each range."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [item for item in requirements_of(project) if not re.fullmatch(r"[a-z0-9-]+>=[\d.]+(,<[\d.]+)?", item)] == []


def test_the_package_is_marked_as_typed() -> None:
    data = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["package-data"]
    assert "py.typed" in data["grader"]
    assert (ROOT / "grader" / "py.typed").is_file()


def test_nox_and_the_package_ask_for_the_same_python() -> None:
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    oldest = re.search(r"^OLDEST_PYTHON = \((\d+), (\d+)\)", noxfile, re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert oldest is not None
    assert project["requires-python"] == ">=" + ".".join(oldest.groups())


def test_the_readme_names_the_versions_that_are_tested() -> None:
    noxfile = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    versions = re.findall(r"^(?:OLDEST|NEWEST)_PYTHON = \((\d+), (\d+)\)", noxfile, re.MULTILINE)
    oldest, newest = (".".join(version) for version in versions)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    torch = next(item for item in project["dependencies"] if item.startswith("torch>="))
    named = f"Python {oldest} to {newest}, {torch.replace('>=', ' ')} or newer"
    assert named in README.read_text(encoding="utf-8")


def test_the_lock_pins_everything_with_hashes_and_names_no_index() -> None:
    lines = (ROOT / "requirements" / "lock.txt").read_text(encoding="utf-8").splitlines()
    pins = "\n".join(line for line in lines if not line.startswith("#"))
    one_pin = r"[a-z0-9-]+==[0-9][\w.]*( ; [^\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+(\n|$)"
    assert re.sub(one_pin, "", pins) == ""
    assert [line for line in lines if "://" in line or line.lstrip().startswith(("-i", "--index", "--find"))] == []


def test_the_conclusions_of_the_calibration_agree_with_its_table() -> None:
    with (ROOT / "docs" / "calibration.csv").open(encoding="utf-8", newline="") as table:
        nets = list(csv.DictReader(table))
    assert tuple(nets[0]) == COLUMNS
    mean = statistics.mean(float(net["mean"]) for net in nets)
    worst = min((net for net in nets if net["net"] != "extreme-gap8"), key=lambda net: float(net["lowest"]))
    retried = [net["net"] for net in nets if net["most_runs"] != "1"]
    assert (retried, {net["misses"] for net in nets}) == (["extreme-gap8"], {"0"})
    readme = README.read_text(encoding="utf-8")
    assert f"| 0 of {len(nets)}, each trained from 5 starts |" in readme
    assert f"| {mean:.3f} on average, {worst['lowest']} at least; one network needed a second try |" in readme
    page = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    assert "97.4 % of the 232 settled ones were exact, 16 % of all were sent" in page
    assert "97.4 % of the settled marks exact, 16 % left to a tutor" in readme
    assert f"{len(nets)} nets, {5 * len(nets)} first runs, {mean:.3f} on average, no misses." in page
    assert f"the lowest first run of all, `extreme-gap8` apart, is {worst['lowest']} (`{worst['net']}`)" in page


def test_the_version_is_in_the_changelog() -> None:
    from grader import __version__

    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
