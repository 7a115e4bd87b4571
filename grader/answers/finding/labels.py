"""Recognises labels of parts at the start of a line: ``6a)``, ``Question 6 (a):``, ``### 8``, ``<!-- part: 7b -->``."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass

from grader.answers.finding.paper import Paper
from grader.model.parts import LETTERS

LONGEST_LABEL = 200
"""Characters of a line that are searched for a label."""


class Strength(enum.IntEnum):
    """How surely a label means a part of the sheet and not an item of the student's own list."""

    WEAK = 1
    PLAIN = 3
    JOINED = 4
    """Number and letter together."""
    WORDED = 5
    HEADED = 6
    """A heading or bold line with only the label."""
    ANCHORED = 10


@dataclass(frozen=True)
class Label:
    """A label: ``question`` is its number (0: only a letter), ``letters`` the sub-parts, ``end`` its column.

    ``through`` is the last question of a range (``1-3``), else 0. ``style`` is the same for labels written alike.
    """

    question: int
    letters: str
    end: int
    strength: Strength
    style: str
    through: int = 0

    @property
    def is_asked(self) -> bool:
        """Whether it can only mean a part of the sheet: it has a letter, or a word like question or answer."""
        return bool(self.letters or _ASKED.match(self.style))


_ASKED = re.compile(r"(?:the |my )?(?:q|a\b|ans)|part.*q")
"""The style of a label with a word that a list of steps does not have; a ``task`` may be Part 2's."""
_LEAD = re.compile(r"[\s>*_`\u2022\u25cf\u00b7|~]*(?:[-+]\s+)?[\s*_`]*(?P<head>#{0,6})[\s*_`]*(?:<(?:b|u|strong)>\s*)*")
_WORD = re.compile(
    r"(?:part\s*(?:1|one|i)(?![\w.])[\s,.:;/\u2013\u2014-]*)?"
    r"(?:(?:my\s+|the\s+)?(?:answers?|ans|solution|response)[\s.:]*(?:to|for|of)?[\s#:.(]*)?"
    r"(?:(?:the\s+)?(?:questions?|quest|ques|qns?|qu|qs|q|task|exercise|ex|problem|prob|number|num|no|nr|item|part|a|lab4)"
    r"(?=[\W\d_]))?[\s.:#_(\[-]*",
    re.IGNORECASE,
)
_ROMANS = {"i": "a", "ii": "b", "iii": "c", "iv": "d", "v": "e"}
_SUB = r"[a-hA-H]|iii|ii|iv|i|v"
_NUMBER = re.compile(r"[(\[]?\s*(?P<number>[1-9]\d?)(?!\d)")
_LETTER = re.compile(
    rf"(?:(?P<glued>(?:{_SUB})(?![A-Za-z0-9']))|[\s.):\]_*-]*[(\[]\s*(?P<boxed>{_SUB})\s*[)\]]"
    rf"|[\s.):\]_*-]*(?P<ended>{_SUB})(?=\s*[).:\]|*]|\s+[-\u2013\u2014=](?:\s|$)|\s*$)|[\s.):\]_-]+(?P<spaced>[b-hB-H])(?=\s)"
    rf"|[\s.,):\]_*-]*\bpart\s*[(\[]?(?P<parted>{_SUB})(?![A-Za-z0-9'])"
    rf"|[.](?P<dotted>[1-8])(?![.]?\d))",
    re.IGNORECASE,
)
_MORE = re.compile(
    rf"\s*(?:[)\]]\s*)?(?P<by>,|/|&|\+|and\b|to\b|[-\u2013])\s*(?:and\s*)?(?:(?P<again>\d{{1,2}})[.(\[]?)?[(\[]?(?P<sub>{_SUB})(?![A-Za-z0-9'])",
    re.I,
)
_RANGE = re.compile(
    r"\s*(?:,|/|&|\+|and\b|to\b|[-\u2013])\s*(?:q(?:uestion)?\s*)?(?P<number>[1-9]\d?)(?=\s*[).:\]]|\s*$)", re.I
)
_END = re.compile(
    r"\s*(?P<mark>[).:\]|*_]+|[-\u2013\u2014=](?=\s|$)|$)[).:\]*_|]*"
    r"(?:</(?:b|u|strong)>[).:]*)?\s*(?:[-\u2013\u2014](?=\s))?[ \t]*"
)
_ALONE = re.compile(
    rf"(?:(?:part|sub|q)\s*)?[(\[]?(?P<sub>{_SUB})\s*(?P<mark>[).:\]]|$|[-\u2013](?=\s))[).:\]*_|]*[ \t]*", re.I
)
_COMMENT = re.compile(r"\s*<!--(?P<name>[^<>]{1,60})-->\s*")
_NAMED = re.compile(
    r"(?:^|[\s:_./-])(?:lab4|part1|part|answers?|question|ques|q|a)?[\s:=_./-]*(?P<q>[1-9]\d?)[\s_.-]*\(?(?P<s>[a-h])?\)?(?:[\s_-]*(?:answer|response|text))?\s*$",
    re.I,
)


