"""Whether a script may bind the name Net, and how, judged by its text."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from grader.source.definitions import Imported, imports
from grader.source.installed import is_installed
from grader.source.script import Script
from grader.source.slicing import Slice

_MAKES_NAMES = re.compile(r"\b(globals|locals|vars|exec|setattr)\s*\(")
_NAMES_NET = re.compile(r"['\"]Net['\"]|class\s+Net\b")


def may_bind_net(script: Script, part: Slice) -> bool:
    """Whether some statement may bind Net; ``part`` is the slice for Net."""
    if any(not _is_star(statement) or _is_own_star(statement) for statement in part.statements):
        return True  # the slice leads to a binding of Net, unless it consists of star imports only
    return bool(_MAKES_NAMES.search(script.text) and _NAMES_NET.search(script.text))


def _is_star(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def _is_own_star(node: ast.stmt) -> bool:
    """Whether the statement is ``from module import *`` for a module that is not an installed library."""
    if not isinstance(node, ast.ImportFrom) or node.names[0].name != "*":
        return False
    return node.level > 0 or not is_installed(Imported(node.module or "", node.lineno))


def net_of_module(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statement ``Net = model.Net``, if the script uses Net under that name only; otherwise an empty list."""
    known = imports(statements)
    for statement in statements:
        for node in ast.walk(statement):
            if not (isinstance(node, ast.Attribute) and node.attr == "Net" and isinstance(node.value, ast.Name)):
                continue
            source = known.get(node.value.id)
            if source is not None and not is_installed(source):
                made = ast.Assign([ast.Name("Net", ast.Store())], node)
                return [ast.fix_missing_locations(ast.copy_location(made, node))]
    return []
