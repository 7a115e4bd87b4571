"""Tests of the architecture: who may import whom, where torch may be imported, how long a module may be."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from grader.selfcheck.handout import OBSERVERS, PUBLIC, public_modules
from grader.selfcheck.install import PACKAGES as STUDENTS_PACKAGES
from grader.storage import fingerprints
from tests.conftest import LONGEST_FIRST
from tests.support.places import ROOT, TESTS

PACKAGE = ROOT / "grader"
MODULES = sorted(PACKAGE.rglob("*.py"))
LONGEST_MODULE = 300
LONGER = {
    "grader.model.operations": "a table with a line for each operation of torch that a network may contain",
}
"""Modules that may be longer, each with its reason."""

FLOORS = (
    {"model", "safe_text"},
    {"storage"},
    {"data", "lab4", "source", "checks", "submissions"},
    {"rubric", "worker"},
    {"answers", "measure", "sandbox"},
    {"experiment"},
    {"moderation", "reading"},
    {"pipeline", "report", "selfcheck"},
    {"export", "review", "similarity"},
    {"cli"},
    {"__main__"},
)
"""From the ground up, as drawn in docs/architecture.md. A part imports from its own floor and from those below it."""
MOST_ENTRIES = 26
"""Entries of the package's folder, so that its list shows only the parts of the product."""

PUBLIC_LIBRARIES = {*STUDENTS_PACKAGES, "numpy", "PIL", "jinja2", "markupsafe"}
"""numpy and PIL come with torchvision, and jinja2 and markupsafe with torch."""
LATER = {"sklearn", "watchfiles", "pypdf", "striprtf", "charset_normalizer"}
"""Imported only when it is needed: by a tutor's copy, or where it is installed."""
READING_ONLY = "rapidfuzz"
"""The students' library that may be missing; then everything but the written answers is checked."""
TENSOR_LIBRARIES = {"torch", "torchvision"}
WEB_LIBRARIES = {"starlette", "uvicorn"}
CLUSTER_LIBRARIES = {"dask", "distributed"}
CLUSTER = "grader.sandbox.cluster"
WITH_TENSORS = {"worker", "measure"}
"""Parts that may import these libraries; of the self-check, only its process may."""
SHARED_WITH_THE_WORKER = "grader.worker.record.seeded_values"
"""The chosen weights and images on which a submission and the replay of its graph are compared."""
_DECLARED = re.compile(r"\nMay import: (nothing of ours|[\w., `\n]+?)\.(?:\n|$)")


@dataclass(frozen=True)
class Import:
    """An import: the full dotted ``target``, and whether it happens when the module is imported."""

    target: str
    is_at_module_level: bool
    line: int

    @property
    def library(self) -> str:
        return self.target.partition(".")[0]


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def is_typing_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def imports_below(node: ast.AST, is_at_module_level: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, is_at_module_level, child.lineno)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"line {child.lineno}: relative imports are not used here"
            for alias in child.names:
                yield Import(f"{child.module}.{alias.name}", is_at_module_level, child.lineno)
        elif not is_typing_only(child):
            is_function = isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports_below(child, is_at_module_level and not is_function)


@cache
def imports_of(path: Path) -> tuple[Import, ...]:
    return tuple(imports_below(tree_of(path), is_at_module_level=True))


