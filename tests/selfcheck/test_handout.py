"""The zip for students: its files, that it contains no answers, and that it works with only the students' libraries."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from grader.model import UsageFault
from grader.rubric.loading import load_rubric
from grader.selfcheck import STEPS
from grader.selfcheck.handout import TEMPLATE, build, package_files, public_modules
from grader.selfcheck.install import PACKAGES, install
from grader.selfcheck.milestones import MILESTONES
from grader.selfcheck.wording import Word
from grader.submissions.discovery import discover
from tests.support.places import ROOT

pytestmark = pytest.mark.slow

STUDENTS = ROOT / "student_template"
WORKFLOW = STUDENTS / ".github" / "workflows" / "self-check.yml"
SOLUTIONS = ROOT / "solutions"
TUTORS_LIBRARIES = (
    *("msgspec", "sklearn", "scipy", "rich", "snowballstemmer", "pypdf", "striprtf", "charset_normalizer", "tomli_w"),
    *("yaml", "py7zr"),
)
LONG = 20
"""Characters; shorter texts of the answer key are single words such as "layer"."""
LONG_PAIR = 70
"""Characters of two lines of code; shorter pairs occur in many modules."""
ONLY_STUDENTS_LIBRARIES = f"""
import socket, sys
missing = ()
sys.modules.update(dict.fromkeys({TUTORS_LIBRARIES!r} + missing))  # None there: not installed
def refuse(*arguments):
    raise OSError("there is no network here")
