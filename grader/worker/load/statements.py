"""Run a submission's statements one at a time, so that the others still run after one has failed."""

from __future__ import annotations
import __future__

import ast
import linecache
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType

from grader.model.evidence import Problem
from grader.source.bindings import names_of
from grader.source.script import Script, SourceProblem
from grader.source.syntax_errors import syntax_problem
from grader.worker.load.missing_packages import PackageNeeded

_ANNOTATIONS = __future__.annotations.compiler_flag
LONGEST_MESSAGE = 500
"""Characters of an exception's text that are kept."""


class HelperProblem(SourceProblem, ImportError):
    """The text of a helper module cannot be used. The submission may catch this as an ImportError."""


@dataclass(frozen=True)
class Failure:
    """A statement that raised, and the names it would have bound."""

    node: ast.stmt
    error: BaseException
    binds: frozenset[str]


def run(
    statements: Iterable[ast.stmt],
    module: ModuleType,
    filename: str,
    flags: int,
    *,
    replacement: Callable[[ast.stmt, BaseException], ast.stmt | None] = lambda node, error: None,
    guard: Callable[[ast.stmt], AbstractContextManager[None]] = lambda node: nullcontext(),
    after: Callable[[ast.stmt], None] = lambda node: None,
) -> list[Failure]:
    """Run each statement in the module's namespace; return the failures in order.

    ``replacement`` may return another statement to run instead of a failed one, or the same to try it again. ``guard``
    gives the context manager for each statement. ``after`` is called when a statement has run.
    """
    failures: list[Failure] = []
    for node in statements:
        attempt: ast.stmt | None = node
        while attempt is not None:
            error = _failure_of(attempt, module, filename, flags, guard(attempt))
            if isinstance(error, Exception) and not flags & _ANNOTATIONS and _has_annotations(attempt):
                # Annotations do not matter: newer versions of Python evaluate them only when they are asked for.
                again = _failure_of(attempt, module, filename, flags | _ANNOTATIONS, guard(attempt))
                error = error if again is not None else None
            attempt = replacement(node, error) if error is not None and attempt is node else None
        if error is not None:
            failures.append(Failure(node, error, names_of(node)[0]))
        after(node)
    return failures


def _failure_of(
    node: ast.stmt, module: ModuleType, filename: str, flags: int, guard: AbstractContextManager[None]
) -> BaseException | None:
    try:
        code = compile(ast.Module([node], []), filename, "exec", flags, dont_inherit=True)
        with guard:
            exec(code, vars(module))
    except BaseException as error:  # protects the load stage from SystemExit and anything else that a statement raises
        return error
    return None


def _has_annotations(node: ast.stmt) -> bool:
    return any(
        getattr(inner, "annotation", None) is not None or getattr(inner, "returns", None) is not None
        for inner in ast.walk(node)
    )


def remember_source(filename: str, script: Script) -> None:
    """Let ``inspect`` and tracebacks find the decoded text of the script under ``filename``."""
    lines = [f"{line}\n" for line in script.text.split("\n")]
    linecache.cache[filename] = (len(script.text), None, lines, filename)


def problem_from(
    kind: str, error: BaseException, scripts: Mapping[str, Script], causes: Mapping[str, Problem] | None = None
) -> Problem:
    """Turn an exception into a problem at the innermost line of the traceback that is inside the submission.

    ``scripts`` maps file names in code objects to the submission's texts. ``message`` is the text of the exception on
    one line, at most 500 characters; ``exception`` is its type. ``line``, ``cell``, ``file`` and ``code`` give the
    student's line; they are empty if no line of the submission is in the traceback. In two cases the root cause
    replaces ``kind`` and ``message``: a name whose statement failed while loading (``causes``), and a broken helper.
    """
    try:
        return _problem_from(kind, error, scripts, causes or {})
    except BaseException:  # protects the record from exception classes in the submission
        return Problem(kind, "an exception that cannot be described")


def _problem_from(
    kind: str, error: BaseException, scripts: Mapping[str, Script], causes: Mapping[str, Problem]
) -> Problem:
    if isinstance(error, HelperProblem):
        return error.problem
    if (needed := _package_needed(error)) is not None:
        return needed
    if isinstance(error, NameError) and not isinstance(error, UnboundLocalError):
        cause = causes.get(str(error.name))
        if cause is not None:
            return cause
    if isinstance(error, SyntaxError) and (written := scripts.get(str(error.filename))) is not None:
        return syntax_problem(error, written)
    script, line = innermost(error, scripts)
    name = type(error).__name__[:80]
    if script is None:
        return Problem(kind, text_of(error), name)
    return script.problem(kind, text_of(error), line, exception=name)


def _package_needed(error: BaseException | None) -> Problem | None:
    """The package whose absence caused the exception, perhaps through other exceptions."""
    for _ in range(10):
        if error is None or type(error) is PackageNeeded:
            break
        error = error.__cause__ or error.__context__
    return error.problem if type(error) is PackageNeeded else None


def comes_from(error: BaseException, scripts: Mapping[str, Script]) -> bool:
    """Whether the exception passed through the submission's own code."""
    return innermost(error, scripts)[0] is not None


def innermost(error: BaseException, scripts: Mapping[str, Script]) -> tuple[Script | None, int]:
    """The innermost line of the traceback inside the submission, for ``Script.where``; (None, 0) if there is none."""
    found: tuple[Script | None, int] = (None, 0)
    trace = error.__traceback__
    while trace is not None:
        script = scripts.get(trace.tb_frame.f_code.co_filename)
        if script is not None:
            found = (script, trace.tb_lineno or 0)
        trace = trace.tb_next
    return found


def text_of(error: BaseException) -> str:
    """The text of the exception on one line, at most 500 characters; empty if it has no text or ``str`` fails."""
    try:
        text = str(error)
    except BaseException:  # protects the record from exception classes in the submission
        return ""
    if len(text) > 20 * LONGEST_MESSAGE:
        text = text[: 20 * LONGEST_MESSAGE]
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 1] + "…"
