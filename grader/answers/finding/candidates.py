"""A document as lines, and for each line the parts that might begin there. Which of them do is decided in cutting."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from grader.answers.documents.document import PICTURE, Document, Kind
from grader.answers.finding.labels import Label, Strength, comment_part, label, part_named
from grader.answers.finding.questions import asked, is_asking, pooling_asked, pooling_named
from grader.lab4.items import HEADS, PART1_IDS

KEYS = (*sorted({*PART1_IDS, *HEADS}), "end")
"""What can begin, in the order of the sheet: the parts, the heads of questions 6 and 7, and what follows Part 1."""
PLACE = {key: index for index, key in enumerate(KEYS)}
END = PLACE["end"]
_MOST_PARTS = 0.6 * len(PART1_IDS)
_ASKED = re.compile(r"(?:the |my )?(?:q|a\b|ans)|part.*q")
"""The style of a label with a word that no list of steps has; a ``task`` may be Part 2's."""
_MOST_LINES = 3_000
_MOST_CANDIDATES = 300
_MOST_ASKED = 600
"""Lines that are compared with the questions."""
_SHORTEST_WRAPPED = 30
"""Characters of a line that a program may have wrapped."""
_PART2 = re.compile(
    r"[\s#*_>\d.-]*(?:part\s*(?:2|two|ii|b)\b|task\s*(?:2|two)\b"
    r"|section\s*2\b|task\s*1\b.{0,20}\b(?:cnn|conv|pytorch)|2\.1(?:\s+conv|\s*$)|deep learning in python|appendix\b"
    r"|(?:2\.?\d?\s+)?(?:experiments?|experimentation|task1_cnn(?:\.py)?|references|bibliography|works cited"
    r"|(?:my |your )?observations?|conclusions?|discussion|acknowledge?ments?"
    r"|(?:code |lab |experiment(?:al)? )?report)\b[\s*:]*$)",
    re.IGNORECASE,
)
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
_OBSERVATIONS = re.compile(r"\s*<!--\s*lab4:\s*observations?\s*-->", re.IGNORECASE)
_NEAR = 12
"""Lines before the place for observations in which its heading stands, unless the student removed it."""
_VALUES = re.compile(r"\W*\d+(?:\.\d+)?[\s,;|\[\]()&]+(?:and\s+)?\d")
"""Two numbers, at least: what a pooling layer returns, and no size of a window."""


