"""The text of an answer out of the lines that it stands in: no question, heading, template text or code of Part 2.

Where an answer begins and ends is decided in :mod:`grader.answers.cutting`. No word of the student's is changed.
"""

from __future__ import annotations

import re

from grader.answers.lines import Candidate, Line, is_section
from grader.answers.questions import without_question

_ANSWER = re.compile(
    r"[\s>*_#]*(?:(?:my\s+)?(?:answers?|ans|response|solution)\s*[*_]*\s*[:.\u2013-]+|a\s*[:])[\s*_]*", re.IGNORECASE
)
_BARE_ANSWER = re.compile(r"[\s>*_#]*(?:(?:my|your)\s+)?answer[\s*_]*(?:\n|$)", re.IGNORECASE)
_PLACEHOLDER = re.compile(
    r"[\W_]*+(?:(?:(?:please\s+)?(?:type|write|enter|put|insert|add)?\s*your\s+answers?(?:\s+(?:goes\s+)?here)?"
    r"|answer\s+(?:goes\s+)?here|to\s*do|tbd|tba|double.?click to edit|n/?a yet)[\W_]*+)*+",
    re.IGNORECASE,
)
_TAG = re.compile(r"</?(?:span|font|strong|em|mark|div|p|b|i|u|br)\b[^<>]{0,200}>", re.IGNORECASE)
"""HTML that Markdown may hold, for colour most of all."""
_TABLE_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|)+(?:\s*:?-{2,}:?)?\s*$|\s*:?-{3,}:?\s*$")
_COMMENT = re.compile(r"<!--.{0,200}?-->", re.DOTALL)


def segment(lines: list[Line], start: Candidate, until: int, part: str) -> str:
    """The text from a beginning to the next, without question, headings, template text and Part 2's code."""
    kept: list[str] = []
    block = lines[start.line].block
    for index in range(start.line, until):
        line = lines[index]
        text = line.text[start.column :] if index == start.line else line.text
        if line.is_foreign or (index > start.line and (is_section(text) or _TABLE_RULE.match(text[:300]))):
            continue
        if re.search(r"\w", text) and _PLACEHOLDER.fullmatch(_COMMENT.sub("", text)):
            continue
        if line.block != block and kept and kept[-1].strip():
            kept.append("")
        block = line.block
        kept.append(text.rstrip())
    text = _TAG.sub("", _COMMENT.sub("", "\n".join(kept))).strip()
    if "**" in lines[start.line].text[: start.column]:
        text = _without_bold_question(text)
    text = without_question(text.lstrip("*_ \t"), part).strip()
    text = _stripped(without_question(_stripped(text), part).strip())
    return "" if _PLACEHOLDER.fullmatch(text) else text


def _without_bold_question(text: str) -> str:
    """``text`` without a question that began, with its label, in bold; other bold words lose their marks alone."""
    head, mark, rest = text.partition("**")
    if not mark or text.split("\n", 1)[0].count("**") % 2 == 0 or "\n" in head:
        return text
    return rest if head.rstrip().endswith("?") else head + rest


def _stripped(text: str) -> str:
    """``text`` without the word that only announces an answer, and without emphasis that lost its other half."""
    for pattern in (_ANSWER, _BARE_ANSWER):
        found = pattern.match(text)
        text = text[found.end() :] if found else text
    lead = re.match(r"(?:[-=]{0,2}>|[\u2192\u21d2\u2794])\s*|[*_]{2}(?=\s)|\*\*$", text)
    text = (text[lead.end() :] if lead else text).strip()
    if text.startswith("**") and text.count("**") <= 2:
        text = text[2:]
    return text[:-2].rstrip() if text.endswith("**") and text.count("**") % 2 else text
