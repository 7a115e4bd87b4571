"""Where a parsed text reaches for what observes it, and where it patches a library.

Only what no script of this lab has a use for is told; recipes that everybody copies (the file that a frame lies in, the
memory that a process takes, settings of libraries, stand-ins for what a version lacks) pass.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from grader import scrutiny_words as words
from grader.scrutiny_names import Found, Names, Text, nodes_below

_OURS = frozenset(path.stem for path in Path(__file__).parent.iterdir())


# ---- reaching for the observer ---------------------------------------------------------------------------------------


def reaching(text: Text, own: frozenset[str]) -> Iterator[Found]:
    """Where code reaches the process that observes it; ``own`` are the names of the submission's modules."""
    excused: set[int] = set()
    walks_modules = any(name.startswith("sys.modules.") for _, name in text.meanings)
    has_ctypes = any(name.startswith("ctypes") for _, name in text.meanings)
    for node, name in text.meanings:
        excused |= _asked_for_facts(node, name, text.names)
        word = "" if id(node) in excused else _reached(node, name, text.names)
        if not word and isinstance(node, ast.Attribute) and has_ctypes and node.attr in words.C_MEMORY:
            word = node.attr
        if not word:
            word = next((one for one in _grader_names(node, name, text, walks_modules) if _is_ours(one, own)), "")
        if word:
            yield getattr(node, "lineno", 0), f"uses {word}, by which code can reach what observes it"


def _reached(node: ast.AST, name: str, names: Names) -> str:
    """The grave word that a node is, ends in or names."""
    if name in words.REACHING:
        return name
    if isinstance(node, ast.Name):
        is_grave = name.rpartition(".")[2] in words.REACHING_ATTRIBUTES or node.id in words.OPENS_MEMORY
        return (name or node.id) if is_grave else ""
    if isinstance(node, ast.Attribute):
        if node.attr == "__code__" and not isinstance(node.ctx, ast.Load):
            return "an assignment to __code__"
        owner = node.value.id if isinstance(node.value, ast.Name) else ""
        is_own = owner == "self" and node.attr not in words.OPENS_MEMORY
        is_own = is_own or (node.attr == "__subclasses__" and owner in names.defined)
        return node.attr if node.attr in words.REACHING_ATTRIBUTES and not is_own else ""
    if isinstance(node, ast.Subscript):
        base = names.dotted(node.value)
        is_namespace = base.endswith("__dict__") or getattr(node.value, "attr", "") == "__dict__"
        key = names.text(node.slice) if is_namespace else None
        return key if key in words.REACHING_ATTRIBUTES and key else ""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _process_file(names.text(node))
    return _named_in(node, names) if isinstance(node, ast.Call) else ""


def _named_in(node: ast.Call, names: Names) -> str:
    """The grave name, or the file of a process, that a call is given as text."""
    called = names.called(node)
    if called in words.SHOWING:
        return ""
    given = [names.text(one) for one in (*node.args[:8], *(one.value for one in node.keywords[:8]))]
    if called in words.BY_NAME:
        if called in {"setattr", "__setattr__"} and "__code__" in given:
            return "an assignment to __code__"
        return next((one for one in given if one in words.REACHING_ATTRIBUTES), None) or ""
    return next(filter(None, map(_process_file, given)), "")


def _process_file(path: str | None) -> str:
    found = words.PROCESS_FILE.match(path) if path is not None else None
    if path is None or found is None or found[1] in words.HARMLESS_FILES:
        return ""
    return path.replace(words.HOLE, "...")[:60]


def _asked_for_facts(node: ast.AST, name: str, names: Names) -> set[int]:
    """The ids of nodes within this one that fetch a frame only to say where the script is."""
    if isinstance(node, ast.Attribute) and node.attr in words.FRAME_FACTS:
        return _frame_below(node.value)
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and node.slice.value in (1, 2, 3):
        return _frame_below(node.value) if isinstance(node.value, ast.Subscript) else set()  # inspect.stack()[0][3]
    if isinstance(node, ast.Call) and node.args and names.dotted(node.func) in words.FRAME_READERS:
        return _frame_below(node.args[0])
    return set()


