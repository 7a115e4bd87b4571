"""Read a submitted script or notebook as text, in which every line can be traced to the student's file and cell.

:mod:`grader.source.definitions` parses the text.
"""

from __future__ import annotations

import ast
import bisect
import re
from dataclasses import dataclass
from pathlib import Path

from grader.model.evidence import Problem, Remark
from grader.source.bindings import names_of
from grader.source.decoding import cookie, first_that_fits, marked, utf16_by_nuls, with_newlines
from grader.source.notebooks import is_notebook, read_notebook
from grader.source.parsing import check, parsed

LARGEST_SCRIPT = 2_000_000
"""Bytes. A script for this lab has about ten thousand."""
LARGEST_NOTEBOOK = 100_000_000
"""Bytes. Notebooks contain their plots."""
LONGEST_CODE = 200
"""Characters of a source line that are quoted in a problem."""
NUL_SHARE = 0.05
"""If a larger share of a script's bytes are NUL, it is UTF-16. A damaged file has single NUL bytes, a problem."""

_DOCUMENTS = ((b"{\\rtf", "an RTF document"), (b"PK\x03\x04", "a zip or Word file"), (b"%PDF", "a PDF"))
_OTHER_LANGUAGES = frozenset(
    {"bash", "sh", "script", "cmd", "html", "javascript", "js", "latex", "markdown", "svg", "perl", "ruby", "sql", "R"}
    | {"python", "python2", "python3", "pypy"}  # these run in another process, so they define nothing
)
_LINE_MAGIC = re.compile(r"\s*(?:[%!?]|[\w.\[\]'\"][\w.\[\]'\", ]*\?{1,2}\s*$)")
_ASSIGNED_MAGIC = re.compile(r"(\s*[\w.,\[\]][\w.,\[\] ]*=\s*)[%!]")
_PLAIN_MAGIC = re.compile(r"\s*[%!]")
_MOST_TRIES = 50
"""Times that a cell is parsed to find its notebook commands one by one."""
_MOST_PARSED = 2_000_000
"""Characters that are parsed for that, all times together."""
_LONGEST_CELL = 20_000
"""Characters of a cell that is compiled; there may be many such cells."""
_MOST_NAMED = 20
"""Cells named in a remark."""
_SURROGATES = re.compile("[\ud800-\udfff]")
_IMPORTS_NET = re.compile(r"\bimport\b(?:(?!\bimport\b).)*\bNet\b")
_DEFINES_CLASS = re.compile(r"^[^\S\n]*class\s+\w+", re.MULTILINE)
_BINDS = re.compile(r"^(?:from\s.*\bimport\b.*|import\s.*|(?:def|class)\s+\w+|[\w, ]+(?==[^=]))", re.MULTILINE)
_DEFINES_NET = re.compile(r"^[^\S\n]*(?:class\s+Net\b|def\s+Net\b|Net\s*=)", re.MULTILINE)


class SourceProblem(Exception):
    """The student's text cannot be used; ``problem`` says why."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True)
class Script:
    r"""A script; ``text`` has ``\n`` line ends. ``cells`` are (code cell number, first line), empty without a notebook.

    ``modules`` are the files that a notebook writes with ``%%writefile``, by name.
    """

    path: str
    text: str
    cells: tuple[tuple[int, int], ...] = ()
    modules: tuple[tuple[str, Script], ...] = ()
    remarks: tuple[Remark, ...] = ()

    def place(self, line: int) -> tuple[int, int]:
        """The code cell of a line (0 in a plain script), and the line's number within it."""
        index = bisect.bisect_right([first for _, first in self.cells], line) - 1
        if index < 0:
            return 0, line
        number, first = self.cells[index]
        return number, line - first + 1

    def code(self, line: int) -> str:
        """The source line without surrounding spaces; empty if there is none."""
        lines = self.text.split("\n")
        return lines[line - 1].strip()[:LONGEST_CODE] if 0 < line <= len(lines) else ""

    def where(self, line: int) -> str:
        """``Line 3`` or ``Line 3 of code cell 2``."""
        cell, number = self.place(line)
        return f"Line {number} of code cell {cell}" if cell else f"Line {number}"

    def problem(self, kind: str, message: str, line: int = 0, *, exception: str = "") -> Problem:
        """A problem at ``line`` of the text, with the student's cell and line numbers."""
        cell, number = self.place(line) if line else (0, 0)
        return Problem(kind, message, exception, self.path, number, cell, self.code(line))


