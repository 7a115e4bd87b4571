"""Parse a script that has syntax errors: without the lines that Python cannot read, or with single lines rewritten.

:mod:`grader.source.block_reader` reads the text; here is what it means for the student.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace

from grader.model.evidence import Problem, Repair
from grader.source.block_reader import BlockReader
from grader.source.definitions import is_bound, parse, too_complex
from grader.source.python_versions import RUNNING
from grader.source.script import Script, SourceProblem
from grader.source.syntax_errors import newer_python

_BINDS = re.compile(
    r"^([ \t]*+)(?:(?:(?:async\s+)?def|(class))\s+(?=(\w+))|(?=([\w ,]+)=)|(from\s.*)?\bimport\s(?=(.*)))", re.M
)


@dataclass(frozen=True)
class Recovered:
    """The statements that could be read.

    ``problem`` is the first syntax error of the text as it was handed in, and ``newer`` the first line that needs a
    newer Python; None without one. ``lost`` is the text of the lines that were left out. ``assumed`` and, for
    lines that need a newer Python, ``assumed_newer`` complete the sentence "The rest was assessed as if ...".
    """

    statements: list[ast.stmt]
    problem: Problem | None = None
    newer: Problem | None = None
    lost: str = ""
    assumed: str = ""
    assumed_newer: str = ""


def recovered(script: Script) -> Recovered:
    """The script's statements, without what Python cannot read. Raises SourceProblem for one that is too complex."""
    try:
        return Recovered(parse(script))
    except SourceProblem as error:
        first = error.problem
        if first.kind == "too-complex":
            raise
    reader = BlockReader(script.text.split("\n"))
    try:
        statements = reader.read_all()
    except (RecursionError, MemoryError) as error:
        raise SourceProblem(too_complex(script, error)) from None
    newer = next((newer_python(script, line, way) for line, way in sorted(reader.newer.items())), None)
    problem: Problem | None = first
    if newer is not None and first.kind == "newer-python":
        others = reader.dropped | reader.changed | reader.moved | reader.corrected | reader.lost
        if others:
            line = min(others)
            problem = script.problem(
                "syntax", f"{script.where(line)} is not valid Python.", line, exception="SyntaxError"
            )
        else:
            problem = None
    lost = "\n".join(reader.lines[line - 1] for line in sorted(reader.lost))
    written = f"{_listed(script, set(reader.newer))} were written for Python {RUNNING}" if newer is not None else ""
    return Recovered(statements, problem, newer, lost, _assumed(reader, script), written)


def repairs_of(read: Recovered) -> list[Repair]:
    """The repairs of a text that Python could not read as it was handed in."""
    found = []
    if read.problem is not None:
        repair = Repair("syntax", "", read.problem.message, assumed=read.assumed, problem=read.problem)
        is_newer = read.problem.kind == "newer-python"
        found.append(replace(repair, kind="newer-python") if is_newer else repair)
    if read.newer is not None:
        message, assumed = read.newer.message, read.assumed_newer
        found.append(Repair("newer-python", "", message, assumed=assumed, problem=read.newer))
    return found


def lost_names(read: Recovered) -> set[str]:
    """The names that a part binds that could not be read, even if a part that could be read binds them as well.

    Of such names, those inside a function or a class do not count, and neither does a repeated ``import torch``.
    """
    found: set[str] = set()
    scope: int | None = None
    for indent, is_class, defined, assigned, source, imported in _BINDS.findall(read.lost):
        depth = len(indent)
        scope = None if scope is not None and depth <= scope else scope
        may_rebind = bool(is_class or (scope is None and (defined or assigned or source)))
        names = re.findall(r"\w+", defined or assigned or imported)
        found |= {name for name in names if may_rebind or not is_bound(read.statements, name)}
        if defined and scope is None:
            scope = depth
    return found


def _assumed(reader: BlockReader, script: Script) -> str:
    parts = []
    if dropped := reader.dropped | reader.lost:
        parts.append(f"{_listed(script, dropped)} were not there")
    if reader.changed:
        parts.append(f"{_listed(script, reader.changed)} were written for Python 3")
    if reader.corrected:
        parts.append(f"{_listed(script, reader.corrected)} were typed correctly")
    if reader.moved:
        parts.append(f"{_listed(script, reader.moved)} were indented correctly")
    if reader.has_tabs:
        parts.append("each tab were spaces")
    return " and ".join(parts) or "the whole script could be read"


def _listed(script: Script, numbers: set[int]) -> str:
    """``line 3`` or ``lines 3, 7 to 9 and 20``, in the student's numbering."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    if script.cells or len(runs) == 1 == runs[0][1] - runs[0][0] + 1:
        first = script.where(runs[0][0])
        more = "" if len(numbers) == 1 else " and others"
        return first[:1].lower() + first[1:] + more
    shown = [str(first) if first == last else f"{first} to {last}" for first, last in runs]
    if len(shown) > 6:
        shown = [*shown[:5], "others"]
    return "lines " + (" and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))))
