"""Stage ``load``: get the object bound to ``Net`` from a script that was not written to be imported.

First, only the statements that Net needs are run (:mod:`grader.source.slicing`). If this gives no Net although the
script binds the name, the whole script is run as ``__main__``, one statement at a time. Both use the stand-ins of
:mod:`grader.worker.load.stand_ins`.
The next stage calls ``Net()``. The kinds of problem are listed in :mod:`grader.source.definitions`.

A child process loads one submission and exits. So the working folder, ``sys.argv``, ``sys.path``, ``sys.meta_path`` and
the submission's modules stay as its Net may need them.
"""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from torch import nn

from grader.model.evidence import Loading, Problem
from grader.source.bindings import names_of
from grader.source.definitions import (
    Imported,
    class_named,
    imports,
    is_blank,
    is_bound,
    methods,
    opened,
    parse,
    too_complex,
)
from grader.source.script import Script, SourceProblem, read_script
from grader.source.slicing import Slice, slice_for
from grader.worker.load import legacy_api
from grader.worker.load.failures import is_installed, missing_import, problem_of, root_cause
from grader.worker.load.local_modules import Files, HelperFinder
from grader.worker.load.near_misses import missing_net
from grader.worker.load.statements import Failure, comes_from, problem_from, remember_source
from grader.worker.load.strategies import Strategies

__all__ = ["Loaded", "load_net", "problem_from", "warm_up"]

_MAKES_NAMES = re.compile(r"\b(globals|locals|vars|exec|setattr)\s*\(")
_NAMES_NET = re.compile(r"['\"]Net['\"]|class\s+Net\b")


@dataclass(frozen=True)
class Loaded:
    """The result of loading, for the next stages.

    ``factory`` is the object bound to ``Net``, not called yet; None if ``record`` has a problem. ``explain`` turns an
    exception from the submission into a problem of the given kind, with the student's line (see
    :func:`grader.worker.load.statements.problem_from`).
    """

    record: Loading
    factory: Callable[[], object] | None
    explain: Callable[[str, BaseException], Problem]


def load_net(root: Path, script: str) -> Loaded:
    """Load ``Net`` from ``root / script``. A submission cannot make this function raise."""
    root = Path(os.path.abspath(root))
    files = Files(root, (root / script).parent)

    def explain(kind: str, error: BaseException) -> Problem:
        return problem_from(kind, error, files.scripts, files.causes)

    loader = _Loader(files, script, explain)
    try:
        record, factory = loader.load()
    except SourceProblem as error:
        record, factory = loader.record(error.problem), None
    except (RecursionError, MemoryError) as error:
        record, factory = loader.record(too_complex(loader.script, error)), None
    except OSError as error:
        problem = Problem("unreadable", f"The grader cannot open {script}.", type(error).__name__, script)
        record, factory = loader.record(problem), None
    except BaseException as error:  # protects the evidence from metaclasses and properties in the submission
        if not comes_from(error, files.scripts):
            raise
        record, factory = loader.record(explain("definition-error", error)), None
    return Loaded(record, factory, explain)


def warm_up() -> None:
    """Do slow work once in the fork server, so that no child has to repeat it."""
    legacy_api.install()
    slice_for(parse(Script("warm.py", "import torch\nclass Net(torch.nn.Module):\n    pass\n")), {"Net"})