def read_script(root: Path, path: str) -> Script:
    """Read ``root / path``. Raises :class:`SourceProblem`: encoding, null-bytes, notebook or too-large."""
    file = root / path
    with file.open("rb") as stream:
        data = stream.read(LARGEST_NOTEBOOK + 1)
    is_book = is_notebook(file, data)
    if len(data) > (LARGEST_NOTEBOOK if is_book else LARGEST_SCRIPT):
        raise SourceProblem(Problem("too-large", f"{path} is too large to be this lab's script.", file=path))
    text, remarks = decode(data, path)
    if is_book:
        return _notebook_script(text, path, remarks)
    return Script(path, text, remarks=remarks)


def decode(data: bytes, path: str) -> tuple[str, tuple[Remark, ...]]:
    r"""Text with ``\n`` line ends: by byte order mark, coding cookie (PEP 263), UTF-8, cp1252, latin-1."""
    for start, what in _DOCUMENTS:
        if data.startswith(start):
            message = f"{path} is {what}, not plain text; save it as a plain Python file."
            raise SourceProblem(Problem("encoding", message, file=path))
    declared = marked(data) or cookie(data) or utf16_by_nuls(data, NUL_SHARE)
    text, used = first_that_fits(data, [*filter(None, [declared]), "utf-8", "cp1252", "latin-1"])
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        message = f"Line {line} of {path} contains NUL bytes, so Python cannot read the file; it may be damaged."
        raise SourceProblem(Problem("null-bytes", message, file=path, line=line))
    text = with_newlines(text)
    if used == (declared or "utf-8") and not used.startswith(("utf-16", "utf-32")):
        return text, ()
    return text, (Remark(f"decoded-{used}", f"{path} is not UTF-8 text; it was read as {used}."),)


def futures_first(tree: ast.Module) -> ast.Module:
    """The code of a notebook, in which Jupyter accepts ``from __future__`` imports anywhere."""
    return ast.Module(sorted(tree.body, key=lambda node: getattr(node, "module", "") != "__future__"), [])


def is_python(text: str) -> bool:
    """Whether the text compiles as a cell of a notebook."""
    try:
        check(futures_first(parsed(text)), text, ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, longest=_LONGEST_CELL)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


@dataclass(frozen=True)
class _Cell:
    number: int
    text: str
    writes: str = ""


def _notebook_script(text: str, path: str, remarks: tuple[Remark, ...]) -> Script:
    cells = [_Cell(number, source) for number, source in enumerate(_code_cells(text, path), 1)]
    stripped = [_without_magics(cell) for cell in cells]
    code = [cell for cell in stripped if not cell.writes]
    written = [cell for cell in stripped if cell.writes]
    found = [*remarks]
    if any(before.text != after.text for before, after in zip(cells, stripped, strict=True)):
        found.append(Remark("magic-stripped", "Notebook commands (lines with % or !) were left out."))
    if not any(_DEFINES_NET.search(cell.text) or _IMPORTS_NET.search(cell.text) for cell in code):
        code = [cell for cell in stripped if not cell.writes or _DEFINES_NET.search(cell.text)]
    valid = {cell.number for cell in code if is_python(cell.text)}
    defining = {cell.number for cell in code if _DEFINES_NET.search(cell.text)}
    defining = defining or {cell.number for cell in code if _DEFINES_CLASS.search(cell.text)}
    kept = valid if valid & defining else valid | defining
    kept |= {cell.number for cell in code if cell.number not in kept and _binds(cell.text) & _reads(code, defining)}
    usable = [cell for cell in code if cell.number in kept]
    if len(usable) < len(code):
        numbers = [str(cell.number) for cell in code if cell.number not in kept]
        shown = ", ".join(numbers[:_MOST_NAMED]) + (", ..." if len(numbers) > _MOST_NAMED else "")
        found.append(Remark("cell-skipped", f"Code cells that are not valid Python were left out: {shown}."))
    starts, lines = [], 1
    for cell in usable:
        starts.append((cell.number, lines))
        lines += cell.text.count("\n") + 1
    modules = tuple((cell.writes, Script(path, cell.text, ((cell.number, 1),))) for cell in written)
    return Script(path, "\n".join(cell.text for cell in usable), tuple(starts), modules, tuple(found))