@dataclass(frozen=True)
class Line:
    """``text`` has the automatic list number in front. ``echo`` is the question that a copy of begins here.

    ``is_body`` says that more stands here than a label and a question, ``is_foreign`` that it is Part 2's code.
    ``passage`` is the block's.
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


@dataclass(frozen=True)
class Candidate:
    """Line ``line`` might begin the parts ``KEYS[first]`` to ``KEYS[last]``, with their text from column ``column``.

    ``needs`` is the question that must be open already, 0 for none; with ``can_open`` the one before it will do.
    """

    line: int
    first: int
    last: int
    score: float
    column: int
    how: str
    confidence: float
    style: str
    needs: int = 0
    can_repeat: bool = False
    can_open: bool = False


def lines_of(document: Document) -> list[Line]:
    """The document's lines, at most 3000, each with what its beginning says."""
    plain: list[Line] = []
    for index, block in enumerate(document.blocks):
        is_foreign = block.kind is Kind.CODE and _CODE2.search(block.text) is not None
        anchor = part_named(block.anchor) if block.anchor else ""
        text = f"{block.number} {block.text}" if block.number else block.text
        for number, shown_line in enumerate(text.split("\n")[: _MOST_LINES - len(plain)]):
            line = shown_line.replace(PICTURE, "")
            indent = len(line) - len(line.lstrip(" \t")) if block.level == 0 else 0
            level = block.level or min(3, indent // 3)
            shown = line[line.rindex("\t", 0, indent) + 1 :] if "\t" in line[:indent] else line
            mark = None if block.kind is Kind.CODE else label(shown)
            if mark and shown != line:
                shift = len(line) - len(shown)
                mark = Label(mark.question, mark.letters, mark.end + shift, mark.strength, mark.style, mark.through)
            own = anchor if number == 0 else ""
            has_picture = PICTURE in shown_line and not is_foreign
            plain.append(
                Line(line, index, block.kind, level, own, mark, "", False, is_foreign, has_picture, block.passage)
            )
    return _with_echoes(plain)


def _with_echoes(plain: list[Line]) -> list[Line]:
    """The lines with copies of questions recognised, also where they run over several lines."""
    covered: set[int] = set()
    echoes: dict[int, str] = {}
    looks = 0
    for index, line in enumerate(plain):
        if index in covered or line.kind is Kind.CODE or not line.text.strip() or looks > _MOST_ASKED:
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
            name, end = asked(whole)
        if line.label and not name:
            name, end = pooling_asked(pieces[0]), len(pieces[0])
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


def _rest(line: Line) -> str:
    return (line.text[line.label.end :] if line.label else line.text).strip(" \t*_#")


def is_section(text: str) -> bool:
    """Whether a line is one of the sheet's own headings."""
    return len(text) < 120 and _SECTION.match(text) is not None


def candidates_of(lines: list[Line]) -> list[Candidate]:
    """Every part that might begin on each line, in the order of the lines, at most some hundred."""
    found = [candidate for index in range(len(lines)) for candidate in _candidates(index, lines)]
    if len(found) > _MOST_CANDIDATES:
        floor = sorted((candidate.score for candidate in found), reverse=True)[_MOST_CANDIDATES]
        best = [candidate for candidate in found if candidate.score > floor]
        level = [candidate for candidate in found if candidate.score == floor]
        found = sorted([*best, *level[: _MOST_CANDIDATES - len(best)]], key=lambda candidate: candidate.line)
    counts: dict[str, set[int]] = {}
    for candidate in found:
        if KEYS[candidate.first].isdigit():
            counts.setdefault(candidate.style, set()).add(candidate.first)
    common = max(counts, key=lambda style: len(counts[style]), default="")
    return [_favoured(c) if c.style == common and len(counts[common]) > 3 else c for c in found]


def _favoured(c: Candidate) -> Candidate:
    return replace(c, score=c.score + 0.6, confidence=max(c.confidence, 0.75))


def _candidates(index: int, lines: list[Line]) -> list[Candidate]:
    line = lines[index]
    found: list[Candidate] = []
    named, end = comment_part(line.text)
    named = named or line.anchor
    mark = line.label
    if named:
        same = mark is not None and f"{mark.question or named[0]}{mark.letters}" == named
        column = mark.end if same and mark and not _begins_list(index, lines) else end
        place = PLACE[named]
        found.append(Candidate(index, place, place, 10.0, column, "anchor", 0.98, "anchor", can_repeat=True))
    before = lines[max(0, index - _NEAR) : index]
    if _is_end(line) or (_OBSERVATIONS.match(line.text) and not any(map(_is_end, before))):
        found.append(Candidate(index, END, END, 1.5, 0, "", 1.0, "end"))
    if line.kind is Kind.CODE:
        return found
    if mark:
        found.extend(_labelled(index, line, mark))
    pool = _pooled(index, lines)
    if pool and not named and not any(candidate.first == pool.first for candidate in found):
        found.append(pool)
    if line.echo and not any(KEYS[candidate.first] == line.echo for candidate in found):
        place = PLACE[line.echo]
        column = mark.end if mark and mark.strength <= Strength.PLAIN else 0
        found.append(Candidate(index, place, place, 3.0, column, "likeness", 0.8, "echo"))
    return found


def _is_end(line: Line) -> bool:
    """Whether what is not Part 1 begins here: a heading of Part 2, or its code."""
    return line.is_foreign or (line.kind is not Kind.CODE and len(line.text) < 120 and bool(_PART2.match(line.text)))


def _pooled(index: int, lines: list[Line]) -> Candidate | None:
    """The part of question 6 that a line names by its kind of pooling, whether a 6 stands before it or not."""
    line = lines[index]
    mark = line.label
    column = mark.end if mark else 0
    part, end = pooling_named(line.text[column:][:200])
    if not part:
        return None
    place = PLACE[part]
    if mark and mark.question == 6 and not mark.letters and not mark.through:
        score = _SCORE[mark.strength] + 1.0
        return Candidate(index, place, place, score, column, "likeness", 0.85, mark.style)
    below = (after.text for after in lines[index + 1 : index + 4] if after.text.strip())
    said = line.text[column:][end:].strip(" \t*_") or next(below, "")
    can_open = mark is None and _VALUES.match(said[:100]) is not None
    return Candidate(index, place, place, 2.0, column, "likeness", 0.75, "pool", needs=6, can_open=can_open)


def is_named_twice(lines: list[Line], chain: list[Candidate]) -> bool:
    """Whether labels written like the chain's name most parts more than once, copied questions left out."""
    styles = {c.style for c in chain}
    names = Counter(
        (line.label.style, line.label.question, line.label.letters)
        for line in lines
        if line.label and line.label.style in styles and not line.echo
    )
    return sum(count > 1 for count in names.values()) > _MOST_PARTS


def is_proven(lines: list[Line], chain: list[Candidate]) -> bool:
    """Whether anything but bare numbers says that these are the sheet's parts and no list of steps."""
    for c in chain:
        mark = lines[c.line].label
        if c.last != END and (
            c.how == "likeness"
            or c.style == "anchor"
            or lines[c.line].echo
            or (mark and (mark.letters or _ASKED.match(mark.style)))
        ):
            return True
    return False


def _begins_list(index: int, lines: list[Line]) -> bool:
    """Whether a plain number is followed by the next one in the same block."""
    mark = lines[index].label
    if mark is None or mark.letters or mark.strength > Strength.PLAIN:
        return False
    block = [line for line in lines[index + 1 : index + 100] if line.block == lines[index].block]
    return any(line.label and not line.label.letters and line.label.question == mark.question + 1 for line in block)


_SCORE = {Strength.WEAK: 1.2, Strength.PLAIN: 3.0, Strength.JOINED: 4.0, Strength.WORDED: 4.5, Strength.HEADED: 5.0}
_CONFIDENCE = {
    Strength.WEAK: 0.5,
    Strength.PLAIN: 0.85,
    Strength.JOINED: 0.92,
    Strength.WORDED: 0.95,
    Strength.HEADED: 0.95,
}


def _labelled(index: int, line: Line, mark: Label) -> list[Candidate]:
    how = "anchor" if mark.strength is Strength.HEADED and line.kind is Kind.HEADING else "numbering"
    score = _SCORE[mark.strength]
    confidence = _CONFIDENCE[mark.strength]
    spans: list[tuple[str, str, int, float]] = []  # first key, last key, needed question, change of score
    if not mark.question:
        spans = [
            (f"{q}{mark.letters}", f"{q}{mark.letters}", q, 0.0) for q in (6, 7) if f"{q}{mark.letters}" in PART1_IDS
        ]
    elif mark.letters:
        spans = [(f"{mark.question}{mark.letters[0]}", f"{mark.question}{mark.letters[-1]}", 0, 0.0)]
    elif mark.through:
        last = {6: "6b", 7: "7e"}.get(mark.through, str(mark.through))
        spans = [(str(mark.question), last, 0, 0.0)]
    else:
        deeper = line.level > 0 and mark.strength <= Strength.PLAIN
        spans = [(str(mark.question), str(mark.question), 0, -0.8 if deeper else 0.0)]
        if deeper and mark.question <= 5:
            letter = "abcde"[mark.question - 1]
            spans += [(f"{q}{letter}", f"{q}{letter}", q, -0.5) for q in (6, 7) if f"{q}{letter}" in PART1_IDS]
    found = []
    for first, last, needs, change in spans:
        copied = 0.5 if first in {"6", "7"} else 2.0
        bonus = copied if line.echo == first else -1.5 if line.echo and line.echo != first else 0.0
        sure = min(0.97, confidence + 0.1) if line.echo == first else confidence
        total = score + change + bonus
        can_repeat = mark.strength >= Strength.JOINED
        found.append(
            Candidate(index, PLACE[first], PLACE[last], total, mark.end, how, sure, mark.style, needs, can_repeat)
        )
    return found
