"""Stage ``load``: getting ``Net`` out of a script that was never meant to be imported.

First only what Net needs is run (:mod:`grader.source.slicing`); when that gives no Net although the script binds one,
the whole script is run, statement by statement, as ``__main__``; both under the stand-ins of
:mod:`grader.worker.load.stand_ins`.
Calling ``Net()`` is the next stage's work. The kinds of problem are listed in :mod:`grader.source.definitions`.

A child loads one submission and ends: the working folder, ``sys.argv``, ``sys.path``, ``sys.meta_path`` and the modules
of the submission are left as its Net may need them.
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
from grader.worker.load.strategies import Attempts

__all__ = ["Loaded", "load_net", "problem_from", "warm_up"]

_MAKES_NAMES = re.compile(r"\b(globals|locals|vars|exec|setattr)\s*\(")
_NAMES_NET = re.compile(r"['\"]Net['\"]|class\s+Net\b")


@dataclass(frozen=True)
class Loaded:
    """What loading gives the next stages.

    ``factory`` is the object bound to ``Net``, not called yet; None when ``record`` holds a problem. ``explain`` turns
    an exception from the submission into a problem of the given kind at the student's own line (see
    :func:`grader.worker.load.statements.problem_from`).
    """

    record: Loading
    factory: Callable[[], object] | None
    explain: Callable[[str, BaseException], Problem]


def load_net(root: Path, script: str) -> Loaded:
    """Load ``Net`` from ``root / script``. Nothing that a submission does makes this raise."""
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
        problem = Problem("unreadable", f"{script} cannot be opened.", type(error).__name__, script)
        record, factory = loader.record(problem), None
    except BaseException as error:  # protects the evidence from a metaclass or property of the submission's own
        if not comes_from(error, files.scripts):
            raise
        record, factory = loader.record(explain("definition-error", error)), None
    return Loaded(record, factory, explain)


def warm_up() -> None:
    """Do once, before any submission is forked off, what each would otherwise pay for."""
    legacy_api.install()
    slice_for(parse(Script("warm.py", "import torch\nclass Net(torch.nn.Module):\n    pass\n")), {"Net"})


class _Loader:
    """One submission on its way from text to Net."""

    def __init__(self, files: Files, path: str, explain: Callable[[str, BaseException], Problem]) -> None:
        self.files = files
        self.path = path
        self.filename = str(files.root / path)
        self.explain = explain
        self.finder = HelperFinder(files, self.problem_of)
        self.script = Script(path, "")
        self.statements: list[ast.stmt] = []

    def load(self) -> tuple[Loading, Callable[[], object] | None]:
        """The record, and the object bound to Net."""
        self.script = read_script(self.files.root, self.path)
        self.files.scripts[self.filename] = self.script
        self.statements = list(opened(parse(self.script)))
        if not is_bound(self.statements, "Net"):
            self.statements += _net_of_module(self.statements)
        self.files.written = {
            name.removesuffix(".py").replace("/", "."): script for name, script in self.script.modules
        }
        remember_source(self.filename, self.script)
        attempts = Attempts(self.files, self.finder, self.filename, self.statements)
        attempts.prepare_process()
        part = slice_for(self.statements, {"Net"})
        if not self.may_bind_net(part):
            return self.without_net()
        problem: Problem | None = None
        if part.statements:
            module, failures = attempts.run_slice(part)
            self.remember(failures)
            problem = self.problem_with(module, failures)
            if problem is None:
                return self.finish(module, failures, "slice")
        if problem is not None and problem.kind in {"missing-package", "syntax", "python2"}:
            return self.record(problem), None  # running the rest cannot mend these
        self.files.causes.clear()
        module, failures = attempts.run_whole(part)
        self.remember(failures)
        whole_problem = self.problem_with(module, failures)
        if whole_problem is None:
            self.files.remark("whole-run", "Net could be had only by running the whole script, with training left out.")
            return self.finish(module, failures, "whole")
        return self.record(problem or whole_problem), None

    def record(self, problem: Problem | None, how: str = "", near: tuple[str, ...] = ()) -> Loading:
        """The record as far as reading goes."""
        node = class_named(self.statements, "Net")
        blank = problem is not None and problem.kind == "blank-body"
        remarks = (*self.script.remarks, *self.files.remarks.values())
        if node is None:
            return Loading(problem, how, self.path, near, (), blank, remarks[:20])
        return Loading(problem, how, self.path, near, methods(node), is_blank(node), remarks[:20])

    def may_bind_net(self, part: Slice) -> bool:
        """Whether some statement could bind Net, as far as reading can tell."""
        if any(not _is_star(statement) or _is_own_star(statement) for statement in part.statements):
            return True  # what was kept leads to a binding of Net, unless it is there for its star alone
        return bool(_MAKES_NAMES.search(self.script.text) and _NAMES_NET.search(self.script.text))

    def remember(self, failures: list[Failure]) -> None:
        """Keep why names are missing, for the stages that will miss them."""
        for failure in failures:
            problem = self.problem_of(failure)
            for name in failure.binds:
                self.files.causes.setdefault(name, problem)

    def problem_of(self, failure: Failure) -> Problem:
        """Why a statement failed, as a sentence."""
        return problem_of(failure, self.files.scripts, self.files.causes)

    def problem_with(self, module: ModuleType, failures: list[Failure]) -> Problem | None:
        """Why Net is not to be had from the module; None when it is."""
        binders = [one for one in self.statements if "Net" in names_of(one)[0]]
        failed = {one.node.lineno for one in failures}
        is_bound = "Net" in vars(module)
        if is_bound and (not binders or binders[-1].lineno not in failed or isinstance(binders[-1], ast.Assign)):
            if binders and binders[-1].lineno in failed:
                where = self.script.where(binders[-1].lineno)
                self.files.remark("statement-skipped", f"{where} could not be run and was left out.")
            return missing_import(self.statements, "Net", vars(module), self.script)
        cause = root_cause(failures, "Net")
        if cause is not None:
            return self.problem_of(cause)
        missing = next((one for one in failures if isinstance(one.error, ImportError)), None)
        return self.problem_of(missing) if missing is not None else missing_net(self.script, self.statements)[0]

    def finish(
        self, module: ModuleType, failures: list[Failure], how: str
    ) -> tuple[Loading, Callable[[], object] | None]:
        """The record for the object bound to Net, once it has proved to be something that can be called."""
        found: object = vars(module)["Net"]
        if type(found) is ModuleType and callable(vars(found).get("Net")):
            found = vars(found)["Net"]
        kind = type(found)
        if issubclass(kind, nn.Module):
            if _text_in(kind, "__name__") != "Net":
                reason = f"Net is a {_text_in(kind, '__name__')[:80]} that has been built already, not a class"
                return self.refused("instance", reason), None
            self.files.remark("net-rebound", "Net was replaced by a network built from it; the class itself was used.")
            found = kind
        if not callable(found):
            return self.refused("not-a-class", f"Net is a {_text_in(kind, '__name__')[:80]}, not a class"), None
        for failure in failures:
            if isinstance(failure.node, (ast.Import, ast.ImportFrom)):
                self.files.remark("import-skipped", f"{self.script.where(failure.node.lineno)} could not be imported.")
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
        """The record when Net is bound to something else than the lab asks for."""
        lines = [one.lineno for one in self.statements if "Net" in names_of(one)[0]]
        line = lines[-1] if lines else 0
        where = f"{self.script.where(line)}: " if line else ""
        return self.record(self.script.problem(kind, f"{where}{reason}; define it with class Net(nn.Module).", line))

    def written(self, found: object) -> tuple[ast.ClassDef | None, list[ast.stmt], Script]:
        """Where the class that Net is bound to was written: in the script or in one of its helper modules."""
        if not issubclass(type(found), type):
            return None, self.statements, self.script
        name, home = _text_in(found, "__name__"), _text_in(found, "__module__")
        statements = self.files.statements.get(home, self.statements)
        script = self.files.scripts.get(str(getattr(sys.modules.get(home), "__file__", "")), self.script)
        return class_named(statements, name), statements, script

    def without_net(self) -> tuple[Loading, None]:
        """The record of a script in which nothing could bind Net."""
        problem, near = missing_net(self.script, self.statements)
        return self.record(problem, near=near), None


def _text_in(kind: object, name: str) -> str:
    """A class's own name or module, whatever its metaclass would rather say."""
    value = type.__getattribute__(kind, name)
    return value if type(value) is str else ""


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _is_own_star(node: ast.stmt) -> bool:
    """Whether the statement is ``from module import *`` of a module that is not a library."""
    if not isinstance(node, ast.ImportFrom) or node.names[0].name != "*":
        return False
    return node.level > 0 or not is_installed(Imported(node.module or "", node.lineno))


def _net_of_module(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """``Net = model.Net``, when the script uses it under that name only; else nothing."""
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