def dotted(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {dotted(path): path for path in MODULES}
PACKAGES = [name for name, path in NAMES.items() if path.name == "__init__.py" and name != "grader"]


def part_of(module: str) -> str:
    """``grader.worker.record.building`` belongs to the part ``worker``; the package itself to the part ``""``."""
    return module.partition(".")[2].partition(".")[0]


def package_of(module: str) -> str:
    """``grader.worker.record`` for ``grader.worker.record.building``, and for itself."""
    return module if NAMES[module].name == "__init__.py" else module.rpartition(".")[0]


def own_module(target: str) -> str | None:
    """Our module that an import loads; None for a library."""
    while target and target not in NAMES:
        target = target.rpartition(".")[0]
    return target or None


def own_imports(path: Path) -> Iterator[tuple[Import, str]]:
    for entry in imports_of(path):
        module = own_module(entry.target)
        if module is not None and module != "grader":
            yield entry, module


def libraries_of(path: Path) -> Iterator[Import]:
    return (entry for entry in imports_of(path) if entry.library not in {*sys.stdlib_module_names, "grader"})


def declared(package: str) -> set[str]:
    """The packages and modules that a package's docstring allows it to import, without ``grader.``."""
    found = _DECLARED.search(ast.get_docstring(tree_of(NAMES[package])) or "")
    assert found, f"{package} does not say what it may import"
    return set(re.findall(r"``([\w.]+)``", found[1]))


def used(package: str) -> Iterator[tuple[str, str]]:
    """Each import from another package: the importing module, and the imported one without ``grader.``."""
    for name, path in NAMES.items():
        if package_of(name) == package:
            for _, module in own_imports(path):
                if package_of(module) != package:
                    yield name, module.removeprefix("grader.")


def is_covered(module: str, names: set[str]) -> bool:
    """Whether ``names`` contain ``module`` or its package."""
    return module in names or package_of(f"grader.{module}").removeprefix("grader.") in names


def imports_of_all(*, but_not: str = "") -> Iterator[tuple[str, Import]]:
    """Each import of our modules, with the name of the module, except those of the package ``but_not``."""
    return ((name, entry) for name, path in NAMES.items() if package_of(name) != but_not for entry in imports_of(path))


def modules_of(*parts: str) -> list[str]:
    return [name for name in NAMES if part_of(name) in parts]


def test_imports_only_go_down() -> None:
    floor_of = {part: floor for floor, parts in enumerate(FLOORS) for part in parts} | {"": 0}
    upward = [
        f"{name}, line {entry.line}: {module}"
        for name, path in NAMES.items()
        for entry, module in own_imports(path)
        if part_of(module) != part_of(name) and floor_of[part_of(module)] > floor_of[part_of(name)]
    ]
    assert not upward, "an import from above"


def test_every_part_has_a_floor() -> None:
    assert {part_of(name) for name in NAMES} - {""} == set().union(*FLOORS)


def test_the_architecture_page_draws_the_floors() -> None:
    drawing = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("```")[1]
    floors: list[set[str]] = []
    for number, part in re.findall(r"^([ \d]\d|  )  (\w+)  ", drawing, re.MULTILINE):
        if number.strip():
            floors.insert(0, set())
        floors[0].add(part)
    assert tuple(floors) == FLOORS


def test_the_package_has_few_entries() -> None:
    entries = {entry.name for entry in PACKAGE.iterdir()} - {"__pycache__"}
    assert len(entries) <= MOST_ENTRIES, sorted(entries)


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_what_its_docstring_allows(package: str) -> None:
    allowed = declared(package)
    imports = list(used(package))
    assert not [f"{name} imports {module}" for name, module in imports if not is_covered(module, allowed)]
    unused = {name for name in allowed if not any(is_covered(module, {name}) for _, module in imports)}
    assert not unused, "the docstring allows imports that do not exist"


def cycle_free(graph: dict[str, set[str]]) -> None:
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names the cycle


def test_there_is_no_import_cycle_among_modules() -> None:
    cycle_free(
        {
            dotted(path): {module for entry, module in own_imports(path) if entry.is_at_module_level} - {dotted(path)}
            for path in MODULES
        }
    )


def test_there_is_no_import_cycle_among_parts() -> None:
    graph: dict[str, set[str]] = {}
    for name, path in NAMES.items():
        graph.setdefault(part_of(name), set()).update(part_of(module) for _, module in own_imports(path))
    cycle_free({part: others - {part} for part, others in graph.items() if part})


def test_torch_is_imported_only_where_networks_are_run() -> None:
    users = {name for name, entry in imports_of_all() if entry.library in TENSOR_LIBRARIES}
    assert users <= {*modules_of(*WITH_TENSORS), "grader.selfcheck.process"}


def test_scikit_learn_is_imported_only_when_it_is_needed() -> None:
    assert not [name for name, entry in imports_of_all() if entry.library == "sklearn" and entry.is_at_module_level]


def test_only_the_page_for_reviewing_is_served() -> None:
    users = {package_of(name) for name, entry in imports_of_all() if entry.library in WEB_LIBRARIES}
    assert users == {"grader.review.page"}


def test_dask_is_imported_only_for_a_cluster() -> None:
    assert not [name for name, entry in imports_of_all(but_not=CLUSTER) if entry.library in CLUSTER_LIBRARIES]
    loaded = {own_module(entry.target) for _, entry in imports_of_all(but_not=CLUSTER) if entry.is_at_module_level}
    assert {module for module in loaded if module and module.startswith(CLUSTER)} == {f"{CLUSTER}.address"}
    at_once = {entry.library for entry in imports_of(NAMES[f"{CLUSTER}.address"]) if entry.is_at_module_level}
    assert not at_once & CLUSTER_LIBRARIES


def test_the_decoders_of_7z_are_imported_only_in_their_own_process() -> None:
    used = [(name, entry.is_at_module_level) for name, entry in imports_of_all() if entry.library == "py7zr"]
    assert set(used) == {("grader.submissions.seven_zip_process", False)}


def test_the_model_needs_only_the_standard_library() -> None:
    assert not [(name, entry) for name in modules_of("model") for entry in libraries_of(NAMES[name])]


def test_measuring_cannot_load_student_code() -> None:
    loaded = {module for name in modules_of("measure") for _, module in own_imports(NAMES[name])}
    assert {module for module in loaded if part_of(module) not in {"measure", "model"}} == {SHARED_WITH_THE_WORKER}


def test_the_module_that_measure_shares_with_the_worker_imports_nothing_of_ours() -> None:
    assert not list(own_imports(NAMES[SHARED_WITH_THE_WORKER]))


def test_the_student_codes_process_imports_nothing_that_knows_marks() -> None:
    loaded = {(name, module) for name in modules_of(*OBSERVERS) for _, module in own_imports(NAMES[name])}
    assert not [pair for pair in loaded if part_of(pair[1]) not in OBSERVERS]


def test_the_handout_records_measures_and_checks_without_a_service() -> None:
    assert {"model", "measure", "worker", "selfcheck", "checks"} <= PUBLIC
    assert PUBLIC.isdisjoint({"sandbox", "pipeline", "answers", "report"})
    assert not [module for module in HANDED_OUT if module.startswith("grader.measure.service")]


HANDED_OUT = public_modules()


def test_the_handout_needs_few_libraries() -> None:
    paths = [NAMES[module] for module in HANDED_OUT]
    assert not [module for path in paths for _, module in own_imports(path) if module not in HANDED_OUT]
    used = [entry for path in paths for entry in libraries_of(path)]
    assert {entry.library for entry in used if entry.is_at_module_level} <= PUBLIC_LIBRARIES
    assert {entry.library for entry in used} <= PUBLIC_LIBRARIES | LATER


def test_the_self_check_starts_without_torch_and_without_the_library_for_answers() -> None:
    code = "import sys, grader.selfcheck.pytest_plugin; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert not {*TENSOR_LIBRARIES, READING_ONLY, "msgspec"} & set(loaded)


def test_the_command_starts_without_heavy_libraries() -> None:
    code = "import sys, grader.__main__; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout.split()
    assert not {"torch", "torchvision", "sklearn", "scipy", *WEB_LIBRARIES, *CLUSTER_LIBRARIES} & set(loaded)


def test_the_package_does_not_name_the_folder_of_solutions() -> None:
    files = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    naming = re.compile(rb"""\bsolutions[/\\]|["']solutions["']""")
    assert not [path for path in files if naming.search(path.read_bytes())]


def test_every_folder_with_modules_is_a_package() -> None:
    assert [path.parent for path in MODULES if not path.with_name("__init__.py").exists()] == []


def test_solutions_are_never_packaged() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    assert settings["packages"]["find"]["include"] == ["grader", "grader.*"]
    assert set(settings["package-data"]) == {"grader"}
    assert not any(".." in pattern for pattern in settings["package-data"]["grader"])


def test_every_module_has_a_docstring() -> None:
    assert not [name for name, path in NAMES.items() if not ast.get_docstring(tree_of(path))]


def test_modules_stay_short() -> None:
    lines = {name: len(path.read_text(encoding="utf-8").splitlines()) for name, path in NAMES.items()}
    assert {name for name, count in lines.items() if count > LONGEST_MODULE} == set(LONGER)


def test_the_evidence_key_covers_all_observing_modules() -> None:
    """If an observing module were missing in the key, old evidence would be used after a change to it.

    Checks decide which repairs are measured.
    """
    assert set(fingerprints.OBSERVING) == {*OBSERVERS, "measure", "pipeline.measurement", *fingerprints.REPAIRING} - {
        ""
    }


def test_modules_of_the_digest_exist() -> None:
    assert {f"grader.{name}" for name in fingerprints.OBSERVING} <= set(NAMES)


def test_the_files_of_longest_first_exist() -> None:
    assert [name for name in LONGEST_FIRST if not (TESTS / name).is_file()] == []


def test_no_test_file_imports_another() -> None:
    files = [path for path in TESTS.rglob("test_*.py") if not {"attacks", "submissions"} & set(path.parts)]
    targets = [(path.name, entry.target) for path in files for entry in imports_of(path)]
    assert not [pair for pair in targets if re.match(r"tests(\.\w+)*\.test_", pair[1])]