class _Loader:
    """Loads one submission: reads the text, runs statements, finds Net."""

    def __init__(self, files: Files, path: str, explain: Callable[[str, BaseException], Problem]) -> None:
        self.files = files
        self.path = path
        self.filename = str(files.root / path)
        self.explain = explain
        self.finder = HelperFinder(files, self.problem_of)
        self.script = Script(path, "")
        self.statements: list[ast.stmt] = []

    def load(self) -> tuple[Loading, Callable[[], object] | None]:
        """Return the record and the object bound to Net."""
        self.script = read_script(self.files.root, self.path)
        self.files.scripts[self.filename] = self.script
        self.statements = list(opened(parse(self.script)))
        if not is_bound(self.statements, "Net"):
            self.statements += _net_of_module(self.statements)
        self.files.written = {
            name.removesuffix(".py").replace("/", "."): script for name, script in self.script.modules
        }
        remember_source(self.filename, self.script)
        strategies = Strategies(self.files, self.finder, self.filename, self.statements)
        strategies.prepare_process()
        part = slice_for(self.statements, {"Net"})
        if not self.may_bind_net(part):
            return self.without_net()
        problem: Problem | None = None
        if part.statements:
            module, failures = strategies.run_slice(part)
            self.remember(failures)
            problem = self.problem_with(module, failures)
            if problem is None:
                return self.finish(module, failures, "slice")
        if problem is not None and problem.kind in {"missing-package", "syntax", "python2"}:
            return self.record(problem), None  # running the whole script cannot solve these
        self.files.causes.clear()
        module, failures = strategies.run_whole(part)
        self.remember(failures)
        whole_problem = self.problem_with(module, failures)
        if whole_problem is None:
            self.files.remark("whole-run", "The grader had to run the whole script, without its training, to find Net.")
            return self.finish(module, failures, "whole")
        return self.record(problem or whole_problem), None

    def record(self, problem: Problem | None, how: str = "", near: tuple[str, ...] = ()) -> Loading:
        """The record with the facts that reading the script gives."""
        node = class_named(self.statements, "Net")
        blank = problem is not None and problem.kind == "blank-body"
        remarks = (*self.script.remarks, *self.files.remarks.values())
        if node is None:
            return Loading(problem, how, self.path, near, (), blank, remarks[:20])
        return Loading(problem, how, self.path, near, methods(node), is_blank(node), remarks[:20])

    def may_bind_net(self, part: Slice) -> bool:
        """Whether some statement may bind Net, according to the source text."""
        if any(not _is_star(statement) or _is_own_star(statement) for statement in part.statements):
            return True  # the slice leads to a binding of Net, unless it consists of star imports only
        return bool(_MAKES_NAMES.search(self.script.text) and _NAMES_NET.search(self.script.text))

    def remember(self, failures: list[Failure]) -> None:
        """Remember why names are undefined, for the stages that will need them."""
        for failure in failures:
            problem = self.problem_of(failure)
            for name in failure.binds:
                self.files.causes.setdefault(name, problem)

    def problem_of(self, failure: Failure) -> Problem:
        """The problem of a statement that failed."""
        return problem_of(failure, self.files.scripts, self.files.causes)

    def problem_with(self, module: ModuleType, failures: list[Failure]) -> Problem | None:
        """Why the module gives no usable Net; None if it does."""
        binders = [statement for statement in self.statements if "Net" in names_of(statement)[0]]
        failed = {failure.node.lineno for failure in failures}
        is_bound = "Net" in vars(module)
        if is_bound and (not binders or binders[-1].lineno not in failed or isinstance(binders[-1], ast.Assign)):
            if binders and binders[-1].lineno in failed:
                where = self.script.where(binders[-1].lineno)
                self.files.remark("statement-skipped", f"{where} could not be run, so the grader skipped it.")
            return missing_import(self.statements, "Net", vars(module), self.script)
        cause = root_cause(failures, "Net")
        if cause is not None:
            return self.problem_of(cause)
        missing = next((failure for failure in failures if isinstance(failure.error, ImportError)), None)
        return self.problem_of(missing) if missing is not None else missing_net(self.script, self.statements)[0]

    def finish(
        self, module: ModuleType, failures: list[Failure], how: str
    ) -> tuple[Loading, Callable[[], object] | None]:
        """The record for the object bound to Net, and the object if it can be called."""
        found: object = vars(module)["Net"]
        if type(found) is ModuleType and callable(vars(found).get("Net")):
            found = vars(found)["Net"]
        kind = type(found)
        if issubclass(kind, nn.Module):
            if _text_in(kind, "__name__") != "Net":
                reason = f"Net is an instance of {_text_in(kind, '__name__')[:80]}, not a class"
                return self.refused("instance", reason), None
            message = "The script binds the name Net to an instance of Net; the grader used the class."
            self.files.remark("net-rebound", message)
            found = kind
        if not callable(found):
            reason = f"Net is an object of type {_text_in(kind, '__name__')[:80]}, not a class"
            return self.refused("not-a-class", reason), None
        for failure in failures:
            if isinstance(failure.node, (ast.Import, ast.ImportFrom)):
                where = self.script.where(failure.node.lineno)
                self.files.remark("import-skipped", f"{where}: this import failed, so the grader skipped it.")
        node, statements, script = self.written(found)
        if node is None:
            return self.record(None, how), found
        if statements is not self.statements:
            problem = missing_import(statements, node.name, vars(sys.modules[_text_in(found, "__module__")]), script)
            if problem is not None:
                return self.record(problem), None
        record = self.record(None, how)
        return replace(record, methods=methods(node), is_blank=is_blank(node)), found

    def refused(self, kind: str, reason: str) -> Loading:
        """The record if Net is not what the lab asks for."""
        lines = [statement.lineno for statement in self.statements if "Net" in names_of(statement)[0]]
        line = lines[-1] if lines else 0
        where = f"{self.script.where(line)}: " if line else ""
        return self.record(self.script.problem(kind, f"{where}{reason}; define it with class Net(nn.Module).", line))

    def written(self, found: object) -> tuple[ast.ClassDef | None, list[ast.stmt], Script]:
        """Where the class bound to Net was written: in the script or in one of its helper modules."""
        if not issubclass(type(found), type):
            return None, self.statements, self.script
        name, home = _text_in(found, "__name__"), _text_in(found, "__module__")
        statements = self.files.statements.get(home, self.statements)
        script = self.files.scripts.get(str(getattr(sys.modules.get(home), "__file__", "")), self.script)
        return class_named(statements, name), statements, script

    def without_net(self) -> tuple[Loading, None]:
        """The record of a script without a statement that could bind Net."""
        problem, near = missing_net(self.script, self.statements)
        return self.record(problem, near=near), None


def _text_in(kind: object, name: str) -> str:
    """The name or module of a class, without calling its metaclass."""
    value = type.__getattribute__(kind, name)
    return value if type(value) is str else ""


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _is_own_star(node: ast.stmt) -> bool:
    """Whether the statement is ``from module import *`` for a module that is not an installed library."""
    if not isinstance(node, ast.ImportFrom) or node.names[0].name != "*":
        return False
    return node.level > 0 or not is_installed(Imported(node.module or "", node.lineno))


def _net_of_module(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statement ``Net = model.Net``, if the script uses Net under that name only; otherwise an empty list."""
    known = imports(statements)
    for statement in statements:
        for node in ast.walk(statement):
            if not (isinstance(node, ast.Attribute) and node.attr == "Net" and isinstance(node.value, ast.Name)):
                continue
            source = known.get(node.value.id)
            if source is not None and not is_installed(source):
                made = ast.Assign([ast.Name("Net", ast.Store())], node)
                return [ast.fix_missing_locations(ast.copy_location(made, node))]
    return []
