"""Parse a script, and find its class Net and its imports, without running it.

:mod:`grader.source.slicing` finds the statements that Net needs, :mod:`grader.worker.load.near_misses` explains why Net
is missing.

Stable kinds of problem. From reading: ``syntax``, ``python2``, ``newer-python`` (right in a newer Python),
``indentation``, ``tabs``, ``blank-body`` (a ``def`` or ``class`` without a body), ``encoding``, ``null-bytes``,
``notebook``, ``too-large``, ``too-complex``, ``unreadable`` (the file cannot be opened). From loading
(:mod:`grader.worker.load.net_loading`): ``missing-package``, ``missing-import``, ``missing-checkpoint``, ``no-net``,
``near-miss``, ``not-a-class``, ``instance``, ``definition-error`` (an exception in what Net needs).
"""

from __future__ import annotations
import __future__

import ast
import copy
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from grader.model.evidence import Problem
from grader.source.parsing import check, parsed
from grader.source.script import Script, SourceProblem, futures_first
from grader.source.syntax_errors import syntax_problem


def parse(script: Script) -> list[ast.stmt]:
    """The module-level statements. Raises :class:`SourceProblem` if Python cannot compile them."""
    try:
        tree = parsed(script.text, script.path)
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT if script.cells else 0
        check(futures_first(tree) if script.cells else tree, script.text, flags)
    except SyntaxError as error:
        raise SourceProblem(syntax_problem(error, script)) from None
    except (RecursionError, MemoryError, ValueError) as error:
        raise SourceProblem(too_complex(script, error)) from None
    return tree.body


def too_complex(script: Script, error: BaseException) -> Problem:
    """The problem of a script that is too complex for the parser."""
    message = f"{script.path} nests its expressions too deeply, or is too long, for Python to read."
    return script.problem("too-complex", message, exception=type(error).__name__)


def opened(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements with each ``if __name__ == "__main__":`` replaced by its body."""
    for statement in statements:
        if is_main_guard(statement):
            yield from opened(getattr(statement, "body", []))
        else:
            yield statement


def is_main_guard(statement: ast.stmt) -> bool:
    """Whether the statement is ``if __name__ == "__main__":``."""
    test = statement.test if isinstance(statement, ast.If) else None
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = (test.left, test.comparators[0])
    names = any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides)
    return names and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)


def future_flags(statements: Sequence[ast.stmt]) -> int:
    """Compiler flags of the script's ``from __future__`` imports, which apply to every statement."""
    flags = 0
    for statement in statements:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            for alias in statement.names:
                flags |= getattr(getattr(__future__, alias.name, None), "compiler_flag", 0)
    return flags


@dataclass(frozen=True)
class Imported:
    """Where a name is imported from: ``module`` (with its dots if relative) and the line."""

    module: str
    line: int

    @property
    def package(self) -> str:
        """The top-level package of the module."""
        return self.module.split(".")[0]


def imports(statements: Iterable[ast.stmt]) -> dict[str, Imported]:
    """Every name that an import binds anywhere in the statements, functions included."""
    found: dict[str, Imported] = {}
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    found[alias.asname or alias.name.split(".")[0]] = Imported(alias.name, node.lineno)
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                for alias in node.names:
                    found[alias.asname or alias.name] = Imported(module, node.lineno)
    return found


def is_bound(statements: Iterable[ast.stmt], name: str) -> bool:
    """Whether the name is bound anywhere in the statements, functions included."""
    for statement in statements:
        for node in ast.walk(statement):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)) and node.name == name:
                return True
            if isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load):
                return True
            if isinstance(node, ast.alias) and (node.asname or node.name) == name:
                return True
    return False


def class_named(statements: Iterable[ast.stmt], name: str) -> ast.ClassDef | None:
    """The last class of that name at module level, conditional ones included; not those inside functions or classes."""
    found = None
    for node in module_level(statements):
        if isinstance(node, ast.ClassDef) and node.name == name:
            found = node
    return found


def module_level(statements: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Every statement that runs at module level, those inside ``if``, ``for``, ``try`` and ``with`` included."""
    for statement in statements:
        yield statement
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for name in ("body", "orelse", "finalbody"):
            yield from module_level(getattr(statement, name, []))
        for handler in getattr(statement, "handlers", []):
            yield from module_level(handler.body)


def methods(node: ast.ClassDef) -> tuple[str, ...]:
    """The names of the methods written in the class, in order."""
    names = (part.name for part in node.body if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return tuple(dict.fromkeys(name[:80] for name in names))[:100]


def is_blank(node: ast.ClassDef) -> bool:
    """Whether the class is the unchanged template: nothing in it can build a network.

    A base class other than torch's Module may contain the network, so such a class is never blank.
    """
    if any(ast.unparse(base).split(".")[-1] not in {"Module", "object"} for base in node.bases):
        return False
    return all(_is_nothing(statement) for statement in node.body)


def _is_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return statement.name in {"__init__", "forward"} and all(_is_nothing(inner) for inner in statement.body)
    if isinstance(statement, ast.Pass) or (isinstance(statement, ast.Return) and _is_idle(statement.value)):
        return True
    if not isinstance(statement, ast.Expr):
        return isinstance(statement, ast.Raise) and "NotImplemented" in ast.unparse(statement)
    return isinstance(statement.value, ast.Constant) or "super(" in ast.unparse(statement) or _calls_base(statement)


def _calls_base(statement: ast.Expr) -> bool:
    return ast.unparse(statement).endswith("Module.__init__(self)")


def _is_idle(value: ast.expr | None) -> bool:
    """Whether the returned value uses no layer: nothing, a constant or a name, perhaps in a softmax."""
    while isinstance(value, ast.Call) and value.args and "softmax" in ast.unparse(value.func):
        if not isinstance(value.func, (ast.Attribute, ast.Name)) or ast.unparse(value.func).startswith("self."):
            return False
        value = value.args[0]
    return value is None or isinstance(value, (ast.Constant, ast.Name))


def only_what_runs(node: ast.ClassDef) -> ast.ClassDef:
    """The class with only those methods that ``Net()`` and a call of it can reach through ``self.name``."""
    functions = {part.name: part for part in node.body if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef))}
    reached: set[str] = set()
    waiting = [name for name in functions if name.startswith("__") or name == "forward"]
    while waiting:
        name = waiting.pop()
        if name in reached or name not in functions:
            continue
        reached.add(name)
        waiting += [inner.attr for inner in ast.walk(functions[name]) if isinstance(inner, ast.Attribute)]
    body = [part for part in node.body if getattr(part, "name", "") not in functions.keys() - reached]
    pruned = copy.copy(node)
    pruned.body = body or [ast.Pass()]
    return pruned
