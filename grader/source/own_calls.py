"""Find how a script itself calls its network, as functions without arguments that make the same call.

``net = Net(args.hidden)`` inside ``main`` becomes a function with the statements of ``main`` that the arguments need,
and ``return Net(args.hidden)``.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.source.bindings import names_of
from grader.source.networks import last_name
from grader.source.slicing import statements_for

_PREFIX = "submitted_call_"
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEEPEST = 3
"""Functions that hand on the arguments to one another: ``main() -> build(hidden) -> Net(hidden)``."""
_MOST = 20


@dataclass(frozen=True)
class OwnCall:
    """A call of the script: ``functions`` to add at its end, of which ``name`` makes the call; ``text`` shows it."""

    name: str
    functions: tuple[ast.stmt, ...]
    text: str


def own_calls(statements: Sequence[ast.stmt], target: str) -> list[OwnCall]:
    """Every call of ``target`` with arguments outside its own class, in order."""
    finder = _Finder(statements)
    return finder.calls_of(target, target, 0)[:_MOST]


@dataclass(frozen=True)
class _Place:
    """A call, with the statements around it: from the module or the innermost function, down to its own statement."""

    call: ast.Call
    function: ast.FunctionDef | ast.AsyncFunctionDef | None
    is_method: bool
    path: tuple[tuple[Sequence[ast.stmt], int], ...]


class _Finder:
    def __init__(self, statements: Sequence[ast.stmt]) -> None:
        self.statements = statements
        self.made = 0

    def calls_of(self, called: str, target: str, depth: int) -> list[OwnCall]:
        """Functions for each call of ``called``, with ``target`` in its place; the two differ for functions around."""
        found: list[OwnCall] = []
        for place in _places(self.statements, called):
            if len(found) >= _MOST or self.made > 10 * _MOST:
                break
            call = copy.copy(place.call)
            if target != called:
                call.func = ast.copy_location(ast.Name(target, ast.Load()), place.call.func)
            elif not call.args and not call.keywords:
                continue
            found += self._made(place, call, depth)
        return found

    def _made(self, place: _Place, call: ast.Call, depth: int) -> list[OwnCall]:
        self.made += 1
        name = f"{_PREFIX}{self.made}"
        body = _body(place, ast.copy_location(ast.Return(call), call))
        arguments = place.function.args if place.function is not None else _no_arguments()
        if place.is_method and not _parameters(arguments) & {name for part in body for name in _names_in(part)}:
            arguments = _no_arguments()
        made = ast.FunctionDef(name, arguments, body, [], None, None)
        vars(made)["type_params"] = []  # a field since Python 3.12
        function = ast.fix_missing_locations(ast.copy_location(made, call))
        if not _required(arguments):
            return [OwnCall(name, (function,), ast.unparse(call)[:100])]
        if place.function is None or place.is_method or depth >= _DEEPEST:
            return []
        outer = self.calls_of(place.function.name, name, depth + 1)
        return [OwnCall(other.name, (function, *other.functions), ast.unparse(call)[:100]) for other in outer]


def _no_arguments() -> ast.arguments:
    return ast.arguments([], [], None, [], [], None, [])


def _parameters(arguments: ast.arguments) -> set[str]:
    return {part.arg for part in ast.walk(arguments) if isinstance(part, ast.arg)}


def _required(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional > 0 or any(default is None for default in arguments.kw_defaults)


def _places(statements: Sequence[ast.stmt], called: str) -> Iterator[_Place]:
    """Each call of ``called``, except in the class of that name."""
    waiting: list[tuple[Sequence[ast.stmt], _Place]] = []
    start = _Place(ast.Call(ast.Name(""), [], []), None, False, ())
    waiting.append((statements, start))
    found: list[_Place] = []
    while waiting:
        body, around = waiting.pop()
        for index, node in enumerate(body):
            path = (*around.path, (body, index))
            if isinstance(node, ast.ClassDef):
                if node.name != called:
                    waiting.append((node.body, _Place(around.call, None, True, ())))
            elif isinstance(node, _FUNCTIONS):
                is_inner = around.is_method or around.function is not None
                waiting.append((node.body, _Place(around.call, node, is_inner, ())))
            else:
                inner = [part for name in ("body", "orelse", "finalbody") if (part := getattr(node, name, []))]
                inner += [handler.body for handler in getattr(node, "handlers", [])]
                waiting += [(part, _Place(around.call, around.function, around.is_method, path)) for part in inner]
                found += [
                    _Place(call, around.function, around.is_method, path)
                    for call in _own_expressions(node)
                    if isinstance(call, ast.Call) and last_name(call.func) == called
                ]
    yield from sorted(found, key=lambda place: place.call.lineno)


def _own_expressions(node: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement without those of the statements inside it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += [
            child for child in ast.iter_child_nodes(current) if not isinstance(child, (ast.stmt, ast.ExceptHandler))
        ]


def _body(place: _Place, ending: ast.stmt) -> list[ast.stmt]:
    """What runs before the call in its function, as far as the call needs it, and then ``ending``.

    Of the module nothing is needed before the call: its names are global. A loop makes the call in its first round.
    """
    body = [ending]
    for depth in range(len(place.path) - 1, -1, -1):
        statements, index = place.path[depth]
        node = statements[index]
        if depth < len(place.path) - 1:
            if isinstance(node, (ast.For, ast.AsyncFor)):
                loop = ast.For(node.target, node.iter, body, [], None)
                body = [ast.copy_location(loop, node)]
            elif isinstance(node, (ast.With, ast.AsyncWith)):
                body = [ast.copy_location(ast.With(node.items, body, None), node)]
        if depth or place.function is not None:
            reads = {name for part in body for name in _names_in(part)}
            body = [*statements_for(statements[:index], reads), *body]
    return body


def _names_in(node: ast.stmt) -> Iterator[str]:
    yield from names_of(node)[1]
    yield from (inner.id for inner in ast.walk(node) if isinstance(inner, ast.Name))
