"""Find and import the submission's own helper modules, after all installed ones, so that they cannot replace a library.

From a helper module, only imports, definitions and constants are run. Statements that download, train or plot are
skipped. The finder handles only imports that the submission's own code makes.
"""

from __future__ import annotations

import ast
import importlib.abc
import importlib.machinery
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType, ModuleType

from grader.model.evidence import Problem
from grader.source.bindings import names_of, trains
from grader.source.definitions import future_flags, is_main_guard
from grader.source.recovery import lost_names, recovered
from grader.source.script import Script, SourceProblem, read_script
from grader.source.slicing import slice_for
from grader.worker.load.statements import Failure, HelperProblem, remember_source, run
from grader.worker.load.submitted_files import Files
from grader.worker.load.usual_imports import with_imports

FOLDER = "submission_folder"
"""Package name for the script's own folder, so that ``from .model import Net`` works."""
_DEEPEST = 4
_MOST_FOLDERS = 200


class HelperFinder(importlib.abc.MetaPathFinder):
    """Finds modules among the submission's files. It must be the last entry of ``sys.meta_path``."""

    def __init__(self, files: Files, explain: Callable[[Failure], Problem]) -> None:
        self.files = files
        self.explain = explain
        self.folders: dict[str, Path] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """A spec if the submission's own code imports the module and has a file for it; otherwise None."""
        if not self._is_imported_by_submission():
            return None
        parent, _, name = fullname.rpartition(".")
        if fullname == FOLDER:
            return self._package(fullname, self.files.folder)
        written = self.files.written.get(fullname.removeprefix(f"{FOLDER}."))
        if written is not None:
            origin = str(self.files.root / written.path) + f":{fullname}.py"
            return self._spec(fullname, _Loader(self, origin, written), origin)
        if parent:
            folders = [self.folders[parent]] if parent in self.folders else []
        else:
            folders = list(dict.fromkeys((self.files.folder, self.files.root)))
        found = self._found(name, folders, is_top=not parent or parent == FOLDER)
        if found is None:
            return None
        if found.is_dir():
            return self._package(fullname, found)
        return self._spec(fullname, _Loader(self, str(found), None), str(found))

    def has_own(self, name: str) -> bool:
        """Whether the script's folder contains a module of that name, even if an installed module has it too."""
        return (self.files.folder / f"{name}.py").is_file()

    def _is_imported_by_submission(self) -> bool:
        frame: FrameType | None = sys._getframe(2)
        while frame is not None and str(frame.f_globals.get("__name__", "")).startswith("importlib"):
            frame = frame.f_back
        if frame is None:
            return False
        return frame.f_code.co_filename in self.files.scripts or frame.f_globals.get("__file__") in self.files.scripts

    def _package(self, fullname: str, folder: Path) -> importlib.machinery.ModuleSpec:
        self.folders[fullname] = folder
        start = folder / "__init__.py"
        origin = str(start) if start.is_file() and fullname != FOLDER else ""
        spec = self._spec(fullname, _Loader(self, origin, None), origin)
        # Not a real folder, so that the standard finder finds nothing.
        spec.submodule_search_locations = [f"<submission {fullname}>"]
        return spec

    def _spec(self, fullname: str, loader: _Loader, origin: str) -> importlib.machinery.ModuleSpec:
        spec = importlib.machinery.ModuleSpec(fullname, loader, origin=origin or None)
        spec.has_location = bool(origin)
        return spec

    def _found(self, name: str, folders: Sequence[Path], *, is_top: bool) -> Path | None:
        for folder in folders:
            if (folder / f"{name}.py").is_file():
                return folder / f"{name}.py"
            if _has_python(folder / name):
                return folder / name
        alike = [path for folder in folders for path in _python_files(folder) if _is_alike(path.stem, name)]
        if not alike and is_top:
            deeper = [path for folder in _folders_below(self.files.root) for path in _python_files(folder)]
            alike = [path for path in deeper if path.stem == name] or [
                path for path in deeper if _is_alike(path.stem, name)
            ]
        if len(set(alike)) != 1:
            return None
        place = alike[0].relative_to(self.files.root).as_posix()
        self.files.remark("helper-module", f"The grader imported the module {name} from the file {place}.")
        return alike[0]


class _Loader(importlib.abc.Loader):
    def __init__(self, finder: HelperFinder, filename: str, script: Script | None) -> None:
        self.finder = finder
        self.filename = filename
        self.script = script

    def exec_module(self, module: ModuleType) -> None:
        """Run the statements whose names other modules may import. Raises HelperProblem if the file is unreadable."""
        if not self.filename:
            return
        files = self.finder.files
        try:
            place = os.path.relpath(self.filename, files.root)
            script = self.script or read_script(files.root, Path(place).as_posix())
            files.scripts[self.filename] = script
            read = recovered(script)
            statements = [statement for statement in read.statements if not is_main_guard(statement)]
            kept = slice_for(statements, _offered(statements)).statements
        except SourceProblem as error:
            raise HelperProblem(error.problem) from None
        problem = read.problem or read.newer
        lost = lost_names(read) if problem is not None else set()
        if problem is not None:
            files.causes.update(dict.fromkeys(lost, problem))
        files.repair_text(read)
        remember_source(self.filename, script)
        files.statements[module.__name__] = statements
        for remark in script.remarks:
            files.remark(remark.id, remark.message)
        nodes = [files.stand_ins.guarded(node, vars(module)) for node in kept]
        again = with_imports(files, vars(module))
        for failure in run(nodes, module, self.filename, future_flags(statements), replacement=again):
            problem = self.finder.explain(failure)
            for name in failure.binds:
                files.causes.setdefault(name, problem)
        for name in lost & _offered(statements) & vars(module).keys():
            delattr(module, name)  # an earlier meaning, which the part that cannot be read replaces


def _offered(statements: Sequence[ast.stmt]) -> set[str]:
    """The names that another module may import: all names that are bound without training."""
    return {name for statement in _plain(statements) for name in names_of(statement)[0]}


def _plain(statements: Sequence[ast.stmt]) -> Iterator[ast.stmt]:
    for statement in statements:
        if isinstance(statement, (ast.If, ast.Try, ast.TryStar)):
            for name in ("body", "orelse", "finalbody"):
                yield from _plain(getattr(statement, name, []))
            for handler in getattr(statement, "handlers", []):
                yield from _plain(handler.body)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) or not trains(statement):
            yield statement


def _is_alike(stem: str, name: str) -> bool:
    """Whether names are equal except for case, hyphens, spaces, a browser's ``(1)`` or a prefix from Moodle."""
    plain = re.sub(r"[\s\-]+", "_", re.sub(r"\s*\(\d+\)$", "", stem)).casefold()
    return plain == name.casefold() or plain.endswith(f"_assignsubmission_file_{name.casefold()}")


def _python_files(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".py" and path.is_file())[:500]
    except OSError:
        return []


def _has_python(folder: Path) -> bool:
    return folder.is_dir() and (bool(_python_files(folder)) or any(folder.glob("*/*.py")))


def _folders_below(root: Path) -> list[Path]:
    found: list[Path] = []
    for place, names, _ in os.walk(root):
        depth = len(Path(place).relative_to(root).parts)
        names[:] = sorted(name for name in names if not name.startswith((".", "__"))) if depth < _DEEPEST else []
        found.append(Path(place))
        if len(found) >= _MOST_FOLDERS:
            break
    return found
