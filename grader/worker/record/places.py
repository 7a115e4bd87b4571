"""Where something is in the student's code: the line that runs now, and the line that creates a layer."""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from types import FrameType, FunctionType, TracebackType

from torch import nn

from grader.model.evidence import Problem
from grader.source.script import LONGEST_CODE


def running() -> Exception:
    """An exception as if the line that runs now had raised it, for its place only."""
    trace: TracebackType | None = None
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        trace = TracebackType(trace, frame, frame.f_lasti, max(frame.f_lineno or 0, 1))
        frame = frame.f_back
    return RuntimeError().with_traceback(trace)


def moved_to(problem: Problem, error: Exception, place: tuple[str, int]) -> Problem | None:
    """The problem at another line of the same file and cell; None if it is not in that file."""
    file, line = place
    trace = error.__traceback__
    raised = 0
    while trace is not None:
        raised = (trace.tb_lineno or 0) if trace.tb_frame.f_code.co_filename == file else raised
        trace = trace.tb_next
    moved = problem.line + line - raised
    if not raised or not problem.line or moved < 1 or _code(file, raised) != problem.code:
        return None
    return replace(problem, line=moved, code=_code(file, line))


def _code(file: str, line: int) -> str:
    return linecache.getline(file, line).strip()[:LONGEST_CODE]


def tree_of(method: FunctionType) -> ast.Module | None:
    """The syntax tree of a method, with the line numbers of its file; None if its source is unknown."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    except (OSError, SyntaxError, TypeError):
        return None
    return ast.increment_lineno(tree, method.__code__.co_firstlineno - 1)


def creation_of(net: nn.Module, layer: str) -> tuple[str, int] | None:
    """File and line of the call that creates a layer, by its dotted name; None if it is not written out."""
    owner: nn.Module = net
    call: ast.expr | None = None
    file = ""
    for name in layer.split("."):
        if isinstance(owner, nn.Sequential) and name.isdecimal() and isinstance(call, ast.Call):
            parts = call.args
            call = parts[int(name)] if int(name) < len(parts) else None
        else:
            file, call = next(_assignments(type(owner), name), ("", None))
        child = owner._modules.get(name)
        if call is None or isinstance(call, ast.Starred) or child is None:
            return None
        owner = child
    return (file, call.lineno) if isinstance(call, ast.Call) else None


def _assignments(owner: type, name: str) -> Iterator[tuple[str, ast.expr]]:
    """What the methods of a class assign to ``self.name``, with the file of each, the last one first."""
    for method in reversed([value for value in vars(owner).values() if isinstance(value, FunctionType)]):
        found = [
            node
            for node in ast.walk(tree_of(method) or ast.Module([], []))
            if isinstance(node, ast.Assign) and any(_is_own(target, name) for target in node.targets)
        ]
        yield from ((method.__code__.co_filename, node.value) for node in reversed(found))


def _is_own(target: ast.expr, name: str) -> bool:
    return isinstance(target, ast.Attribute) and target.attr == name and isinstance(target.value, ast.Name)
