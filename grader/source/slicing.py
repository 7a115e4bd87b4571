"""Slice a script: keep the statements that ``Net`` needs, in the student's order, without running anything.

A statement is kept if it binds a needed name or changes the object that the name stands for
(``parser.add_argument(...)``, ``args.cuda = ...``, ``Net.forward = forward``, ``@add_to_class(Net)``). Then the names
that it uses are needed too. ``if``, ``try`` and ``with`` keep only the kept statements inside. Bare calls, training
loops and everything else are dropped. Statements that can bind any name (star imports, ``exec``) are kept if a needed
name is bound nowhere else.
"""

from __future__ import annotations

import ast
import builtins
import copy
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from grader.source.bindings import (
    changed_by_calls,
    changed_names,
    changed_parameters,
    globals_set_by,
    names_of,
    reads_at_once,
    trains,
)

USUAL = frozenset(
    {"args", "opt", "device", "use_cuda", "batch_size", "test_batch_size", "epochs", "lr", "learning_rate", "momentum"}
    | {"log_interval", "seed"}
)
"""Names that scripts often bind only inside ``main()``, and that a Net may read nevertheless."""
_BUILTINS = frozenset(dir(builtins)) | {"__file__", "__name__", "__doc__", "__builtins__", "__class__", "__package__"}
_BINDING_CALLS = frozenset({"exec", "globals", "locals", "vars"})
_DEEPEST_CALLS = 10
"""Functions that call one another, as far as their effects are followed."""
_BRANCHES = (ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True)
class Slice:
    """``statements`` to run, in order, and every global name that they or their functions may read (``needed``).

    ``usual`` are names bound only in functions for which the lab's defaults may be used.
    """

    statements: tuple[ast.stmt, ...]
    needed: frozenset[str]
    usual: tuple[str, ...] = ()


def slice_for(statements: Sequence[ast.stmt], names: Iterable[str]) -> Slice:
    """The statements that ``names`` need. May raise RecursionError if the script is nested too deeply."""
    wanted = frozenset(names)
    kept, needed, unbound = _sliced(statements, wanted)
    has_borrowed = False
    usual: list[str] = []
    for name in sorted(unbound):
        function = _function_that_binds(statements, name)
        if function is None:
            continue
        if name in USUAL:
            usual.append(name)
        lent = statements_for(function.body, {name})
        if lent:
            has_borrowed = True
            position = next((i for i, node in enumerate(statements) if name in reads_at_once(node)), len(statements))
            statements = [*statements[:position], *lent, *statements[position:]]
    if has_borrowed:
        kept, needed, _ = _sliced(statements, wanted)
    return Slice(tuple(kept), frozenset(needed), tuple(usual))


def _function_that_binds(statements: Sequence[ast.stmt], name: str) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """The last module-level function that sets ``name`` as a global, or as a local if the name is in ``USUAL``."""
    for statement in reversed(statements):
        if not isinstance(statement, _FUNCTIONS):
            continue
        is_global = name in globals_set_by(statement)
        if is_global or (name in USUAL and any(name in names_of(inner)[0] for inner in statement.body)):
            return statement
    return None


@dataclass
class _Part:
    """A plain statement, or the head of a branching one, with the names that it binds, uses and changes."""

    node: ast.stmt
    binds: frozenset[str]
    uses: frozenset[str]
    stores: frozenset[str]
    """Names whose objects it changes by assignment to an attribute or an item."""
    calls_on: frozenset[str]
    """Names whose methods it calls for their effect."""
    parents: tuple[_Part, ...] = ()
    is_kept: bool = False
    only_trains: bool = False
    """Whether it calls a function that trains, and all that it binds is bound elsewhere: ``Net = train(Net())``."""
    bodies: dict[str, list[_Part]] = field(default_factory=dict)


def statements_for(statements: Sequence[ast.stmt], names: Iterable[str]) -> list[ast.stmt]:
    """The statements that ``names`` need, out of ``statements`` alone, such as the body of a function."""
    return _sliced(statements, frozenset(names))[0]


def _sliced(statements: Sequence[ast.stmt], names: frozenset[str]) -> tuple[list[ast.stmt], set[str], set[str]]:
    """Kept statements, needed names, and the needed names that no kept statement binds."""
    flat: list[_Part] = []
    functions = [node for node in statements if isinstance(node, _FUNCTIONS) and not trains(node)]
    effects = _Effects({function.name: globals_set_by(function) for function in functions}, _changers(functions))
    trainers = _trainers(statements)
    tops = [_part(statement, (), flat, effects) for statement in statements]
    imported = {name for part in flat if isinstance(part.node, (ast.Import, ast.ImportFrom)) for name in part.binds}
    binders = Counter(name for part in flat for name in part.binds)
    for part in flat:
        is_plain = not part.bodies and not isinstance(part.node, (*_FUNCTIONS, ast.ClassDef))
        is_bound = all(binders[name] > 1 for name in part.binds)
        part.only_trains = is_plain and is_bound and _calls_one_of(part.node, trainers)
    needed = set(names)
    with_wildcards = False
    while True:
        found = [part for part in flat if not part.is_kept and _is_wanted(part, needed, imported, with_wildcards)]
        for part in found:
            for kept in (part, *part.parents):
                kept.is_kept = True
                needed |= kept.uses
            if part.calls_on & needed:
                needed |= part.binds  # group = parser.add_argument_group(): changes to group are changes to parser
        bound = {name for part in flat if part.is_kept for name in part.binds}
        unbound = needed - _BUILTINS - bound
        if not found and (with_wildcards or not unbound):
            break
        with_wildcards = with_wildcards or not found
    return [node for top in tops if (node := _pruned(top)) is not None], needed, unbound


