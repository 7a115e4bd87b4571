"""Explain why Net could not be loaded: find the root cause among the statements that failed, as a Problem."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence

from grader.model.evidence import Problem
from grader.source.definitions import Imported, imports
from grader.source.installed import is_installed
from grader.source.script import Script
from grader.worker.load.missing_packages import PackageNeeded
from grader.worker.load.statements import LONGEST_MESSAGE, Failure, innermost, problem_from


def problem_of(failure: Failure, scripts: Mapping[str, Script], causes: Mapping[str, Problem]) -> Problem:
    """The problem of a statement that failed while loading, or the earlier problem that caused it."""
    error = failure.error
    if isinstance(error, PackageNeeded):
        return error.problem
    if isinstance(error, ModuleNotFoundError) and isinstance(error.name, str) and error.name:
        return missing_package(error.name, error, scripts)
    if isinstance(error, ImportError):
        cause = next((causes[name] for name in failure.binds if name in causes), None)
        if cause is not None:
            return cause
    problem = problem_from("definition-error", error, scripts, causes)
    if problem.kind != "definition-error":
        return problem
    raised = f"{problem.exception}: {problem.message}" if problem.message else problem.exception
    script, line = innermost(error, scripts)
    what = "the statements that Net needs"
    if script is not None:
        where = script.where(line)
        what = f"{where[:1].lower()}{where[1:]} of {problem.file}"
    return _with_message(problem, f"Running {what} raised {raised}")


def missing_package(name: str, error: BaseException, scripts: Mapping[str, Script]) -> Problem:
    """The problem of an import whose module is neither installed nor submitted."""
    problem = problem_from("missing-package", error, scripts)
    script, line = innermost(error, scripts)
    return _with_message(problem, _missing_sentence(name, script.where(line) if script is not None else "The script"))


def _missing_sentence(module: str, who: str) -> str:
    package = module.split(".")[0]
    return f"{who} imports {package[:80]}, which is neither installed nor among the submitted files."


def _with_message(problem: Problem, message: str) -> Problem:
    short = message if len(message) <= LONGEST_MESSAGE else message[: LONGEST_MESSAGE - 1] + "…"
    return Problem(problem.kind, short, problem.exception, problem.file, problem.line, problem.cell, problem.code)


def root_cause(failures: Sequence[Failure], name: str) -> Failure | None:
    """The failure that leaves ``name`` undefined: the last failed statement that binds it, or the cause of that one."""
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


def failed_imports(
    statements: Sequence[ast.stmt], needed: Iterable[str], namespace: Mapping[str, object]
) -> Iterator[tuple[str, Imported]]:
    """Names in ``needed`` that are unbound because their package is missing, which the script itself tolerates."""
    known = imports(statements)
    for name in sorted(needed):
        found = known.get(name)
        if found is not None and name not in namespace and not is_installed(found):
            yield name, found


def missing_import(script: Script, imported: Imported) -> Problem:
    """The problem of an import whose module is missing."""
    message = _missing_sentence(imported.module.lstrip(".") or imported.module, script.where(imported.line))
    return script.problem("missing-package", message, imported.line, exception="ModuleNotFoundError")
