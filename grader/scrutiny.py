"""Reading a submission's text in the parent, without running it: which kinds of operation it has words for, and what a
tutor should know of before relying on what the worker observed.

What is noticed is in :mod:`grader.scrutiny_notices`, the words in :mod:`grader.scrutiny_words`. What a submission does
when it runs (network, other programs) is noticed by the worker.
"""

from __future__ import annotations

import ast
import json
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from grader import scrutiny_words as words
from grader.evidence import Notice, Reading
from grader.script import Script, SourceProblem, read_script
from grader.scrutiny_names import Found, Names, Text, nodes_below
from grader.scrutiny_notices import patching, reaching
from grader.scrutiny_weights import loading, needed
from grader.text import visible

MOST_TEXT = 120_000
"""Characters that are read of one submission, some 0.3 s worth; a script of this lab has 10 000."""
MOST_NODES = 50_000
"""Of all texts together. Code of ordinary density has 35 000 in MOST_TEXT characters."""
MOST_HELPERS = 40
MOST_COMMANDS = 500_000
"""Lines of a notebook's cell that are commands, times its characters: each may cost a parsing of the cell."""
MOST_OF_ONE_ID = 2
"""Notices with the same id; more would tell a tutor nothing new."""
_LONGEST_CODE = 4_000
"""Characters of a text given to ``exec`` that are read as code."""
_BROKEN_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+([.\w]+)", re.MULTILINE)
_TEST_FILE = re.compile(r"(?:conftest|test_.*|.*_test)\.py", re.IGNORECASE)
_COPY = re.compile(r"[ _]*\(\d+\)$")
_LMS_PREFIX = "_assignsubmission_file_"
_RUNS_TEXT = frozenset({"builtins.exec", "builtins.eval", "builtins.compile"})


def scrutinise(root: Path, script: str, files: Sequence[str]) -> Reading:
    """Read ``root / script`` and those of ``files`` (paths below ``root``) that it could import.

    Nothing in them makes this raise, or take much more than a third of a second. All kinds are in the reading when the
    text cannot tell what the network is made of; none when the script itself cannot be read.
    """
    own = frozenset(
        part for file in files if file.endswith(".py") for part in PurePosixPath(file).with_suffix("").parts
    )
    texts = _texts(root, script, files)
    told: list[Notice] = []
    is_whole = all(text.is_whole for text in texts)
    lines = _needed_lines(texts)
    for id, can_be_grave, finder in _FINDERS:
        found: list[tuple[Text, Found]] = []
        try:
            found.extend(finder(texts, own))
        except (RecursionError, MemoryError):  # protects the parent from a text that was made to be too much
            is_whole = False
        told += _notices(id, can_be_grave, found, lines)
    if not is_whole:
        told.append(_unread(texts))
    if not is_whole or any(one.id == "loads-weights" for one in told) or any(_hides_words(text, own) for text in texts):
        return Reading(tuple(told), words.KINDS)
    return Reading(tuple(told), _kinds(texts))


# ---- which texts -----------------------------------------------------------------------------------------------------


def _texts(root: Path, script: str, files: Sequence[str]) -> list[Text]:
    """The script first, then its helpers in the order in which they are asked for."""
    main = _read(root, script)
    if main is None:
        return []
    texts = [main]
    nodes = len(main.nodes)
    helpers = [
        file for file in files if file.endswith(".py") and file != script and ".." not in PurePosixPath(file).parts
    ]
    written = {name: module for name, module in main.script.modules if name.endswith(".py")}
    candidates = [*written, *(one for one in helpers if one not in written)]
    taken: set[str] = set()
    size, position = len(main.script.text), 0
    while position < len(texts):
        asked, is_dynamic = _asked(texts[position])
        position += 1
        for file in candidates:
            if file in taken or not (
                _is_asked(file, asked) or (is_dynamic and not _TEST_FILE.fullmatch(Path(file).name))
            ):
                continue
            taken.add(file)
            if size > MOST_TEXT or nodes > MOST_NODES or len(texts) > MOST_HELPERS:
                return [*texts, Text(Script(file, ""), is_whole=False)]
            left = MOST_NODES - nodes
            helper = _parsed(written[file], left) if file in written else _read(root, file, left)
            if helper is not None:
                size, nodes = size + len(helper.script.text), nodes + len(helper.nodes)
                texts.append(helper)
    return texts