def _is_wanted(part: _Part, needed: set[str], imported: set[str], with_wildcards: bool) -> bool:
    if part.only_trains or (isinstance(part.node, (ast.For, ast.AsyncFor, ast.While)) and trains(part.node)):
        return False
    if part.binds & needed or part.stores & needed or (part.calls_on - imported) & needed:
        return True
    return with_wildcards and _may_bind_anything(part.node)


def _may_bind_anything(node: ast.stmt) -> bool:
    """Whether a statement can bind names that are not written in it: star imports, ``exec``, ``globals()[...] =``."""
    if isinstance(node, ast.ImportFrom):
        return node.names[0].name == "*"
    if not isinstance(node, (ast.Expr, ast.Assign)):
        return False
    return any(
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in _BINDING_CALLS
        for call in ast.walk(node)
    )


def _changers(functions: Sequence[ast.FunctionDef | ast.AsyncFunctionDef]) -> dict[str, dict[str, int]]:
    """The functions that change their arguments, by name, with the places of these arguments."""
    found: dict[str, dict[str, int]] = {}
    for _ in range(_DEEPEST_CALLS):
        before = found
        found = {function.name: changed for function in functions if (changed := changed_parameters(function, found))}
        if found == before:
            break
    return found


def _trainers(statements: Sequence[ast.stmt]) -> set[str]:
    """The functions of the script that train, or call one that does."""
    functions = {node.name: node for node in statements if isinstance(node, _FUNCTIONS)}
    found = {name for name, node in functions.items() if trains(node)}
    for _ in range(_DEEPEST_CALLS):
        more = {name for name, node in functions.items() if name not in found and _calls_one_of(node, found)}
        if not more:
            break
        found |= more
    return found


def _calls_one_of(node: ast.stmt, names: set[str]) -> bool:
    calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return any(isinstance(called, ast.Name) and called.id in names for called in calls)


@dataclass(frozen=True)
class _Effects:
    """What calls of the script's functions do, by the function's name: globals that they set, arguments they change."""

    setters: Mapping[str, frozenset[str]]
    changers: Mapping[str, Mapping[str, int]]


def _part(node: ast.stmt, parents: tuple[_Part, ...], flat: list[_Part], effects: _Effects) -> _Part:
    is_branching = isinstance(node, _BRANCHES)
    binds, uses = names_of(_head(node) if is_branching else node)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
        binds |= effects.setters.get(node.value.func.id, frozenset())
    stores, calls_on = (frozenset[str](), frozenset[str]()) if is_branching else changed_names(node)
    if not is_branching:
        stores |= changed_by_calls(node, effects.changers)
    part = _Part(node, binds, uses, stores, calls_on, parents)
    flat.append(part)
    if is_branching:
        for name, children in _bodies(node):
            part.bodies[name] = [_part(child, (*parents, part), flat, effects) for child in children]
    return part


def _bodies(node: ast.stmt) -> list[tuple[str, list[ast.stmt]]]:
    named = [(name, getattr(node, name, [])) for name in ("body", "orelse", "finalbody")]
    handlers = enumerate(getattr(node, "handlers", []))
    return [*named, *((f"handler{index}", handler.body) for index, handler in handlers)]


def _head(node: ast.stmt) -> ast.stmt:
    """The branching statement with empty bodies: its own conditions and targets."""
    head = copy.copy(node)
    if isinstance(head, (ast.If, ast.With, ast.AsyncWith, ast.Try, ast.TryStar)):
        head.body = [ast.Pass()]
    if isinstance(head, (ast.If, ast.Try, ast.TryStar)):
        head.orelse = []
    if isinstance(head, (ast.Try, ast.TryStar)):
        head.handlers = [ast.ExceptHandler(handler.type, handler.name, [ast.Pass()]) for handler in head.handlers]
        head.finalbody = [] if head.handlers else [ast.Pass()]
    return head


def _pruned(part: _Part) -> ast.stmt | None:
    if not part.is_kept:
        return None
    if not part.bodies:
        return part.node
    node = copy.copy(part.node)
    kept: dict[str, list[ast.stmt]] = {}
    for name, children in part.bodies.items():
        kept[name] = [inner for child in children if (inner := _pruned(child)) is not None]
        if children and not kept[name]:
            kept[name] = [ast.copy_location(ast.Pass(), children[0].node)]
    if isinstance(node, (ast.Try, ast.TryStar)):
        node.handlers = [copy.copy(handler) for handler in node.handlers]
        for index, handler in enumerate(node.handlers):
            handler.body = kept[f"handler{index}"]
        node.finalbody = kept["finalbody"]
    if isinstance(node, (ast.If, ast.Try, ast.TryStar)):
        node.orelse = kept["orelse"]
    if isinstance(node, (ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith)):
        node.body = kept["body"]
    return node
