"""A document as lines, each with its label, and with the question that starts there where a student copied one."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from grader.answers.documents.document import PICTURE, Document, Kind
from grader.answers.finding.labels import Label, label, part_named
from grader.answers.finding.paper import Paper
from grader.answers.finding.questions import asked, is_asking, pooling_asked

_MOST_LINES = 3_000
_MOST_ASKED = 600
"""Lines that are compared with the questions."""
_SHORTEST_WRAPPED = 30
"""Characters of the shortest line that a program may have wrapped."""
_FEWEST_STEPS = 2
_NEAR = 30
"""Lines below a label in which the code that it describes begins."""
_SECTION = re.compile(
    r"[\s#*_>]*(?:part\s*(?:1|one|i)\b\W*(?:deep learning(?: basics)?)?"
    r"|1\.1\W+general|1\.[12]|1\.2\W+conv\w*\s+neural\s+net\w*"
    r"|general|deep learning basics|convolutional neural networks?|(?:written )?answers?|comp\W?4660\S*.{0,40}"
    r"|lab\s*4\b.{0,40})[\s*_:#]*$",
    re.IGNORECASE,
)
_CODE2 = re.compile(
    r"\bimport\s+torch|\bfrom\s+torch|class\s+\w*Net|\bnn\.|\boptimizer\b|task1_cnn|\bdef\s+(?:train|test|forward)\b"
)


@dataclass(frozen=True)
class Line:
    """A line of a document. ``text`` includes the automatic list number; ``block`` and ``passage`` are its block's.

    ``echo`` is the question whose copy starts here. ``is_body`` says that there is more than a label and a question,
    ``is_foreign`` that this is code of Part 2.
    """

    text: str
    block: int
    kind: Kind
    level: int
    anchor: str
    label: Label | None
    echo: str = ""
    is_body: bool = False
    is_foreign: bool = False
    has_picture: bool = False
    passage: int = 0


def lines_of(document: Document, paper: Paper) -> list[Line]:
    """The document's lines, at most 3000, with their labels and copied questions."""
    plain: list[Line] = []
    for index, block in enumerate(document.blocks):
        is_shown = block.kind is Kind.CODE and [after.kind for after in document.blocks[index + 1 : index + 2]] == [
            Kind.OUTPUT
        ]
        is_foreign = block.kind is Kind.CODE and _CODE2.search(block.text) is not None
        anchor = part_named(block.anchor, paper) if block.anchor else ""
        text = f"{block.number} {block.text}" if block.number else block.text
        for number, shown_line in enumerate(text.split("\n")[: _MOST_LINES - len(plain)]):
            line = shown_line.replace(PICTURE, "")
            indent = len(line) - len(line.lstrip(" \t")) if block.level == 0 else 0
            level = block.level or min(3, indent // 3)
            shown = line[line.rindex("\t", 0, indent) + 1 :] if "\t" in line[:indent] else line
            kind = block.kind
            mark = (
                label(shown, paper)
                if kind.is_prose
                else _comment_label(line, paper)
                if number == 0 and is_shown
                else None
            )
            if mark and not kind.is_prose:
                kind = Kind.PARAGRAPH
            if mark and shown != line:
                shift = len(line) - len(shown)
                mark = Label(mark.question, mark.letters, mark.end + shift, mark.strength, mark.style, mark.through)
            own = anchor if number == 0 else ""
            has_picture = PICTURE in shown_line and not is_foreign
            plain.append(Line(line, index, kind, level, own, mark, "", False, is_foreign, has_picture, block.passage))
    return _without_steps(_with_echoes(plain, paper))


def _comment_label(line: str, paper: Paper) -> Label | None:
    """The label in a comment at the start of a cell that prints an answer, if it can only mean a part."""
    mark = label(line, paper) if line.startswith("#") else None
    return mark if mark and mark.is_asked else None


def _with_echoes(plain: list[Line], paper: Paper) -> list[Line]:
    """The lines with copied questions recognised, including questions over several lines."""
    covered: set[int] = set()
    echoes: dict[int, str] = {}
    looks = 0
    for index, line in enumerate(plain):
        if index in covered or not line.kind.is_prose or not line.text.strip() or looks > _MOST_ASKED:
            continue
        pieces = [_rest(line)]
        for after in plain[index + 1 : index + 4]:
            if len(pieces[-1]) < _SHORTEST_WRAPPED or pieces[-1][-1] in ".?!]":
                break
            if not after.text.strip() or after.label or after.anchor or after.kind is not line.kind:
                break
            pieces.append(after.text.strip())
        name, end, whole = "", 0, " ".join(pieces)
        if len(pieces[0]) < 2_000 and is_asking(whole):
            looks += 1
            name, end = asked(whole, paper)
        if line.label and not name:
            name, end = pooling_asked(pieces[0], paper), len(pieces[0])
        if not name:
            continue
        echoes[index] = name
        for offset, piece in enumerate(pieces):
            end -= len(piece) + 1
            if end < -2:
                break
            covered.add(index + offset)
    found = []
    for index, line in enumerate(plain):
        is_said = index not in covered and re.search(r"\w", _rest(line)) is not None
        is_body = (is_said or line.has_picture) and not line.is_foreign
        is_body = is_body and not is_section(line.text)
        found.append(replace(line, echo=echoes.get(index, ""), is_body=is_body))
    return found


def _without_steps(lines: list[Line]) -> list[Line]:
    """The lines without labels that number code: bare numbers, mostly with code below them.

    A table of contents with the same words loses its labels too.
    """
    bare: dict[str, list[int]] = {}
    steps: set[int] = set()
    for index, line in enumerate(lines):
        if line.label is None or line.label.is_asked or line.echo or line.anchor:
            continue
        if re.search(r"\w", _rest(line)):
            bare.setdefault(line.label.style, []).append(index)
        elif next((below.is_foreign for below in lines[index + 1 : index + _NEAR] if below.text.strip()), False):
            steps.add(index)  # a heading like "Task 1", and Part 2's code
    for indices in bare.values():
        coded = sum(_has_code_below(index, lines) for index in indices)
        steps |= set(indices) if coded >= _FEWEST_STEPS and 2 * coded >= len(indices) else set()
    names = {_rest(lines[index]).casefold() for index in steps}
    steps |= {index for indices in bare.values() for index in indices if _rest(lines[index]).casefold() in names}
    return [replace(line, label=None) if index in steps else line for index, line in enumerate(lines)]


def _has_code_below(index: int, lines: list[Line]) -> bool:
    for line in lines[index + 1 : index + _NEAR]:
        if line.kind is Kind.CODE:
            return True
        if line.label or line.kind is Kind.HEADING:
            return False
    return False


def _rest(line: Line) -> str:
    return (line.text[line.label.end :] if line.label else line.text).strip(" \t*_#")


def is_section(text: str) -> bool:
    """Whether a line is one of the sheet's own headings."""
    return len(text) < 120 and _SECTION.match(text) is not None
