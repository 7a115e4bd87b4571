"""Where class Net, or what it needs, loads stored values or holds constants that could be weights.

What only the main part of a script does, such as reading its own checkpoint back, is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from grader import scrutiny_words as words
from grader.scrutiny_names import Found, Names, Text, nodes_below
from grader.source import module_level, only_what_runs

LONG_TEXT = 500
"""Characters of a literal that could hold weights to be decoded."""
MOST_CONSTANTS = 20_000
"""Characters of literals in what a network needs; the lab's own weights written out take a quarter of a million."""
_MOST_SCOPED = 30_000
"""Nodes of a text whose local names are told from global ones."""
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_CHANGES = frozenset({"update", "append", "extend", "setdefault"})


def loading(texts: Sequence[Text]) -> Iterator[tuple[Text, Found]]:
    """Where class Net, or what it needs, loads stored values or holds very large constants."""
    characters, largest = 0, 0
    place: tuple[Text, int] | None = None
    decodes: list[tuple[Text, Found]] = []
    is_long = False
    for text, statement in needed(texts):
        for node in _executed(statement):
            if isinstance(node, ast.Constant) and id(node) not in text.prose:
                size = _size(node)
                characters += size
                is_long = is_long or size > LONG_TEXT
                if size > largest or place is None:
                    largest, place = size, (text, node.lineno)
            elif isinstance(node, ast.Call):
                word, is_decoding = _loaded(node, text.names)
                found = text, (node.lineno, f"loads stored values for Net with {word}")
                if is_decoding:
                    decodes.append(found)
                elif word:
                    yield found
    if is_long:
        yield from decodes
    if characters > MOST_CONSTANTS and place is not None:
        what = f"holds constants for Net, {characters // 1000} kB in all with those near it"
        yield place[0], (place[1], what)


def _size(node: ast.Constant) -> int:
    if isinstance(node.value, str | bytes):
        return len(node.value)
    is_one_line = node.end_lineno == node.lineno and node.end_col_offset is not None
    return (node.end_col_offset or 0) - node.col_offset if is_one_line else 1


def _loaded(node: ast.Call, names: Names) -> tuple[str, bool]:
    """The word for what a call loads; and whether it decodes, which matters only with something to decode."""
    name = names.dotted(node.func)
    attribute = str(getattr(node.func, "attr", name.rpartition(".")[2]))
    if attribute == "load_state_dict" and node.args:
        given = {getattr(one, "attr", "") for one in nodes_below(node.args[0], 50)}
        if "state_dict" in given:
            return "", False  # copies from one network to another
    if name in words.LOADERS or name.startswith("torch.hub.") or attribute in words.LOADING_METHODS:
        return name or attribute, False
    if name.startswith("torchvision.models.") and any(
        one.arg in {"pretrained", "weights"} and not (isinstance(one.value, ast.Constant) and not one.value.value)
        for one in node.keywords
    ):
        return name, False
    return (attribute, True) if attribute in words.DECODERS else ("", False)


def _executed(statement: ast.stmt) -> Iterator[ast.AST]:
    """The nodes of a statement, without what only a default argument that is false keeps from running."""
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(statement, frozenset())]
    while waiting:
        node, falsy = waiting.pop()
        yield node
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            falsy = _falsy_parameters(node)
        skipped = node.body if isinstance(node, ast.If) and _is_asked(node.test, falsy) else []
        waiting += [(one, falsy) for one in ast.iter_child_nodes(node) if one not in skipped]


def _falsy_parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> frozenset[str]:
    arguments = [*node.args.posonlyargs, *node.args.args]
    pairs = [
        *zip(reversed(arguments), reversed(node.args.defaults), strict=False),
        *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=False),
    ]
    return frozenset(one.arg for one, value in pairs if isinstance(value, ast.Constant) and not value.value)


def _is_asked(test: ast.expr, falsy: frozenset[str]) -> bool:
    """``if weights:`` or ``if weights is not None:``."""
    if isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.IsNot):
        test = test.left
    return isinstance(test, ast.Name) and test.id in falsy


def needed(texts: Sequence[Text]) -> list[tuple[Text, ast.stmt]]:
    """The module-level statements that bind Net, and those that bind what these need, in all texts together."""
    binders: dict[str, list[tuple[Text, ast.stmt]]] = {}
    renamed: dict[str, set[str]] = {}
    for text in texts:
        for statement in module_level(text.body):
            for name in _bound(statement):
                binders.setdefault(name, []).append((text, statement))
            if isinstance(statement, ast.ImportFrom):
                for one in statement.names:
                    renamed.setdefault(one.asname or one.name, set()).add(one.name)
    found: dict[int, tuple[Text, ast.stmt]] = {}
    waiting, seen = ["Net"], {"Net"}
    while waiting:
        name = waiting.pop()
        new = renamed.get(name, set()) - seen
        for text, statement in binders.get(name, ()):
            if id(statement) in found:
                continue
            pruned = only_what_runs(statement) if isinstance(statement, ast.ClassDef) else statement
            found[id(statement)] = text, pruned
            new |= _read(pruned, text) - seen
        seen |= new
        waiting += new
    return list(found.values())


def _bound(statement: ast.stmt) -> set[str]:
    """The names that a statement binds, or whose objects it changes."""
    if isinstance(statement, _DEFINITIONS):
        return {statement.name}
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        function = statement.value.func
        is_change = isinstance(function, ast.Attribute) and function.attr in _CHANGES
        targets = [function] if is_change else []
    found = set()
    for target in targets:
        for one in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
            while isinstance(one, ast.Attribute | ast.Subscript | ast.Starred):
                one = one.value
            if isinstance(one, ast.Name):
                found.add(one.id)
    return found


def _read(statement: ast.stmt, text: Text) -> set[str]:
    """The global names that a statement reads; ``Block`` of ``layers.Block`` too when ``layers`` is no library."""
    found: set[str] = set()
    is_scoped = len(text.nodes) <= _MOST_SCOPED
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(statement, frozenset())]
    while waiting:
        node, local = waiting.pop()
        if isinstance(node, _FUNCTIONS) and is_scoped:
            local |= _locals_of(node)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id not in local:
            found.add(node.id)
        elif isinstance(node, ast.Attribute):
            module = text.names.dotted(node.value).strip(".").partition(".")[0]
            found |= {node.attr} if module and module not in words.WITHOUT_LAYERS else set()
        waiting += [(one, local) for one in ast.iter_child_nodes(node)]
    return found


def _locals_of(node: ast.AST) -> frozenset[str]:
    found: set[str] = set()
    shared: set[str] = set()
    for one in ast.walk(node):
        if isinstance(one, ast.arg):
            found.add(one.arg)
        elif isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load):
            found.add(one.id)
        elif isinstance(one, ast.Global):
            shared |= set(one.names)
    return frozenset(found - shared)
