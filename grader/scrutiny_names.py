"""What the names and texts in a parsed file stand for, however they are spelt: aliases, ``getattr``, joined pieces.

Only reading: nothing is imported to find out. What reading cannot know stays empty; the words that matter are in
:mod:`grader.scrutiny_words`.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from grader.script import Script
from grader.scrutiny_words import HOLE, IMPORTERS, REACHING_NAMES

_BUILTINS = frozenset(dir(builtins))
_DEEPEST = 40
_LONGEST = 4000
"""Characters of a text that is worth putting together."""
_MOST_PIECES = 200
_FIELD = re.compile(r"%[-+ #0]*[\d.*]*[a-zA-Z]|\{[^{}]*\}")
_STRING_METHODS = frozenset({"lower", "upper", "strip", "casefold", "swapcase", "lstrip", "rstrip"})
_LOOKUPS = (".__dict__.get", "sys.modules.get", "sys.modules.pop", ".__getitem__")
_NAMING = (ast.Name, ast.Attribute, ast.Call, ast.Subscript)
_PATHS = frozenset({"Path", "PurePath", "PosixPath", "PurePosixPath"})


def nodes_below(tree: ast.AST, most: int) -> list[ast.AST]:
    """The nodes of a tree, outer ones first, without the numbers in literal lists; more than ``most`` when cut off."""
    found: list[ast.AST] = [tree]
    position = 0
    while position < len(found) <= most:
        node = found[position]
        position += 1
        for name in node._fields:
            value = getattr(node, name, None)
            if isinstance(value, list):
                is_literal = name == "elts" or isinstance(node, ast.Dict)
                found += [
                    one for one in value if isinstance(one, ast.AST) and not (is_literal and _is_plain_number(one))
                ]
            elif isinstance(value, ast.AST) and not isinstance(value, ast.expr_context | ast.operator | ast.unaryop):
                found.append(value)
    return found


def _is_plain_number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and not isinstance(node.value, str)


class Names:
    """The meanings of names in a text with the given nodes, scopes left aside."""

    def __init__(self, nodes: Sequence[ast.AST] = ()) -> None:
        self.defined: set[str] = set()
        """Names of the functions and classes written in the text."""
        self._aliases: dict[str, str] = {}
        self._constants: dict[str, str] = {}
        self._dotted: dict[ast.AST, str] = {}
        self._is_complete = False
        stores: Counter[str] = Counter()
        assigned: list[tuple[int, str, ast.expr]] = []
        for node in nodes:
            if isinstance(node, ast.Import | ast.ImportFrom):
                self._aliases.update(_imported(node))
            elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
                stores[node.id] += 1
            elif isinstance(node, ast.arg):
                stores[node.arg] += 2  # a parameter can be anything
            elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.defined.add(node.name)
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                assigned += [(node.lineno, one.id, node.value) for one in targets if isinstance(one, ast.Name)]
        self._bound = self.defined | stores.keys()
        for _, name, value in sorted(assigned, key=lambda one: one[0]):
            if stores[name] != 1 or name in self._aliases:
                continue
            text, dotted = self.text(value), self.dotted(value)
            if text is not None:
                self._constants[name] = text
            elif dotted:
                self._aliases[name] = dotted
        self._is_complete = True  # from here on, what an expression stands for changes no more

    def dotted(self, node: ast.AST, depth: int = 0) -> str:
        """The library name that an expression stands for (``torch.nn.functional.relu``); empty when it is none."""
        if depth > _DEEPEST or not isinstance(node, _NAMING):
            return ""
        known = self._dotted.get(node)
        if known is None:
            known = self._named(node, depth)
            if self._is_complete:
                self._dotted[node] = known
        return known

    def called(self, node: ast.Call) -> str:
        """The last part of the name of the function that is called, under whatever name the text knows it."""
        name = self.dotted(node.func).rpartition(".")[2]
        return name or str(getattr(node.func, "attr", getattr(node.func, "id", "")))

    def _named(self, node: ast.AST, depth: int) -> str:
        if isinstance(node, ast.Name):
            if node.id in self._aliases:
                return self._aliases[node.id]
            if node.id == "__builtins__":
                return "builtins"
            return f"builtins.{node.id}" if node.id in _BUILTINS and node.id not in self._bound else ""
        if isinstance(node, ast.Attribute):
            base = self.dotted(node.value, depth + 1)
            return f"{base}.{node.attr}" if base else ""
        if isinstance(node, ast.Call):
            return self._called(node, depth + 1)
        if isinstance(node, ast.Subscript):
            return self._item(self.dotted(node.value, depth + 1), self.text(node.slice, depth + 1))
        return ""

    def _called(self, node: ast.Call, depth: int) -> str:
        function = self.dotted(node.func, depth)
        first = node.args[0] if node.args else None
        if function in IMPORTERS and first is not None:
            return self.text(first, depth) or ""
        if function == "builtins.getattr" and len(node.args) > 1 and first is not None:
            base, name = self.dotted(first, depth), self.text(node.args[1], depth)
            return f"{base}.{name}" if base and name else ""
        if function == "builtins.vars" and first is not None:
            base = self.dotted(first, depth)
            return f"{base}.__dict__" if base else ""
        if function in {"builtins.globals", "builtins.locals", "builtins.vars"}:
            return function
        if first is not None and function.endswith(_LOOKUPS):
            return self._item(function.rpartition(".")[0], self.text(first, depth))
        return ""

    def _item(self, base: str, key: str | None) -> str:
        if not base or not key:
            return ""
        if base == "sys.modules":
            return key
        if base in {"builtins.globals", "builtins.locals", "builtins.vars"}:
            return self._aliases.get(key, "")
        if base == "builtins" or base.endswith(".__dict__"):
            return f"{base.removesuffix('.__dict__')}.{key}"
        return ""

    def text(self, node: ast.AST, depth: int = 0) -> str | None:
        """The text that an expression is, with a HOLE for each part that is unknown; None when it is no text."""
        if depth > _DEEPEST:
            return None
        found: str | None = None
        if isinstance(node, ast.Constant):
            return node.value if isinstance(node.value, str) else None
        if isinstance(node, ast.Name):
            return self._constants.get(node.id)
        if isinstance(node, ast.JoinedStr):
            found = "".join(self._pieces(node.values, depth))
        elif isinstance(node, ast.FormattedValue):
            found = self.text(node.value, depth + 1)
        elif isinstance(node, ast.BinOp):
            found = self._combined(node, depth + 1)
        elif isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Slice):
            whole = self.text(node.value, depth + 1)
            found = _cut(whole, node.slice) if whole is not None else None
        elif isinstance(node, ast.Call):
            found = self._made(node, depth + 1)
        return found[:_LONGEST] if found is not None else None

    def _pieces(self, nodes: Iterable[ast.AST], depth: int) -> list[str]:
        found = [self.text(one, depth + 1) for one in list(nodes)[:_MOST_PIECES]]
        return [HOLE if one is None else one for one in found]

    def _combined(self, node: ast.BinOp, depth: int) -> str | None:
        left = self.text(node.left, depth)
        if isinstance(node.op, ast.Add):
            right = self.text(node.right, depth)
            if left is None and right is None:
                return None
            return (HOLE if left is None else left) + (HOLE if right is None else right)
        if isinstance(node.op, ast.Mod) and left is not None:
            values = node.right.elts if isinstance(node.right, ast.Tuple) else [node.right]
            return _filled(left, self._pieces(values, depth))
        if isinstance(node.op, ast.Div) and left is not None:
            return f"{left}/{self.text(node.right, depth) or HOLE}"
        return None

    def _made(self, node: ast.Call, depth: int) -> str | None:
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in _PATHS and node.args:
            return "/".join(self._pieces(node.args, depth))
        if not isinstance(node.func, ast.Attribute):
            return None
        if name == "join" and self.dotted(node.func, depth) in {"os.path.join", "posixpath.join"}:
            return "/".join(self._pieces(node.args, depth))
        base = self.text(node.func.value, depth)
        if base is None or len(base) > _LONGEST:
            return None
        if name == "join" and node.args and isinstance(node.args[0], ast.List | ast.Tuple):
            return base.join(self._pieces(node.args[0].elts, depth))
        if name == "format":
            return _filled(base, self._pieces(node.args, depth))
        if name == "replace" and len(node.args) == 2:
            old, new = self._pieces(node.args, depth)
            return base.replace(old, new) if old and len(new) < 100 else None
        return str(getattr(base, name)()) if name in _STRING_METHODS and not node.args else None


@dataclass(frozen=True, eq=False)
class Text:
    """One file or notebook: its nodes, outer ones first, and what its names mean. A broken text has no nodes.

    ``is_whole`` is False when it is too large or too deep to be read to its end.
    """

    script: Script
    body: tuple[ast.stmt, ...] = ()
    nodes: tuple[ast.AST, ...] = ()
    names: Names = field(default_factory=Names)
    is_whole: bool = True

    @cached_property
    def meanings(self) -> list[tuple[ast.AST, str]]:
        """Each node, with the library name that it stands for."""
        return [(node, self.names.dotted(node)) for node in self.nodes]

    @cached_property
    def prose(self) -> frozenset[int]:
        """The ids of the strings that stand for themselves: docstrings and the like."""
        return frozenset(id(node.value) for node in self.nodes if isinstance(node, ast.Expr))


Found = tuple[int, str]
"""A line, and what was found there, as the rest of a sentence about it."""


def _imported(node: ast.Import | ast.ImportFrom) -> dict[str, str]:
    """The names that an import binds, and what they stand for."""
    if isinstance(node, ast.Import):
        tops = {one.name.partition(".")[0] for one in node.names if not one.asname}
        return {top: top for top in tops} | {one.asname: one.name for one in node.names if one.asname}
    module = "." * node.level + (node.module or "")
    if node.names[0].name == "*":
        return {name: f"{module}.{name}" for name in REACHING_NAMES.get(module, ())}
    return {one.asname or one.name: f"{module}.{one.name}" for one in node.names}


def _filled(text: str, values: list[str]) -> str:
    """``text`` with its ``%s`` or ``{}`` filled in turn, whatever their widths say."""
    waiting = iter(values)
    return _FIELD.sub(lambda _: next(waiting, HOLE), text[:_LONGEST])


def _cut(text: str, part: ast.Slice) -> str | None:
    bounds = [_whole_number(one) for one in (part.lower, part.upper, part.step)]
    return text[slice(*bounds)] if len(text) <= _LONGEST and bounds[2] != 0 else None


def _whole_number(node: ast.expr | None) -> int | None:
    sign = 1
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        sign, node = -1, node.operand
    return sign * node.value if isinstance(node, ast.Constant) and type(node.value) is int else None