def part_named(anchor: str, paper: Paper) -> str:
    """The part that a template's anchor names (``part: 6a``, ``lab4-q7c``, ``8``); empty for none."""
    found = _NAMED.search(anchor.strip())
    name = f"{found.group('q')}{(found.group('s') or '').lower()}" if found else ""
    return name if name in {*paper.parts, *paper.heads} else ""


def comment_part(line: str, paper: Paper) -> tuple[str, int]:
    """The part that a comment at the start of the line names, and where the comment ends."""
    found = _COMMENT.match(line[:LONGEST_LABEL])
    name = part_named(found.group("name"), paper) if found else ""
    return (name, found.end()) if found and name else ("", 0)


def label(line: str, paper: Paper) -> Label | None:
    """The label at the start of a line, or None."""
    text = re.sub(r"\\(?=[.()\[\]])", " ", line[:LONGEST_LABEL])  # Markdown's escapes; offsets stay
    lead = _LEAD.match(text)
    start = lead.end() if lead else 0
    is_head = bool(lead and (lead.group("head") or "**" in lead.group() or "__" in lead.group() or "<" in lead.group()))
    word = _WORD.match(text, start)
    word_before = word.group().strip(" .:#_([-\t").lower() if word else ""
    numbered = _numbered(text, word.end() if word else start, word_before, is_head, paper)
    if numbered is not None:
        return numbered
    alone = _ALONE.match(text, start)
    if alone is None or (
        alone.end() == len(text) and not alone.group("mark") and not is_head and len(text.strip()) > 1
    ):
        return None
    sub = alone.group("sub").lower()
    letter = _ROMANS.get(sub, sub)
    if letter not in max(paper.letters.values(), key=len, default=""):
        return None
    return Label(0, letter, alone.end(), Strength.PLAIN, f"letter{alone.group('mark').strip()}{is_head}")


def _numbered(text: str, at: int, word_before: str, is_head: bool, paper: Paper) -> Label | None:
    number = _NUMBER.match(text, at)
    if (
        number is None
        or int(number.group("number")) not in paper.numbers
        or (word_before == "a" and at and text[at - 1] == " ")
    ):
        return None
    question, letters, end = int(number.group("number")), "", number.end()
    if question in paper.letters:
        letters, end = _letters(text, end, question, paper.letters[question][-1])
    through = 0
    if not letters:
        if re.match(r"[.,]\d", text[end:]):
            return None
        more = _RANGE.match(text, end)
        if more and word_before and question < int(more.group("number")) <= max(paper.numbers):
            through, end = int(more.group("number")), more.end()
    close = _END.match(text, end)
    rest = text[close.end() :] if close else text[end:]
    if word_before.endswith("part") and not letters and question <= 2:
        return None
    if close is None:
        if letters or word_before not in {"", "a", "no", "number"}:
            gap = re.match(r"[ \t]+", text[end:])
            strength = Strength.JOINED if letters else Strength.PLAIN
            return Label(question, letters, end + gap.end(), strength, f"{word_before} ", through) if gap else None
        gap = re.match(r"[ \t]+(?=[A-Z\"])", text[end:])
        return Label(question, "", end + gap.end(), Strength.WEAK, "space") if gap and not word_before else None
    mark = close.group("mark")
    is_value = not word_before and not letters and not re.search(r"[A-Za-z]", rest)
    if (
        is_value
        and (mark[:1] not in {".", ")", ":"} or re.match(r"[\s\d,.|;\[\]()/-]+$", rest))
        and not is_head
        and rest
    ):
        return None
    if is_value and not is_head and not rest and not mark and not re.match(r"[(\[]", number.group()):
        return Label(question, "", close.end(), Strength.WEAK, "bare")
    strength = Strength.WORDED if word_before else Strength.JOINED if letters else Strength.PLAIN
    if is_head:
        strength = Strength.HEADED if not rest.strip() or strength > Strength.PLAIN else Strength.JOINED
    bracket = "(" if number.group()[0] in "([" else ""
    return Label(question, letters, close.end(), strength, f"{word_before}{bracket}{mark[:1]}{is_head}", through)


def _letters(text: str, end: int, question: int, most: str) -> tuple[str, int]:
    found = _LETTER.match(text, end)
    if found is None:
        return "", end
    name = next(group for group in found.groups() if group)
    letter = LETTERS[int(name) - 1] if name.isdigit() else _ROMANS.get(name.lower(), name.lower())
    if letter > most:
        return "", end
    letters, at = letter, found.end()
    while (more := _MORE.match(text, at)) is not None:
        sub = more.group("sub").lower()
        other = _ROMANS.get(sub, sub)
        if not letters[-1] < other <= most or more.group("again") not in (None, str(question)):
            break
        is_range = more.group("by") in {"-", "\u2013", "to"}
        letters += "".join(c for c in LETTERS if letters[-1] < c <= other) if is_range else other
        at = more.end()
    return letters, at
