"""Explain to a student in one sentence why a script does not parse."""

from __future__ import annotations

import re

from grader.model.evidence import Problem
from grader.source.parsing import parsed
from grader.source.python_versions import CONFLICT, PYTHON2, RUNNING, STRING, Rewriting, newer
from grader.source.script import Script

_BLANK = re.compile(r"expected an indented block after (function|class) definition on line (\d+)")
_NOTEBOOK_COMMAND = re.compile(r"^\s*[!%]\s*\w")
_CURLY = re.compile(r"U\+(2018|2019|201C|201D|2013|2014|00A0|200B|FEFF)")
_OLD_ASYNC = re.compile(r"\basync\s*=")


def syntax_problem(error: SyntaxError, script: Script) -> Problem:
    """A problem at the line that Python points to: blank-body, indentation, tabs, python2, newer-python or syntax."""
    line = error.lineno if isinstance(error.lineno, int) else 0
    where = script.where(line) if line else f"The file {script.path}"
    reason = " ".join(str(error.msg).split())[:300].rstrip("?")  # it ends a sentence of ours
    name = type(error).__name__
    if isinstance(error, TabError):
        message = f"{where} mixes tabs and spaces in its indentation; use four spaces throughout."
        return script.problem("tabs", message, line, exception=name)
    if isinstance(error, IndentationError):
        return _indentation_problem(reason, script, line, name)
    code = script.code(line)
    way = _newer_way(script, line)
    if way is not None:
        return newer_python(script, line, way)
    old = _python2_reason(reason, code)
    if old:
        return script.problem("python2", f"{where} is written for Python 2: {old}.", line, exception=name)
    if _NOTEBOOK_COMMAND.match(code):
        message = f"{where} is a notebook command, which is not Python; remove it from the script."
    elif CONFLICT.match(code):
        message = f"{where} is left over from a merge conflict; keep one version and remove the markers."
    elif _CURLY.search(reason):
        message = f"{where} has curly quotes or another character from a word processor; type it again: {reason}."
    elif _OLD_ASYNC.search(code):
        message = f"{where} uses async as a name, but async is a keyword of Python; PyTorch now calls it non_blocking."
    else:
        message = f"{where} is not valid Python: {reason}."
    return script.problem("syntax", message, line, exception=name)


def newer_python(script: Script, line: int, way: Rewriting) -> Problem:
    """The problem of a line that is right in a newer Python than the grader's."""
    message = f"{script.where(line)} needs Python {way.version} or newer: it has {way.what}. "
    return script.problem("newer-python", f"{message}The grader runs Python {RUNNING}.", line, exception="SyntaxError")


def _newer_way(script: Script, line: int) -> Rewriting | None:
    """How the line can be written for the grader's Python, if only that keeps Python from reading it."""
    lines = script.text.split("\n")
    if not 0 < line <= len(lines):
        return None
    for way in newer(lines[line - 1]):
        error = _first_error([*lines[: line - 1], way.line, *lines[line:]])
        if way.line != lines[line - 1] and (error is None or (error.lineno or 0) > line):
            return way
    return None


def _first_error(lines: list[str]) -> SyntaxError | None:
    try:
        parsed("\n".join(lines))
    except SyntaxError as error:
        return error
    except (ValueError, RecursionError, MemoryError):
        return None
    return None


def _python2_reason(reason: str, code: str) -> str:
    bare = STRING.sub("''", code)  # text in quotes is not syntax
    for old in PYTHON2:
        if old.pattern.search(bare):
            return old.advice
    return "it uses syntax that Python 3 does not have" if "multiple exception types must be" in reason else ""


def _indentation_problem(reason: str, script: Script, line: int, name: str) -> Problem:
    match = _BLANK.search(reason)
    if match and _is_left_blank(script, int(match[2])):
        opening = int(match[2])
        what = "function" if match[1] == "function" else "class"
        message = f"{script.where(opening)} starts a {what} whose body is blank; write the body."
        return script.problem("blank-body", message, opening, exception=name)
    message = f"{script.where(line)} is not indented as Python expects: {reason}."
    return script.problem("indentation", message, line, exception=name)


def _is_left_blank(script: Script, opening: int) -> bool:
    """Whether the ``def`` or ``class`` at line ``opening`` has no body, rather than a body that is not indented."""
    lines = script.text.split("\n")
    following = next((text for text in lines[opening:] if text.strip() and not text.lstrip().startswith("#")), "")
    if not following:
        return True
    depth = _depth(lines[opening - 1])
    if _depth(following) < depth:
        return True
    starts_next = following.lstrip().startswith(("def ", "class ", "@", "async def ", "if __name__"))
    return _depth(following) == depth and starts_next


def _depth(text: str) -> int:
    expanded = text.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())