def _read(root: Path, file: str, most: int = MOST_NODES) -> Text | None:
    """The text, with ``most`` nodes read; None when it cannot be read, for then the worker cannot read it either."""
    try:
        path = root / file
        if not path.is_file():
            return None
        if path.suffix.lower() == ".ipynb" and not _is_quick(path):
            return Text(Script(file, ""), is_whole=False)
        return _parsed(read_script(root, file), most)
    except (SourceProblem, OSError, ValueError, TypeError, AttributeError, RecursionError, MemoryError):
        return None


def _is_quick(path: Path) -> bool:
    """Whether the code in a notebook is short enough, and has few enough commands for its length, to be read here."""
    document = json.loads(path.read_bytes())
    sheets = [document, *document.get("worksheets", [])] if isinstance(document, dict) else []
    cells = [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    size, cost = 0, 0
    for cell in cells:
        source = cell.get("source", cell.get("input", "")) if isinstance(cell, dict) else ""
        code = "".join(map(str, source)) if isinstance(source, list) else str(source)
        if isinstance(cell, dict) and cell.get("cell_type") == "code":
            size += len(code)
            cost += len(code) * sum(_is_command(line) for line in code.split("\n"))
    return size <= MOST_TEXT and cost <= MOST_COMMANDS


def _is_command(line: str) -> bool:
    assigned = line.partition("=")[2].lstrip()
    return line.lstrip().startswith(("%", "!", "?")) or line.rstrip().endswith("?") or assigned.startswith(("%", "!"))


def _parsed(script: Script, most: int) -> Text:
    if len(script.text) > MOST_TEXT:
        return Text(script, is_whole=False)
    try:
        tree = _tree(script.text)
        if tree is None:
            return Text(script)
        nodes = nodes_below(tree, most)
        is_whole = len(nodes) <= most
        names = Names(nodes)
        inner = _code_in_text(nodes, names)
        if inner:
            nodes += inner
            names = Names(nodes)
        return Text(script, tuple(tree.body), tuple(nodes), names, is_whole)
    except (RecursionError, MemoryError, ValueError):
        return Text(script, is_whole=False)


def _tree(code: str) -> ast.Module | None:
    """The parsed code; None when it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(code)
        except SyntaxError:
            return None


def _code_in_text(nodes: Sequence[ast.AST], names: Names) -> list[ast.AST]:
    """The nodes of code that is given as text to ``exec`` and the like, on the line of that call."""
    found: list[ast.AST] = []
    for node in nodes:
        if not (isinstance(node, ast.Call) and node.args and names.dotted(node.func) in _RUNS_TEXT):
            continue
        code = names.text(node.args[0])
        tree = _tree(code) if code is not None and len(code) < _LONGEST_CODE and len(found) < MOST_NODES else None
        for inner in nodes_below(tree, MOST_NODES) if tree is not None else ():
            if hasattr(inner, "lineno"):
                inner.lineno = node.lineno
            found.append(inner)
    return found


def _asked(text: Text) -> tuple[frozenset[str], bool]:
    """The parts of the names of all modules that a text imports and that are no standard library's; whether it imports
    some by a name that reading cannot know.
    """
    modules: set[str] = set() if text.nodes else set(_BROKEN_IMPORT.findall(text.script.text))
    is_dynamic = False
    for node in text.nodes:
        if isinstance(node, ast.Import):
            modules |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules |= {f"{'.' * node.level}{node.module or ''}.{one.name}" for one in node.names}
        elif isinstance(node, ast.Call) and node.args and text.names.dotted(node.func) in words.IMPORTERS:
            name = text.names.text(node.args[0])
            is_dynamic = is_dynamic or name is None or words.HOLE in name
            modules.add(name or "")
    own = [module for module in modules if module.partition(".")[0] not in words.LIBRARIES]
    return frozenset(part.casefold() for module in own for part in module.split(".") if part), is_dynamic


def _is_asked(file: str, asked: frozenset[str]) -> bool:
    path = PurePosixPath(file)
    if path.name == "__init__.py":
        return path.parent.name.casefold() in asked
    stem = re.sub(r"[\s\-]+", "_", _COPY.sub("", path.stem)).casefold()
    return bool({stem, stem.rpartition(_LMS_PREFIX)[2]} & asked)


# ---- what they say ---------------------------------------------------------------------------------------------------


def _reaching(texts: Sequence[Text], own: frozenset[str]) -> Iterator[tuple[Text, Found]]:
    return ((text, one) for text in texts for one in sorted(reaching(text, own)))


def _patching(texts: Sequence[Text], own: frozenset[str]) -> Iterator[tuple[Text, Found]]:
    return ((text, one) for text in texts for one in sorted(patching(text, own)))


def _loading(texts: Sequence[Text], own: frozenset[str]) -> Iterator[tuple[Text, Found]]:
    return loading(texts)


_FINDERS = (("reaches-in", True, _reaching), ("patches-library", False, _patching), ("loads-weights", False, _loading))
"""Id, whether it is grave where Net needs that code, and what finds it."""


def _notices(id: str, can_be_grave: bool, found: Iterable[tuple[Text, Found]], lines: _Lines) -> list[Notice]:
    """A notice for each line, grave ones first, the first few only."""
    told: dict[tuple[str, int], Notice] = {}
    for text, (line, what) in found:
        where = f"{text.script.where(line)} of {visible(text.script.path)[:80]}"
        is_grave = can_be_grave and any(first <= line <= last for first, last in lines.get(text.script.path, ()))
        told.setdefault((text.script.path, line), Notice(id, f"{where} {what[:120]}.", is_grave))
    return sorted(told.values(), key=lambda notice: not notice.is_grave)[:MOST_OF_ONE_ID]


_Lines = dict[str, list[tuple[int, int]]]
"""By file: the first and last lines of the statements that Net needs; the rest of a script is not run."""


def _needed_lines(texts: Sequence[Text]) -> _Lines:
    lines: _Lines = {text.script.path: [(0, sys.maxsize)] for text in texts[1:]}  # modules are run as a whole
    for text, statement in needed(texts):
        lines.setdefault(text.script.path, []).append((statement.lineno, statement.end_lineno or statement.lineno))
    return lines


def _unread(texts: Sequence[Text]) -> Notice:
    path = next((text.script.path for text in texts if not text.is_whole), texts[0].script.path)
    what = "is far longer or deeper than a network takes and was not read to its end"
    return Notice("not-read", f"{visible(path)[:80]} {what}.")


def _kinds(texts: Sequence[Text]) -> tuple[str, ...]:
    found = words.kinds_of({word for text in texts for word in _words(text)})
    return tuple(kind for kind in words.KINDS if kind in found)


def _hides_words(text: Text, own: frozenset[str]) -> bool:
    """Whether operations could be made that the text, as far as it was read, has no word for."""
    if not text.is_whole:
        return True
    modules = {part.casefold() for part in own}
    for node, name in text.meanings:
        if name in words.HIDES_WORDS or name.startswith(words.LAYERS_BY_NAME):
            return True
        if isinstance(node, ast.Attribute) and node.attr in words.HIDING_ATTRIBUTES:
            return True
        if isinstance(node, ast.Import) and not all(_is_known(one.name, modules) for one in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and not node.level and not _is_known(node.module or "", modules):
            return True
        if isinstance(node, ast.Call) and text.names.called(node) in words.BY_NAME:
            named = node.args[1:2] if _takes_name_second(text, node) else node.args[:1]
            given = [text.names.text(one) for one in named]
            if any(one is None or words.HOLE in one for one in given):
                return True
    return False


def _takes_name_second(text: Text, node: ast.Call) -> bool:
    """Whether the call is one of ``getattr(thing, name)`` and its like, whose second argument is the name."""
    return text.names.dotted(node.func) in {
        "builtins.getattr",
        "builtins.setattr",
        "builtins.hasattr",
        "builtins.delattr",
    }


def _is_known(module: str, own: set[str]) -> bool:
    """Whether a module is a library without layers, or the submission's own and so read with the rest."""
    package = module.partition(".")[0]
    return package in words.WITHOUT_LAYERS or package.casefold() in own


def _words(text: Text) -> Iterator[str]:
    """Every name in a text, every word in its strings but for docstrings, and a word for each telling bit of syntax."""
    if not text.nodes:
        yield from words.WORD.findall(text.script.text)
        yield from (word for symbol, word in words.SYMBOLS if symbol in text.script.text)
        return
    tested = {id(node.test) for node in text.nodes if isinstance(node, ast.If | ast.While | ast.Assert)}
    for node in text.nodes:
        for name in ("id", "attr", "arg", "name", "asname", "module"):
            value = getattr(node, name, None)
            if isinstance(value, str):
                yield value
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in text.prose:
            yield from words.WORD.findall(node.value[:_LONGEST_CODE])
        elif isinstance(node, ast.Call) and text.names.called(node) in words.BY_NAME:
            yield from (text.names.text(one) or "" for one in node.args[:3])
        elif isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.MatMult | ast.Pow):
            yield "matmult" if isinstance(node.op, ast.MatMult) else "raised"
        elif isinstance(node, ast.Compare) and id(node) not in tested:
            yield from ("compared" for one in node.ops if isinstance(one, ast.Lt | ast.LtE | ast.Gt | ast.GtE))
        elif isinstance(node, ast.Slice):
            yield "sliced"