def _binds(text: str) -> set[str]:
    """Names that the lines of a cell without indentation import, define or assign."""
    return {name for match in _BINDS.finditer(text) for name in re.findall(r"\w+", match[0])}


def _reads(cells: list[_Cell], numbers: set[int]) -> set[str]:
    """The global names that the cells with these numbers use, as far as they are Python."""
    trees = [parsed(cell.text) for cell in cells if cell.number in numbers and is_python(cell.text)]
    return {name for tree in trees for node in tree.body for name in names_of(node)[1]}


def _code_cells(text: str, path: str) -> list[str]:
    """The text of each code cell of a notebook."""
    try:
        notebook = read_notebook(text)
        if not notebook.is_whole:
            raise ValueError("not a notebook of a known format")
    except (ValueError, RecursionError) as error:
        message = f"{path} is not a notebook that can be read; save it again from Jupyter and check that it opens."
        raise SourceProblem(Problem("notebook", message, type(error).__name__, path)) from error
    found = [_SURROGATES.sub("\ufffd", with_newlines(cell.source)) for cell in notebook.cells if cell.kind == "code"]
    if sum(map(len, found)) > LARGEST_SCRIPT:
        message = f"The code in {path} is too large to be this lab's script."
        raise SourceProblem(Problem("too-large", message, file=path))
    for number, code in enumerate(found, 1):
        if "\0" in code:
            message = f"Code cell {number} of {path} contains NUL bytes, so Python cannot read it; it may be damaged."
            raise SourceProblem(Problem("null-bytes", message, file=path, cell=number))
    return found


def _without_magics(cell: _Cell) -> _Cell:
    """The cell without notebook commands. Each is replaced by one line, so that line numbers stay the same."""
    lines = cell.text.split("\n")
    first = next((index for index, line in enumerate(lines) if line.strip()), 0)
    writes = ""
    if lines[first].lstrip().startswith("%%"):
        name, _, rest = lines[first].lstrip()[2:].partition(" ")
        name = name.strip()
        words = [word.strip("'\"") for word in rest.split() if not word.startswith("-")]
        if name in {"writefile", "file"} and words and words[0].endswith(".py"):
            writes = words[0]
        elif name in _OTHER_LANGUAGES or name in {"writefile", "file"}:
            return _Cell(cell.number, "")
        lines[first] = ""
    for _ in range(min(_MOST_TRIES, 1 + _MOST_PARSED // (len(cell.text) + 1))):
        line = _magic_line("\n".join(lines), lines)
        if line < 0:
            break
        _blank(lines, line)
    else:  # mostly commands: remove all that look like one without parsing, because each try parses the whole cell
        for line in range(len(lines)):
            if _PLAIN_MAGIC.match(lines[line]):
                _blank(lines, line)
    return _Cell(cell.number, "\n".join(lines), writes)


def _magic_line(text: str, lines: list[str]) -> int:
    """Index of the line with the syntax error, if it is a notebook command; otherwise -1."""
    try:
        parsed(text)
    except SyntaxError as error:
        line = (error.lineno or 0) - 1
        is_magic = 0 <= line < len(lines) and (_LINE_MAGIC.match(lines[line]) or _ASSIGNED_MAGIC.match(lines[line]))
        return line if is_magic else -1
    except (ValueError, RecursionError, MemoryError):
        return -1
    return -1


def _blank(lines: list[str], line: int) -> None:
    continues = lines[line].rstrip().endswith("\\")
    assigned = _ASSIGNED_MAGIC.match(lines[line])
    indent = lines[line][: len(lines[line]) - len(lines[line].lstrip())]
    lines[line] = f"{assigned.group(1)}[]" if assigned else f"{indent}pass" if indent else ""
    while continues and line + 1 < len(lines):
        line += 1
        continues = lines[line].rstrip().endswith("\\")
        lines[line] = ""
