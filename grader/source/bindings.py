"""Find the names that a statement binds, reads and changes, with the standard library's ``symtable``."""

from __future__ import annotations

import ast
import symtable
import warnings
from collections.abc import Iterator, Mapping
from functools import lru_cache

MUTATORS = frozenset(
    {"add", "append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort"}
    | {"update"}
    | {"add_argument", "add_argument_group", "add_mutually_exclusive_group", "add_parser", "add_subparsers"}
    | {"add_module", "set_defaults"}
)
"""Methods that change their object. Calls of them are kept."""
_TRAINING = frozenset({"backward", "step", "fit", "train", "test", "validate", "evaluate", "main"})
_PASSING = _TRAINING | {"run", "show", "func", "cuda", "eval", "start", "close"}
"""Methods without an effect that a class could need later."""
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_OWN_SCOPES = (*_SCOPES, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Match)


def names_of(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """The module-level names that a statement binds, and the global names that it or its functions read."""
    if isinstance(node, ast.Delete):
        return frozenset(), frozenset()
    plain = _plain_names(node)
    if plain is not None:
        return plain
    table = _table(node)
    if table is None:
        return frozenset(), frozenset(name.id for name in ast.walk(node) if isinstance(name, ast.Name))
    binds = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    return frozenset(binds), frozenset(_reads(table, at_once=False))


def _plain_names(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]] | None:
    """The result of :func:`names_of` for a statement without scopes of its own; None for any other.

    ``symtable`` would take seconds for a literal of a hundred thousand numbers.
    """
    binds: set[str] = set()
    uses: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, _OWN_SCOPES):
            return None
        if isinstance(inner, ast.Name):
            (uses if isinstance(inner.ctx, ast.Load) else binds).add(inner.id)
        elif isinstance(inner, ast.alias):
            binds.add(inner.asname or inner.name.split(".")[0])
        elif isinstance(inner, ast.ExceptHandler) and inner.name:
            binds.add(inner.name)
    return frozenset(binds - {"*"}), frozenset(uses)


def reads_at_once(node: ast.stmt) -> frozenset[str]:
    """The global names that the statement reads when it runs, without those that its functions read when called."""
    table = _table(node)
    return frozenset(_reads(table, at_once=True)) if table is not None else frozenset()


def globals_set_by(node: ast.stmt) -> frozenset[str]:
    """Names that functions in the statement declare ``global`` and assign."""
    table = _table(node)
    return frozenset(
        symbol.get_name()
        for inner in (_descendants(table) if table is not None else ())
        for symbol in inner.get_symbols()
        if symbol.is_declared_global() and symbol.is_assigned()
    )


@lru_cache(maxsize=4096)  # called several times for each statement
def _table(node: ast.stmt) -> symtable.SymbolTable | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return symtable.symtable(ast.unparse(node), "<statement>", "exec")
    except (SyntaxError, ValueError):  # legal only in its context, such as a return inside a function
        return None


def _descendants(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    waiting = list(table.get_children())
    while waiting:
        inner = waiting.pop()
        waiting += inner.get_children()
        yield inner


def _reads(table: symtable.SymbolTable, *, at_once: bool) -> Iterator[str]:
    yield from (symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced())
    for inner in table.get_children() if at_once else _descendants(table):
        in_class = inner.get_type() == "class"
        if at_once and not in_class:
            continue
        for symbol in inner.get_symbols():
            # a class body reads a global name until it has bound the name itself
            if symbol.is_referenced() and (symbol.is_global() or (in_class and symbol.is_local())):
                yield symbol.get_name()


def trains(node: ast.stmt) -> bool:
    """Whether the statement looks like training or testing a network."""
    for inner in ast.walk(node):
        if not isinstance(inner, ast.Call):
            continue
        if isinstance(inner.func, ast.Attribute) and inner.func.attr in {"backward", "step", "fit"}:
            return True
        if isinstance(inner.func, ast.Name) and inner.func.id in _TRAINING:
            return True
    return False


def changed_names(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Names whose objects the statement changes: by storing into them, and by calling their methods.

    A decorator that is called with a name (``@add_to_class(Net)``) may change what the name stands for.
    """
    if isinstance(node, _SCOPES):
        calls_above = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
        return frozenset(name for call in calls_above for name in _plain_arguments(call)), frozenset()
    stores: set[str] = set()
    calls: set[str] = set()
    for inner in ast.walk(node):
        if isinstance(inner, (ast.Attribute, ast.Subscript)) and not isinstance(inner.ctx, ast.Load):
            stores |= _root(inner)
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Attribute) and inner.func.attr in MUTATORS:
            calls |= _root(inner.func)
        elif isinstance(inner, ast.Expr) and isinstance(inner.value, ast.Call):
            call = inner.value
            if isinstance(call.func, ast.Attribute) and call.func.attr not in _PASSING:
                calls |= _root(call.func)
            elif isinstance(call.func, ast.Name) and call.func.id in {"setattr", "delattr"} and call.args:
                stores |= _root(call.args[0])
    return frozenset(stores), frozenset(calls)


def changed_parameters(
    function: ast.FunctionDef | ast.AsyncFunctionDef, changers: Mapping[str, Mapping[str, int]]
) -> dict[str, int]:
    """The parameters whose objects the function, or one inside it, changes by storing into them.

    Each has its place among the positional ones, or -1. ``changers`` says the same of functions that it may call.
    """
    stored = {name for statement in function.body for name in changed_by_calls(statement, changers)}
    for inner in ast.walk(function):
        if isinstance(inner, (ast.Attribute, ast.Subscript)) and not isinstance(inner.ctx, ast.Load):
            stored |= _root(inner)
        elif isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.args:
            stored |= _root(inner.args[0]) if inner.func.id in {"setattr", "delattr"} else set()
    places = {argument.arg: -1 for argument in function.args.kwonlyargs}
    places |= {part.arg: place for place, part in enumerate((*function.args.posonlyargs, *function.args.args))}
    return {name: place for name, place in places.items() if name in stored}


def changed_by_calls(node: ast.stmt, changers: Mapping[str, Mapping[str, int]]) -> frozenset[str]:
    """Names that the statement hands to functions that change them, as :func:`changed_parameters` says of each."""
    found: set[str] = set()
    if isinstance(node, _SCOPES):
        return frozenset()
    for call in ast.walk(node):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in changers):
            continue
        changed = changers[call.func.id]
        given = [value for place, value in enumerate(call.args) if place in changed.values()]
        given += [keyword.value for keyword in call.keywords if keyword.arg in changed]
        found |= {value.id for value in given if isinstance(value, ast.Name)}
    return frozenset(found)


def _plain_arguments(call: ast.Call) -> Iterator[str]:
    for value in (*call.args, *(keyword.value for keyword in call.keywords)):
        if isinstance(value, ast.Name):
            yield value.id


def _root(node: ast.expr) -> set[str]:
    """The variable at the start of ``a.b[0].c()``."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.Starred)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()
