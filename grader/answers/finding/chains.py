"""Labels that only the whole document shows: anything short before a number, if the numbers count through the sheet.

``Frage 6a``, a Roman numeral, ``1.2.6.a`` and numbers that start again under each section are no labels by themselves.
A chain of them through all questions is. Its lines are written anew with labels that :mod:`.labels` knows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from grader.answers.documents.document import Block, Document
from grader.answers.finding.candidates import PART2
from grader.answers.finding.paper import Paper
from grader.model.parts import LETTERS

_SHORTEST = 3
"""Questions from which counting through them is no coincidence."""
_MOST_SECTIONS = 2
"""Times that the numbers begin at 1."""
_LONGEST_START = 40
"""Characters of a line in which its label ends."""
_MOST_LINES = 3_000
_ROMANS = {name: value for value, name in enumerate(["i", "ii", "iii", "iv", "v", "vi", "vii", "viii"], 1)}
_LEAD = re.compile(r"[\s>*_#|`\u2022\u00b7-]*")
_PATH = re.compile(
    r"(?P<before>[^\d\n]{0,24}?)(?P<path>\d{1,2}(?:[.-]\d{1,2}){0,3}(?!\d)"
    r"|(?<![^\W_])(?:viii|vii|vi|iv|v|iii|ii|i)(?=\s?[^\w\s,'\"\u2019]|\s*$))",
    re.IGNORECASE,
)
"""Roman numerals have a sign after them, because ``I`` is a word."""
_SUB = re.compile(r"[\s.)\]:_-]{0,4}[(\[]?(?P<sub>viii|vii|vi|iv|iii|ii|[a-h]|i|v)(?![A-Za-z0-9])[)\]]?", re.IGNORECASE)
_CLOSE = re.compile(r"^(?:[^\w\s\[({<\"'$|!-]|-(?=\s))*(?:\*\*|__)?[ \t]*")
_WIDE_LETTER = re.compile(r"\s*\uff08?[\uff21-\uff28\uff41-\uff48A-Ha-h]\uff09")


@dataclass(frozen=True)
class _Start:
    """What may be a label: the numbers in it, and the text of its line after them. ``lead`` comes before it."""

    line: int
    path: tuple[int, ...]
    rest: str
    lead: str


def with_plain_labels(document: Document, paper: Paper) -> Document | None:
    """The document with plain labels where a chain counts through the questions; None where none does."""
    lines = [(index, line) for index, block in enumerate(document.blocks) for line in _lines(block)][:_MOST_LINES]
    styles: dict[tuple[str, str], list[_Start]] = {}
    for number, (index, line) in enumerate(lines):
        if document.blocks[index].kind.is_prose and (found := _start(number, line)):
            style, start = found
            styles.setdefault(style, []).append(start)
    ends = [number for number, (_, line) in enumerate(lines) if PART2.match(line[:120])]
    for starts in styles.values():
        if len(starts) >= _fewest(paper) and (labels := _labels(starts, ends, paper)):
            return replace(document, blocks=tuple(_rewritten(document.blocks, labels)))
    return None


def _lines(block: Block) -> list[str]:
    return (f"{block.number} {block.text}" if block.number else block.text).split("\n")


def _rewritten(blocks: Iterable[Block], labels: dict[int, str]) -> Iterator[Block]:
    at = 0
    for block in blocks:
        lines = _lines(block)
        changed = [_narrow(labels.get(at + offset, line)) for offset, line in enumerate(lines)]
        yield block if changed == lines else replace(block, text="\n".join(changed), number="")
        at += len(lines)


def _narrow(line: str) -> str:
    """``line`` with a letter in wide brackets in ordinary ones."""
    wide = _WIDE_LETTER.match(line)
    return unicodedata.normalize("NFKC", wide.group()) + line[wide.end() :] if wide else line


def _start(number: int, line: str) -> tuple[tuple[str, str], _Start] | None:
    """The style and the numbers at the start of a line. Signs for a number count as digits."""
    head = "".join(_digit(c) for c in line[:_LONGEST_START])
    lead = _LEAD.match(head)
    found = _PATH.match(head, lead.end() if lead else 0)
    if found is None:
        return None
    text = found.group("path").lower()
    if not (text in _ROMANS or text[0].isdigit()):  # a Turkish capital i, for instance
        return None
    path = (_ROMANS[text],) if text in _ROMANS else tuple(map(int, re.split(r"[.-]", text)))
    kind = "" if text not in _ROMANS else "i" if text == found.group("path") else "I"
    start = _Start(number, path, head[found.end() :] + line[_LONGEST_START:], lead.group() if lead else "")
    return (" ".join(found.group("before").casefold().split()), kind), start


def _digit(sign: str) -> str:
    """The ASCII digit for a sign that means one, in any script; a wide bracket or letter as an ordinary one."""
    if sign.isascii():
        return sign
    value = unicodedata.numeric(sign, 0)
    if 1 <= value <= 9 and value == int(value) and len(unicodedata.normalize("NFKC", sign)) == 1:
        return str(int(value))
    return unicodedata.normalize("NFKC", sign) if "\uff01" <= sign <= "\uff5e" else sign


def _labels(starts: Sequence[_Start], ends: Sequence[int], paper: Paper) -> dict[int, str]:
    """The lines of a chain through the questions with plain labels; empty where there is no chain."""
    for depth in range(max(len(start.path) for start in starts)):
        counted = [start for start in starts if len(start.path) > depth]
        if labels := _chain(counted, depth, ends, paper):
            return labels
    return {}


def _chain(starts: Sequence[_Start], depth: int, ends: Sequence[int], paper: Paper) -> dict[int, str]:
    """The same for the numbers at one depth of the paths. Those before them count sections, where they may restart.

    ``ends`` are the lines where Part 2 begins: numbers after a whole chain and such a line are its own.
    """
    tail = _glued([start.rest for start in starts])
    named: list[tuple[int, str]] = []
    rests: list[str] = []
    passed = sections = 0
    last: _Start | None = None
    taken = []
    for start in starts:
        if last and named[-1][0] == max(paper.numbers) and any(last.line < end <= start.line for end in ends):
            break
        value = start.path[depth]
        is_deeper = len(start.path) > depth + 1
        if is_deeper and passed + value not in paper.letters:
            continue  # a section's heading
        if value == 1 and (last is None or start.path[:depth] != last.path[:depth] or value < last.path[depth]):
            passed, sections = (named[-1][0] if named else 0), sections + 1
        last = start
        question, letter, rest = passed + value, "", start.rest[tail:]
        if is_deeper:
            letter = LETTERS[start.path[depth + 1] - 1 : start.path[depth + 1]]
        elif (sub := _SUB.match(rest)) and _follows(named, question, _letter(sub.group("sub")), paper):
            letter, rest = _letter(sub.group("sub")), rest[sub.end() :]
        if not _follows(named, question, letter, paper):
            return {}
        named.append((question, letter))
        rests.append(rest)
        taken.append(start)
    names = {question for question, _ in named}
    if len(names) < _fewest(paper) or max(names) < sorted(paper.numbers)[-2] or sections > _MOST_SECTIONS:
        return {}
    tail = _glued(rests)
    return {
        start.line: f"{start.lead}[{question}{letter}] {_CLOSE.sub('', rest[tail:], count=1)}"
        for start, (question, letter), rest in zip(taken, named, rests, strict=True)
    }


def _glued(rests: Sequence[str]) -> int:
    """The length of a word of a letter or two right after each number, as in ``第1题``."""
    lengths = (length for length in (2, 1) if rests[0][:length].isalpha())
    return next((length for length in lengths if len({rest[:length] for rest in rests}) == 1), 0)


def _fewest(paper: Paper) -> int:
    """How many questions a chain names; one may be left out."""
    return max(_SHORTEST, len(paper.numbers) - 1)


def _follows(named: Sequence[tuple[int, str]], question: int, letter: str, paper: Paper) -> bool:
    """Whether a label comes next in the sheet's order; one question may be left out."""
    before, last = named[-1] if named else (0, "")
    if question not in paper.numbers or (letter and letter not in paper.letters.get(question, "")):
        return False
    between = sum(before < number < question for number in paper.numbers)
    return letter > last if question == before else before < question and between <= 1


def _letter(text: str) -> str:
    name = text.lower()
    return LETTERS[_ROMANS[name] - 1] if name in _ROMANS else name
