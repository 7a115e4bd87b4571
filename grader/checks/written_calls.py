"""The calls in one line of a student's code: which one an error is about, and how many arguments it has."""

from __future__ import annotations

import ast
from collections.abc import Iterator

LONGEST_CALL = 60


def calls(code: str) -> list[ast.Call]:
    """The calls in a line, as far as it can be read alone; empty if a statement goes on in another line."""
    text = code.strip()
    for ending in ("", " pass"):
        try:
            tree = ast.parse(text + ending)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
        return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return []


def calls_of(code: str, function: str) -> list[ast.Call]:
    """The calls of a function or class by the name that an error message gives it, such as ``_MaxPoolNd``."""
    wanted = function.strip("_").removesuffix("Nd").casefold()
    found = [call for call in calls(code) if _last_name(call).casefold() == wanted]
    return found or [call for call in calls(code) if wanted and wanted in _last_name(call).casefold()]


def name_of(call: ast.Call) -> str:
    """What is called, as it is written: ``nn.Conv2d``."""
    return ast.unparse(call.func)


def shown(call: ast.Call) -> str:
    """The call as it is written, shortened."""
    text = ast.unparse(call)
    return text if len(text) <= LONGEST_CALL else f"{name_of(call)[:LONGEST_CALL]}(...)"


def created_with_input(code: str) -> ast.Call | None:
    """A layer that is created with its input instead of being applied to it: ``nn.ReLU(x)``; None if there is none."""
    found = calls(code)
    applied = {id(call.func) for call in found}
    return next((call for call in found if id(call) not in applied and _is_layer(call) and _has_input(call)), None)


def _is_layer(call: ast.Call) -> bool:
    words = name_of(call).split(".") if isinstance(call.func, ast.Attribute) else []
    return words[-2:-1] == ["nn"] and words[-1][:1].isupper()


def _has_input(call: ast.Call) -> bool:
    """Whether the first argument is the tensor ``x``, or what a layer or a function gives for it."""
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Call):
        return any(name in {"self", "F", "torch"} for name in _names(first.func)) and not _is_layer(first)
    return isinstance(first, ast.Name) and first.id in {"x", "out", "input"}


def _names(node: ast.AST) -> Iterator[str]:
    return (part.id for part in ast.walk(node) if isinstance(part, ast.Name))


def _last_name(call: ast.Call) -> str:
    return name_of(call).rpartition(".")[2]