def _frame_below(node: ast.AST) -> set[int]:
    found: set[int] = set()
    for _ in range(8):
        if isinstance(node, ast.Attribute) and node.attr in words.FRAME_STEPS:
            found.add(id(node))
            node = node.value
        elif isinstance(node, ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            return {*found, id(node), id(node.func)}
    return found


def _grader_names(node: ast.AST, name: str, text: Text, walks_modules: bool) -> Iterator[str]:
    """Names of modules that an import, a look into ``sys.modules`` or a dotted name asks for."""
    if isinstance(node, ast.Import):
        yield from (one.name for one in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0:
        yield from (f"{node.module}.{one.name}" for one in node.names)
    elif isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        if walks_modules or any(text.names.dotted(side) == "sys.modules" for side in sides):
            yield from (text.names.text(side) or "" for side in sides)
    elif isinstance(node, ast.Call) and node.args:
        called = text.names.called(node)
        if called in {"find_spec", "run_module", "import_module"} or (walks_modules and called == "startswith"):
            yield text.names.text(node.args[0]) or ""
    yield name


def _is_ours(name: str, own: frozenset[str]) -> bool:
    """Whether a dotted name is the grader's; a submission may have a module of that name, but not all within it."""
    package, _, rest = name.partition(".")
    if package != words.GRADER:
        return False
    return words.GRADER not in own or (rest.partition(".")[0] in _OURS - own)


# ---- patching a library ----------------------------------------------------------------------------------------------


def patching(text: Text, own: frozenset[str]) -> Iterator[Found]:
    """Where a function or class of a library is replaced; ``own`` are the names of the submission's modules."""
    stand_ins = _stand_ins(text.nodes)
    for node in text.nodes:
        if id(node) in stand_ins:
            continue
        for name, value in _replaced(node, text.names):
            if _is_patch(name, own) and not _is_setting(value, text.names):
                yield getattr(node, "lineno", 0), f"replaces {name}, which belongs to a library"


def _replaced(node: ast.AST, names: Names) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            pairs = [(target, node.value)]
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                pairs = list(zip(target.elts, node.value.elts, strict=False))
            for one, value in pairs:
                is_item = isinstance(one, ast.Subscript) and names.dotted(one.value).endswith("__dict__")
                if isinstance(one, ast.Attribute) or is_item:
                    yield names.dotted(one), value
    elif isinstance(node, ast.Call) and len(node.args) == 3:
        base, attribute = names.dotted(node.args[0]), names.text(node.args[1])
        if base and attribute and names.dotted(node.func) in {"builtins.setattr", "builtins.type.__setattr__"}:
            yield f"{base}.{attribute}", node.args[2]


def _is_patch(name: str, own: frozenset[str]) -> bool:
    package, _, rest = name.partition(".")
    attribute = name.rpartition(".")[2]
    if not rest or package not in words.LIBRARIES or package in own:
        return False
    if attribute in words.SETTING_ATTRIBUTES or attribute.isupper():
        return False
    if any(name == setting or name.startswith(f"{setting}.") for setting in words.SETTINGS):
        return False
    if package not in sys.stdlib_module_names or package not in sys.modules:
        return True
    thing: object = sys.modules[package]  # the standard library's own, loaded already
    for part in rest.split("."):
        thing = getattr(thing, part, None)
    return callable(thing)


def _is_setting(value: ast.expr, names: Names) -> bool:
    """Whether a value is plain data, not a function or a class."""
    if isinstance(value, ast.Name):
        return names.text(value) is not None
    return not isinstance(value, ast.Attribute | ast.Call | ast.Lambda | ast.IfExp | ast.NamedExpr)


def _stand_ins(nodes: Iterable[ast.AST]) -> set[int]:
    """The ids of statements that make up for what a version of a library lacks."""
    found: set[int] = set()
    for node in nodes:
        is_for_missing = False
        if isinstance(node, ast.ExceptHandler) and node.type is not None:
            caught = {getattr(one, "id", getattr(one, "attr", "")) for one in nodes_below(node.type, 20)}
            is_for_missing = bool(caught & words.MISSING_THINGS)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.UnaryOp):
            asked = node.test.operand
            is_for_missing = isinstance(asked, ast.Call) and getattr(asked.func, "id", "") == "hasattr"
        if is_for_missing and isinstance(node, ast.ExceptHandler | ast.If):
            found.update(id(one) for one in node.body)
    return found
