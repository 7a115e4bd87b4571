"""``python -m grader.selfcheck.handout TEMPLATE OUT``: builds the zip file for students.

It contains the files of the template and the modules that the self-check imports. A module outside the public parts
listed here is refused. No answer, answer key or solution is read.
"""

from __future__ import annotations

import argparse
import ast
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from grader.data import bundled
from grader.lab4.files import ANSWERS, EXPERIMENTS, KIT, SCRIPT
from grader.model import GraderFault, UsageFault

FOLDER = "lab4"
"""The folder that unzipping creates."""
CHECKS = "selfcheck"
"""The folder in it that contains the package, and nothing else that could be imported by mistake."""
TEMPLATE = (SCRIPT, ANSWERS, EXPERIMENTS, *KIT)
LIST = "files.txt"
"""In that folder: the files of the self-check, so that a missing one is noticed at once."""
NEEDED = ("check.py", "test_self_check.py", "conftest.py", "pytest.ini")
"""The files of the template without which the self-check cannot run."""
ENTRIES = tuple(f"grader.selfcheck.{name}" for name in ("pytest_plugin", "command", "process", "run_button"))
"""The modules that pytest, ``check.py``, the process for the student's code and the Run button start from."""
OBSERVERS = frozenset({"", "model", "source", "worker"})
"""Packages that a process with student code may import."""
PUBLIC = OBSERVERS | {"checks", "data", "lab4", "measure", "rubric", "safe_text", "selfcheck", "submissions"}
"""Packages that students may have, because they contain no answers."""
PUBLIC_MODULES = frozenset(
    {
        *("grader.answers", "grader.answers.code_of_documents", "grader.answers.document_code"),
        *("grader.answers.documents", "grader.answers.finding"),
        *("grader.experiment", "grader.experiment.table", "grader.experiment.table_files", "grader.experiment.variety"),
        *("grader.storage", "grader.storage.fingerprints", "grader.storage.folder_names", "grader.storage.run_mark"),
        *("grader.report", "grader.report.formats", "grader.report.html"),
        *(
            f"grader.report.html.{name}"
            for name in (
                *("images", "learning_chart", "network_view", "observed_view"),
                *("operation_row", "rendering", "training_view"),
            )
        ),
    }
)
"""Student-safe modules, and packages of such modules, in packages that otherwise contain answers or know of runs."""
TEMPLATES = (
    *("base.html", "macros.html", "network.html", "selfcheck.html", "signs.html", "training.html"),
    *("student.css", "style.css"),
)
"""What the page of a self-check is made from."""
TEXTS = ("lab4/rubric.toml", "data/mnist_licence.txt", *(f"report/html/templates/{name}" for name in TEMPLATES))
IMAGES = f"data/{bundled.TRAIN}"
_PACKAGE = Path(__file__).resolve().parents[1]
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The time stamp of every file, so that the same content gives the same bytes."""


def build(template: Path, out: Path) -> int:
    """Write the zip to ``out`` and return the number of files in it. The same content gives the same bytes.

    Raises UsageFault if a file of the template is missing, and GraderFault if the self-check imports a module that is
    not public.
    """
    files = {f"{FOLDER}/{name}": _content(template / name) for name in TEMPLATE}
    checks = {f"{CHECKS}/{name}": content for name, content in package_files().items()}
    files |= {f"{FOLDER}/{name}": content for name, content in checks.items()}
    files[f"{FOLDER}/{CHECKS}/{LIST}"] = "".join(f"{name}\n" for name in sorted((*NEEDED, *checks))).encode()
    out.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(out, "w") as archive:
        for name in sorted(files):
            entry = zipfile.ZipInfo(name, _EARLIEST)
            entry.create_system = 3  # Unix, even if built on Windows
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, compresslevel=9)
    return len(files)


def package_files() -> dict[str, bytes]:
    """The content of each file of the public modules, by name, with the rubric and the training images."""
    files = {}
    for module in public_modules():
        path = module_path(module)
        files[path.relative_to(_PACKAGE.parent).as_posix()] = _content(path)
    files |= {f"grader/{name}": _content(_PACKAGE / name) for name in TEXTS}
    files[f"grader/{IMAGES}"] = (_PACKAGE / IMAGES).read_bytes()
    return files


def public_modules() -> tuple[str, ...]:
    """The modules that the self-check imports, directly or indirectly, and their packages."""
    found: set[str] = set()
    waiting = list(ENTRIES)
    while waiting:
        module = waiting.pop()
        if module in found:
            continue
        found.add(module)
        part = module.partition(".")[2].partition(".")[0]
        if part not in PUBLIC and not _is_public(module):
            raise GraderFault(f"the self-check imports {module}, which is not for students")
        tree = ast.parse(module_path(module).read_text(encoding="utf-8"))
        waiting += [module.rpartition(".")[0]] if "." in module else []
        waiting += [name for node in ast.walk(tree) for name in _imported(node)]
    return tuple(sorted(found))


def _is_public(module: str) -> bool:
    """Whether students may have a module of a package that is not public. Of one with modules, they may have all."""
    return module in PUBLIC_MODULES or module.rpartition(".")[0] in {
        "grader.answers.documents",
        "grader.answers.finding",
    }


def module_path(module: str) -> Path:
    """The file of a module of this project. Raises LookupError if there is none."""
    place = _PACKAGE.parent.joinpath(*module.split("."))
    for path in (place.with_suffix(".py"), place / "__init__.py"):
        if path.is_file():
            return path
    raise LookupError(module)


def _imported(node: ast.AST) -> list[str]:
    """The modules of this project that a statement imports, including imports for type checkers only."""
    names = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom) and node.module:
        names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return [name for name in names if name.partition(".")[0] == _PACKAGE.name and _is_module(name)]


def _is_module(name: str) -> bool:
    try:
        module_path(name)
    except LookupError:
        return False
    return True


def _content(path: Path) -> bytes:
    r"""The bytes of a text file, with ``\n`` as the line ending."""
    try:
        return path.read_bytes().replace(b"\r\n", b"\n")
    except OSError as error:
        raise UsageFault(f"{path} cannot be read ({error.strerror or error}).") from error


def main(arguments: Sequence[str] | None = None) -> int:
    """Build the zip and print its size. Returns the exit status: 2 if a file of the template is missing."""
    parser = argparse.ArgumentParser(
        prog="python -m grader.selfcheck.handout", description="Build the zip for students."
    )
    parser.add_argument("template", type=Path, metavar="TEMPLATE", help="the folder with the students' files")
    parser.add_argument("out", type=Path, metavar="OUT", help="the zip to write")
    options = parser.parse_args(arguments)
    try:
        count = build(options.template, options.out)
    except UsageFault as fault:
        print(fault, file=sys.stderr)
        return 2
    print(f"{options.out}: {count} files, {options.out.stat().st_size / 1024:.0f} KiB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