socket.socket.connect = socket.getaddrinfo = refuse
"""


@pytest.fixture(scope="module")
def handout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("handout") / "lab4.zip"
    build(STUDENTS, out)
    return out


@pytest.fixture(scope="module")
def contents(handout: Path) -> dict[str, str]:
    """The text of every file, with all white space as single spaces."""
    with zipfile.ZipFile(handout) as archive:
        return {name: squeezed(archive.read(name).decode("utf-8", "replace")) for name in archive.namelist()}


def squeezed(text: str) -> str:
    return " ".join(text.split())


def test_the_same_content_gives_the_same_bytes(handout: Path, tmp_path: Path) -> None:
    build(STUDENTS, tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == handout.read_bytes()


def test_the_zip_contains_one_folder_with_the_template_and_the_checks(contents: dict[str, str]) -> None:
    names = [Path(name) for name in contents]
    assert {name.parts[0] for name in names} == {"lab4"}
    own = {name.relative_to("lab4").as_posix() for name in names if name.parts[1] != "selfcheck"}
    assert own == set(TEMPLATE)
    assert {name.parts[2] for name in names if name.parts[1] == "selfcheck"} == {"grader", "files.txt"}


def test_an_incomplete_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match=r"task1_cnn\.py"):
        build(tmp_path, tmp_path / "lab4.zip")
    assert not (tmp_path / "lab4.zip").exists()


def test_results_of_the_experiment_are_not_in_the_zip(contents: dict[str, str]) -> None:
    inside = {name.partition("/grader/")[2] for name in contents if "/grader/experiment/" in name}
    assert inside == {f"experiment/{name}.py" for name in ("__init__", "table", "table_files", "variety")}
    assert not [name for name in contents if name.endswith("surface.csv")]


# ---- no answers in it ------------------------------------------------------------------------------------------------


def strings_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from strings_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from strings_in(item)


def number_lists_in(value: Any) -> Iterator[list[str]]:
    if isinstance(value, dict):
        for item in value.values():
            yield from number_lists_in(item)
    elif isinstance(value, list) and value and all(re.fullmatch(r"[\d.]+", str(number)) for number in value):
        yield [str(number) for number in value]
    elif isinstance(value, list):
        for item in value:
            yield from number_lists_in(item)


KEY = tomllib.loads((SOLUTIONS / "key.toml").read_text(encoding="utf-8"))
KEY_TEXTS = sorted({squeezed(text) for text in strings_in(KEY["parts"]) if len(text) >= LONG})
KEY_NUMBERS = [numbers for numbers in number_lists_in(KEY["parts"]) if len(numbers) > 1]


def test_no_text_or_pattern_of_the_answer_key_is_in_the_zip(contents: dict[str, str]) -> None:
    assert len(KEY_TEXTS) > 200
    whole = "\n".join(contents.values()).casefold()
    assert [text for text in KEY_TEXTS if text.casefold() in whole] == []


def test_no_accepted_value_is_in_the_zip(contents: dict[str, str]) -> None:
    assert ["4", "5", "1", "3"] in KEY_NUMBERS
    between = r"[\s,;|\[\]()\"']+"
    for numbers in KEY_NUMBERS:
        pattern = re.compile(r"(?<![\d.])" + between.join(map(re.escape, numbers)) + r"(?![\d.])")
        assert [name for name, text in contents.items() if pattern.search(text)] == []


def code_lines(path: Path) -> set[str]:
    return {squeezed(line) for line in path.read_text(encoding="utf-8").splitlines()}


def test_no_line_of_the_solution_is_in_the_zip(contents: dict[str, str]) -> None:
    lines = code_lines(SOLUTIONS / "task1_cnn.py") - code_lines(STUDENTS / "task1_cnn.py")
    own = lines - {"super().__init__()"}  # public classes begin with this line too
    assert len(own) > 8
    assert [(name, line) for name, text in contents.items() for line in own if line in text] == []


def test_no_model_answer_is_in_the_zip(contents: dict[str, str]) -> None:
    blank = (STUDENTS / "part1_answers.ipynb").read_text(encoding="utf-8")
    whole = "\n".join(contents.values())
    for notebook in SOLUTIONS.glob("*.ipynb"):
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        lines = {line.strip() for cell in cells for line in "".join(cell["source"]).splitlines()}
        own = {line for line in lines if len(line) >= LONG and json.dumps(line, ensure_ascii=False)[1:-1] not in blank}
        assert len(own) >= 13
        assert [line for line in own if squeezed(line) in whole] == []


def pairs_of_lines(path: Path) -> set[tuple[str, str]]:
    """Pairs of consecutive lines, without imports and pairs that are too short."""
    lines = [squeezed(line) for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if line and not line.startswith(("from ", "import "))]
    return {pair for pair in itertools.pairwise(lines) if sum(map(len, pair)) >= LONG_PAIR}


def test_no_code_that_marks_answers_is_in_the_zip(contents: dict[str, str]) -> None:
    answers = ROOT / "grader" / "answers"
    private = [*answers.glob("marker/*.py"), *answers.glob("evaluation/*.py"), answers / "sheet_marking.py"]
    assert len(private) > 40
    marking = {pair for path in private for pair in pairs_of_lines(path)}
    inside = {pair for name in package_files() if name.endswith(".py") for pair in pairs_of_lines(ROOT / name)}
    assert len(marking) > 1000
    assert marking & inside == set()


def test_only_public_modules_are_in_the_zip(contents: dict[str, str]) -> None:
    names = "\n".join(contents)
    assert not re.search(r"solution|marker|marking|evaluation|/key|sandbox|pipeline|moderation|reports", names)
    assert not re.search(r"grader/reading|archives|roster|worksheet|own_network|findings|surface", names)
    about_runs = (
        r"report/(?:console|feedback|tally|summary|highlighting)|html/(?:\w+_page|pages|cohort|anonym|experiment)"
        r"|storage/(?:records|results|run_folder|json)"
    )
    assert not re.search(about_runs + r"|templates/(?:cohort|tutor|report|experiment)", names)
    assert not [name for name, text in contents.items() if re.search(r"\bsolutions[/\\]", text)]


def test_every_imported_module_is_in_the_zip() -> None:
    modules = public_modules()
    inside = {name.removesuffix(".py").removesuffix("/__init__").replace("/", ".") for name in package_files()}
    assert set(modules) <= inside
    for name in (name for name in package_files() if name.endswith(".py")):
        targets = {
            target
            for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8")))
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("grader.")
            for target in [str(node.module)]
        }
        assert targets <= inside, name


# ---- it works --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ran:
    """One run of pytest in an unzipped handout."""

    code: int
    printed: str
    report: ElementTree.Element
    folder: Path


def run_pytest(handout: Path, folder: Path, script: Path | None, *options: str, missing: tuple[str, ...] = ()) -> Ran:
    """Unzip, copy the script and run pytest as a student would, without the tutor's libraries or a network."""
    command = [sys.executable, "-m", "pytest", "--junitxml=report.xml", *options]
    return run(handout, folder, script, command, missing=missing)


