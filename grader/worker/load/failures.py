"""Why Net could not be had: the first thing that went wrong among the statements that it needs."""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Mapping, Sequence

from grader.model.evidence import Problem
from grader.source.definitions import Imported, class_named, imports, only_what_runs
from grader.source.script import Script
from grader.source.slicing import slice_for
from grader.worker.load.statements import LONGEST_MESSAGE, Failure, problem_from


def problem_of(failure: Failure, scripts: Mapping[str, Script], causes: Mapping[str, Problem]) -> Problem:
    """Why a statement failed while loading, as a sentence; the root cause when an earlier failure led to it."""
    error = failure.error
    if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str) and error.name:
        return missing_package(error.name, error, scripts)
    if isinstance(error, ImportError):
        cause = next((causes[name] for name in failure.binds if name in causes), None)
        if cause is not None:
            return cause
    problem = problem_from("definition-error", error, scripts, causes)
    if problem.kind != "definition-error":
        return problem
    told = f"{problem.exception}: {problem.message}" if problem.message else problem.exception
    place = f"line {problem.line}" + (f" of code cell {problem.cell}" if problem.cell else "")
    where = f"Running {place} of {problem.file}" if problem.line else "Running what Net needs"
    return _told_again(problem, f"{where} raised {told}")


def missing_package(name: str, error: BaseException, scripts: Mapping[str, Script]) -> Problem:
    """The problem of an import of something that is neither installed nor submitted."""
    problem = problem_from("missing-package", error, scripts)
    return _told_again(problem, _missing_sentence(name, f"line {problem.line}" if problem.line else "the script"))


def _missing_sentence(module: str, who: str) -> str:
    package = module.split(".")[0]
    who = who[:1].upper() + who[1:]
    return f"{who} imports {package[:80]}, which is neither installed nor among the submitted files."


def _told_again(problem: Problem, message: str) -> Problem:
    short = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
    return Problem(problem.kind, short, problem.exception, problem.file, problem.line, problem.cell, problem.code)


def root_cause(failures: Sequence[Failure], name: str) -> Failure | None:
    """The failure that keeps ``name`` undefined: of the last statement that binds it, or of what that one missed."""
    found: Failure | None = None
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        failure = next((failure for failure in reversed(failures) if name in failure.binds), None)
        if failure is None:
            break
        found = failure
        missed = failure.error.name if isinstance(failure.error, NameError) else ""
        name = missed if isinstance(missed, str) else ""
    return found


def missing_import(
    statements: Sequence[ast.stmt], target: str, namespace: Mapping[str, object], script: Script
) -> Problem | None:
    """The problem of an import that building and running ``target`` needs and that did not work; None when all did."""
    node = class_named(statements, target)
    lean = [only_what_runs(node) if statement is node and node is not None else statement for statement in statements]
    known = imports(lean)
    for name in sorted(slice_for(lean, {target}).needed):
        found = known.get(name)
        if found is None or name in namespace or is_installed(found):
            continue
        message = _missing_sentence(found.module.lstrip(".") or found.module, script.where(found.line))
        return script.problem("missing-package", message, found.line, exception="ModuleNotFoundError")
    return None


def is_installed(imported: Imported) -> bool:
    """Whether the package that an import names can be found at all."""
    package = imported.package
    if not package:
        return True  # a relative import: whatever is wrong with it, no package is missing
    if package in sys.modules:
        return True
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError, AttributeError):
        return False
