"""Find what a script calls its network if it has no class ``Net``, and word the problem."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from grader.model.evidence import Problem
from grader.source.definitions import imports, module_level
from grader.source.installed import is_installed
from grader.source.networks import (
    SCOPES,
    called_names,
    is_look_alike,
    network_classes,
    network_object,
    other_network,
    resembles_net,
)
from grader.source.script import Script
from grader.source.slicing import statements_for

_LIKELY = re.compile(r"net|cnn|model|lenet|convnet|network|mnist", re.IGNORECASE)
_COMMENTED_OUT = re.compile(r"^[^\S\n]*#\s*class\s+Net\b", re.MULTILINE)


@dataclass(frozen=True)
class OtherNet:
    """What a script without Net has instead.

    ``problem`` is of kind near-miss or no-net. ``near`` are names that may be a misspelt Net, the most likely first.
    ``name`` is what the script certainly means by Net; empty if there is no such thing. ``assumed`` completes the
    sentence "The rest was assessed as if ...". ``lifted`` are the statements that define it at the top level.
    """

    problem: Problem
    near: tuple[str, ...] = ()
    name: str = ""
    assumed: str = ""
    lifted: tuple[ast.stmt, ...] = ()


def other_net(script: Script, statements: Sequence[ast.stmt]) -> OtherNet:
    """What a script without Net has instead: a nested Net, a class with another name, or an object."""
    nested = _nested_net(statements)
    if nested is not None:
        outer, line, lifted = nested
        place = f"{script.where(line)} defines Net inside {outer}"
        message = f"{place}, where other code cannot use it; move it to the top level, without indentation."
        problem = script.problem("near-miss", message, line)
        return OtherNet(problem, ("Net",), "Net", "Net were defined at the top level", lifted)
    classes = list(network_classes(statements))
    near = tuple(name[:80] for name in sorted(classes, key=lambda name: not resembles_net(name)))[:10]
    found = other_network(statements)
    if found is not None:
        return OtherNet(_class_problem(script, found), near, found.name, _called_net(found.name))
    for name, verb, line in _objects(script, statements):
        return OtherNet(_object_problem(script, name, verb, line), (name[:80], *near)[:10], name, _called_net(name))
    if not near and (inside := _inside(script, statements)) is not None:
        return inside
    if near:
        message = f"No class is called Net; the script defines {', '.join(near)}. Name the network's class Net."
    elif commented := _COMMENTED_OUT.search(script.text):
        line = script.text[: commented.end()].count("\n") + 1
        return OtherNet(
            script.problem("no-net", f"{script.where(line)} has class Net commented out; remove the #.", line)
        )
    else:
        message = "The script has no class called Net and no class with a similar name."
    return OtherNet(script.problem("no-net", message), near)


def _class_problem(script: Script, found: ast.ClassDef) -> Problem:
    where = script.where(found.lineno)
    message = f"{where} defines the class {found.name[:80]}, but the script has no Net; rename it to Net."
    if is_look_alike(found.name):
        odd = next(letter for letter in found.name if not letter.isascii())
        letter = unicodedata.name(odd, "a letter outside ASCII").title()
        message = f"{where} defines {found.name[:80]}, which only looks like Net: "
        message += f"it contains a {letter}; type the name again."
    return script.problem("near-miss", message, found.lineno)


def _objects(script: Script, statements: Sequence[ast.stmt]) -> Iterator[tuple[str, str, int]]:
    """The only network that the script imports from another file and builds, or else makes without a class."""
    called = set(called_names(statements))
    known = imports(statements)
    imported = [
        (name, source.line)
        for name, source in known.items()
        if name in called and _LIKELY.search(name) and name[:1].isupper() and not is_installed(source)
    ]
    if len(imported) == 1:
        yield imported[0][0], "imports", imported[0][1]
    made = network_object(statements)
    if made is not None and not imported:
        is_function = any(isinstance(node, ast.FunctionDef) and node.name == made[0] for node in statements)
        yield made[0], "defines the function" if is_function else "makes", made[1]


def _nested_net(statements: Sequence[ast.stmt]) -> tuple[str, int, tuple[ast.stmt, ...]] | None:
    for statement in module_level(statements):
        if not isinstance(statement, SCOPES):
            continue
        for node in ast.walk(statement):
            if node is not statement and isinstance(node, ast.ClassDef) and node.name == "Net":
                what = "the class" if isinstance(statement, ast.ClassDef) else "the function"
                return f"{what} {statement.name[:80]}", node.lineno, _lifted(statement, "Net")
    return None


def _lifted(scope: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str) -> tuple[ast.stmt, ...]:
    """The statements inside a function or class that ``name`` needs, to run at the top level; parameters too."""
    arguments = [] if isinstance(scope, ast.ClassDef) else [*scope.args.posonlyargs, *scope.args.args]
    defaults = [] if isinstance(scope, ast.ClassDef) else scope.args.defaults
    given = [
        ast.fix_missing_locations(ast.copy_location(ast.Assign([ast.Name(argument.arg, ast.Store())], value), value))
        for argument, value in zip(arguments[len(arguments) - len(defaults) :], defaults, strict=True)
    ]
    return tuple(statements_for([*given, *scope.body], {name}))


def _inside(script: Script, statements: Sequence[ast.stmt]) -> OtherNet | None:
    """The network that a function of the script defines or makes, if only one does."""
    found: list[OtherNet] = []
    for scope in statements:
        if not isinstance(scope, ast.FunctionDef):
            continue
        inner = other_network(scope.body)
        made = network_object(scope.body)
        if inner is not None:
            problem, name = _class_problem(script, inner), inner.name
        elif made is not None:
            name = made[0]
            problem = _object_problem(script, name, "makes", made[1])
        else:
            continue
        found.append(OtherNet(problem, (name[:80],), name, _called_net(name), _lifted(scope, name)))
    return found[0] if len(found) == 1 else None


def _object_problem(script: Script, name: str, verb: str, line: int) -> Problem:
    advice = "import it as Net" if verb == "imports" else "write the network as a class called Net"
    message = f"{script.where(line)} {verb} {name[:80]}, but the script has no Net; {advice}."
    return script.problem("near-miss", message, line)


def _called_net(name: str) -> str:
    return f"{name[:80]} were called Net"