def run(handout: Path, folder: Path, script: Path | None, command: list[str], *, missing: tuple[str, ...] = ()) -> Ran:
    """The same with another command that runs pytest."""
    with zipfile.ZipFile(handout) as archive:
        archive.extractall(folder)
    place = folder / "lab4"
    if script is not None:
        (place / "task1_cnn.py").write_bytes(script.read_bytes())
    site = folder / "site"
    (site / "grader").mkdir(parents=True)
    (site / "sitecustomize.py").write_text(ONLY_STUDENTS_LIBRARIES.replace("()", f"{missing!r}", 1))
    (site / "grader" / "__init__.py").write_text("raise RuntimeError('another package of this name')\n")
    hidden = {"LAB4_DATA", "PYTHONPATH", "PYTEST_ADDOPTS", "PYTEST_PLUGINS"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    environment |= {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        command,
        cwd=place,
        env=environment | {"PYTHONPATH": str(site), "COLUMNS": "80", "GITHUB_STEP_SUMMARY": str(place / "summary.md")},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    printed = done.stdout + done.stderr
    assert (place / "report.xml").exists(), printed
    return Ran(done.returncode, printed, ElementTree.parse(place / "report.xml").getroot(), place)


def cases(ran: Ran) -> dict[str, ElementTree.Element]:
    found = {str(case.get("name")): case for case in ran.report.iter("testcase")}
    return {name.removeprefix("test_net[").removesuffix("]"): case for name, case in found.items()}


@pytest.fixture(scope="module")
def blank(handout: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    """The blank template, as the workflow on GitHub runs it."""
    text = WORKFLOW.read_text(encoding="utf-8")
    found = re.search(r"shell: bash\n +run: \|\n((?: {10}.*\n)+)", text)
    assert found is not None
    shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", found[1]]  # as GitHub documents it
    return run(handout, tmp_path_factory.mktemp("blank"), None, shell)


@pytest.fixture(scope="module")
def reference(handout: Path, tmp_path_factory: pytest.TempPathFactory) -> Ran:
    return run_pytest(handout, tmp_path_factory.mktemp("reference"), SOLUTIONS / "task1_cnn.py", "-v")


def test_the_blank_template_has_no_fault_but_does_not_pass(blank: Ran) -> None:
    assert blank.code == 1
    assert [name for name, case in cases(blank).items() if case.find("failure") is not None] == []
    assert "Begin __init__ with super().__init__()." in " ".join(blank.printed.split())
    assert "Next: conv1" in blank.printed
    assert "Traceback" not in blank.printed
    assert "public checks passed" not in blank.printed
    assert "Part 1: 13 blank" in blank.printed


def test_the_workflow_shows_what_pytest_printed(blank: Ran) -> None:
    begin, *shown, end = (blank.folder / "summary.md").read_text(encoding="utf-8").splitlines()
    assert (begin, end) == ("~~~~text", "~~~~")
    assert shown == (blank.folder / "self-check.txt").read_text(encoding="utf-8").splitlines()
    assert set(shown) <= set(blank.printed.splitlines())
    assert "Next: conv1" in "\n".join(shown)


def test_the_reference_solution_passes(reference: Ran) -> None:
    assert reference.code == 0, reference.printed
    assert "All public checks passed; more is checked when your work is marked." in reference.printed
    assert "all correct" not in reference.printed.casefold()
    not_passed = [
        name for name, case in cases(reference).items() if {element.tag for element in case} & {"failure", "skipped"}
    ]
    assert not_passed == ["test_answers"]


def test_every_line_fits_in_80_columns(blank: Ran, reference: Ran) -> None:
    lines = itertools.chain(blank.printed.splitlines(), reference.printed.splitlines())
    assert [line for line in lines if len(line) > 80 and "report.xml" not in line] == []


def test_the_junit_file_has_the_points_of_every_check(reference: Ran) -> None:
    points = {
        name: Decimal(str(value.get("value")))
        for name, case in cases(reference).items()
        for value in case.iter("property")
        if value.get("name") == "points"
    }
    assert points == {criterion.id: criterion.points for criterion in load_rubric().part2}


def test_a_run_with_only_skipped_checks_fails(handout: Path, tmp_path: Path) -> None:
    ran = run_pytest(handout, tmp_path, None, "-k", "structure", "-n", "2")
    assert ran.code == 1
    assert "The self-check runs once, in one process; -n is ignored." in ran.printed
    assert set(cases(ran)) == {name for name in cases(ran) if name.startswith("structure.")}


@pytest.mark.parametrize("command", [["-m", "pytest"], ["check.py"]], ids=["pytest", "check"])
@pytest.mark.parametrize("part", ["selfcheck/files.txt", "selfcheck/grader/checks/forward.py", "conftest.py"])
def test_a_missing_part_is_noticed_even_where_a_grader_is_installed(
    handout: Path, tmp_path: Path, part: str, command: list[str]
) -> None:
    with zipfile.ZipFile(handout) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "lab4" / part).unlink()
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path / "lab4", env=environment, capture_output=True, text=True, check=False
    )
    assert f"A part of the self-check is missing ({part}): unzip lab4.zip again." in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode != 0


@pytest.mark.parametrize("script", ["check.py", "test_self_check.py"])
def test_a_file_of_the_student_does_not_stand_in_for_a_module_of_python(
    handout: Path, tmp_path: Path, script: str
) -> None:
    with zipfile.ZipFile(handout) as archive:
        archive.extractall(tmp_path)
    for name in ("random", "json", "numpy", "tempfile"):
        (tmp_path / "lab4" / f"{name}.py").write_text("raise RuntimeError('a file of the student')\n")
    done = run_check(tmp_path / "lab4", script).communicate(timeout=100)[0]
    assert "Next: conv1" in done
    assert "Traceback" not in done


@pytest.mark.skipif(os.name != "posix", reason="Ctrl-C is a signal here")
def test_ctrl_c_ends_check_py_with_one_sentence(handout: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(handout) as archive:
        archive.extractall(tmp_path)
    (tmp_path / "lab4" / "task1_cnn.py").write_bytes((SOLUTIONS / "task1_cnn.py").read_bytes())
    with run_check(tmp_path / "lab4") as check:
        assert check.stdout is not None
        check.stdout.readline()
        check.send_signal(signal.SIGINT)
        printed = check.communicate(timeout=100)[0]
    assert printed.splitlines()[-1] == "The self-check was interrupted."
    assert "Traceback" not in printed
    assert check.returncode == 130


def run_check(folder: Path, script: str = "check.py") -> subprocess.Popen[str]:
    """``python check.py`` as students type it, or another script of the kit.

    Tests themselves may run without their folder on the path.
    """
    environment = {name: value for name, value in os.environ.items() if name not in {"PYTHONPATH", "PYTHONSAFEPATH"}}
    return subprocess.Popen(
        [sys.executable, script],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_a_whole_handout_folder_can_be_handed_in(reference: Ran) -> None:
    (submission,) = discover(reference.folder, reference.folder.parent / "unpacked")
    assert submission.candidates == ("task1_cnn.py",), "neither conftest.py nor the tests may ever be run"
    assert submission.script == "task1_cnn.py"
    assert submission.problem == ""
    assert (reference.folder / "report.html").is_file()
    assert "report.html" not in submission.files


def test_the_install_line_names_the_four_packages() -> None:
    places = (STUDENTS / "README.md", STUDENTS / "conftest.py", ROOT / "docs" / "students.md")
    assert [path for path in places if install(*PACKAGES) not in path.read_text(encoding="utf-8")] == []


def test_without_the_fourth_package_only_the_answers_are_not_looked_at(handout: Path, tmp_path: Path) -> None:
    ran = run_pytest(handout, tmp_path, None, missing=("rapidfuzz",))
    assert "Next: conv1" in ran.printed
    told = " ".join(ran.printed.split())
    assert "Part 1: not looked at, because rapidfuzz is not installed: python -m pip install rapidfuzz" in told


# ---- the other files of the template ---------------------------------------------------------------------------------


def test_the_readme_shows_a_line_for_the_empty_table_of_experiments() -> None:
    header = (STUDENTS / "experiments.csv").read_text(encoding="utf-8")
    assert header == "channels1,channels2,kernel1,kernel2,epochs,accuracy,seconds\n"
    readme = (STUDENTS / "README.md").read_text(encoding="utf-8")
    example = re.search(re.escape(header.strip()) + r"\n\s*([\d.,]+)\n", readme)
    assert example is not None
    assert len(example[1].split(",")) == len(header.split(","))


def test_the_readme_names_only_files_that_students_have_and_every_step() -> None:
    readme = (STUDENTS / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"[\w./-]+\.(?:py|ini|ipynb|csv|md|html|toml|txt)\b", readme))
    assert named - {"report.html"} <= set(TEMPLATE)
    assert {step.id for step in STEPS} <= set(re.findall(r"`([\w.]+)`", readme))
    assert {milestone.name for milestone in MILESTONES} <= set(re.findall(r"`([\w.-]+)`", readme))
    assert {str(word) for word in Word if word is not Word.ERROR} <= set(re.findall(r"`([^`]+)`", readme))
