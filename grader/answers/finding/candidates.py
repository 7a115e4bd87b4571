"""Lists, for each line of a document, the parts that may start there; ``segmentation`` chooses among them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace

from grader.answers.documents.document import Kind
from grader.answers.finding.labels import Label, Strength, comment_part, label
from grader.answers.finding.lines import Line, is_section
from grader.answers.finding.paper import Paper
from grader.answers.finding.questions import pooling_named
from grader.model.parts import LARGEST, LETTERS, question_of

_MOST = 0.6
"""Share of the parts above which names that occur twice are two people's answers, or two versions."""
_MOST_CANDIDATES = 300
_SENTENCE = 10
"""Words of an answer, on average, from which a script's numbered comments may be answers without other signs. The steps
of PyTorch's tutorial have 7."""
_FEWEST = 2
"""Questions from which bare numbers count through a paper."""
FEW = 0.6
"""Share of the parts below which everything found without a template is in doubt."""
PART2 = re.compile(
    r"[\s#*_>\d.-]*(?:part\s*(?:2|two|ii|b)\b|task\s*(?:2|two)\b"
    r"|section\s*2\b|task\s*1\b.{0,20}\b(?:cnn|conv|pytorch)|2\.1(?:\s+conv|\s*$)|deep learning in python|appendix\b"
    r"|(?:2\.?\d?\s+)?(?:experiments?|experimentation|task1_cnn(?:\.py)?|references|bibliography|works cited"
    r"|(?:my |your )?observations?|conclusions?|discussion|acknowledge?ments?"
    r"|(?:code |lab |experiment(?:al)? )?report)\b[\s*:]*$)",
    re.IGNORECASE,
)
"""A heading of Part 2, or of what follows the answers in a report."""
_OBSERVATIONS = re.compile(r"\s*<!--\s*lab4:\s*observations?\s*-->", re.IGNORECASE)
_NEAR = 12
"""Lines above the place for observations that are searched for its heading."""
_VALUES = re.compile(r"\W*\d+(?:\.\d+)?[\s,;|\[\]()&]+(?:and\s+)?\d")
"""At least two numbers: the output of a pooling layer, not the size of a window."""


@dataclass(frozen=True)
class Candidate:
    """A possible start: of the paper's keys number ``first`` to ``last``, in line ``line``, their text from ``column``.

    ``needs`` is the question that must have started before, 0 for none; with ``can_open`` the question before it is
    enough.
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


def candidates_of(lines: list[Line], paper: Paper) -> list[Candidate]:
    """Every part that may start on each line, in the order of the lines, at most :data:`_MOST_CANDIDATES`."""
    found = [candidate for index in range(len(lines)) for candidate in _candidates(index, lines, paper)]
    if len(found) > _MOST_CANDIDATES:
        floor = sorted((candidate.score for candidate in found), reverse=True)[_MOST_CANDIDATES]
        best = [candidate for candidate in found if candidate.score > floor]
        level = [candidate for candidate in found if candidate.score == floor]
        found = sorted([*best, *level[: _MOST_CANDIDATES - len(best)]], key=lambda candidate: candidate.line)
    counts: dict[str, set[int]] = {}
    for candidate in found:
        if paper.keys[candidate.first].isdigit():
            counts.setdefault(candidate.style, set()).add(candidate.first)
    common = max(counts, key=lambda style: len(counts[style]), default="")
    return [_favoured(c) if c.style == common and len(counts[common]) > 3 else c for c in found]


def _favoured(c: Candidate) -> Candidate:
    return replace(c, score=c.score + 0.6, confidence=max(c.confidence, 0.75))


def _candidates(index: int, lines: list[Line], paper: Paper) -> list[Candidate]:
    line = lines[index]
    found: list[Candidate] = []
    named, end = comment_part(line.text, paper)
    named = named or line.anchor
    mark = line.label
    if named:
        same = mark is not None and f"{mark.question or question_of(named)}{mark.letters}" == named
        column = mark.end if same and mark and not _begins_list(index, lines) else end
        place = paper.place[named]
        found.append(Candidate(index, place, place, 10.0, column, "anchor", 0.98, "anchor", can_repeat=True))
    before = lines[max(0, index - _NEAR) : index]
    if _is_end(line) or (_OBSERVATIONS.match(line.text) and not any(map(_is_end, before))):
        found.append(Candidate(index, paper.end, paper.end, 1.5, 0, "", 1.0, "end"))
    if not line.kind.is_prose:
        return found
    if mark:
        found.extend(_labelled(index, line, mark, paper))
    pool = _pooled(index, lines, paper)
    if pool and not named and not any(candidate.first == pool.first for candidate in found):
        found.append(pool)
    if line.echo and not any(paper.keys[candidate.first] == line.echo for candidate in found):
        place = paper.place[line.echo]
        column = mark.end if mark and mark.strength <= Strength.PLAIN else 0
        found.append(Candidate(index, place, place, 3.0, column, "similarity", 0.8, "echo"))
    return found


def _is_end(line: Line) -> bool:
    """Whether Part 1 ends before this line: it is a heading of Part 2, or its code."""
    return line.is_foreign or (line.kind.is_prose and len(line.text) < 120 and bool(PART2.match(line.text)))


def _pooled(index: int, lines: list[Line], paper: Paper) -> Candidate | None:
    """The part of question 6 that a line names by its kind of pooling, with or without a 6."""
    line = lines[index]
    mark = line.label
    column = mark.end if mark else 0
    part, end = pooling_named(line.text[column:][:200], paper)
    if not part:
        return None
    place = paper.place[part]
    if mark and mark.question == 6 and not mark.letters and not mark.through:
        score = _SCORE[mark.strength] + 1.0
        return Candidate(index, place, place, score, column, "similarity", 0.85, mark.style)
    below = (after.text for after in lines[index + 1 : index + 4] if after.text.strip())
    after_name = line.text[column:][end:].strip(" \t*_") or next(below, "")
    can_open = mark is None and _VALUES.match(after_name[:100]) is not None
    return Candidate(index, place, place, 2.0, column, "similarity", 0.75, "pool", needs=6, can_open=can_open)


def is_named_twice(lines: list[Line], chain: list[Candidate], paper: Paper) -> bool:
    """Whether labels in the chain's styles name most parts more than once, not counting copied questions."""
    styles = {c.style for c in chain}
    names = Counter(
        (line.label.style, line.label.question, line.label.letters)
        for line in lines
        if line.label and line.label.style in styles and not line.echo
    )
    return sum(count > 1 for count in names.values()) > _MOST * len(paper.parts)


def proven_starts(lines: list[Line], chain: list[Candidate], paper: Paper) -> int:
    """The number of starts of which anything besides a bare number shows that they are the sheet's and not a step."""
    return sum(_is_proven(lines[c.line], c) for c in chain if c.last != paper.end)


def _is_proven(line: Line, c: Candidate) -> bool:
    is_asked = line.label is not None and line.label.is_asked
    return c.how == "similarity" or c.style == "anchor" or bool(line.echo) or is_asked


def counts_through(lines: list[Line], chain: list[Candidate], paper: Paper) -> bool:
    """Whether bare numbers are the sheet's, where the paper has no letters that could show it.

    In one style they name each question once and in order, and no further one follows. They head all that is written:
    no sentence before them may announce a list, and there is no other heading between them. Tasks are Part 2's.
    """
    starts = [c for c in chain if c.last != paper.end]
    if paper.letters or len(paper.parts) < _FEWEST or [c.first for c in starts] != list(range(paper.end)):
        return False
    end = next((c.line for c in chain if c.last == paper.end), len(lines))
    before, inside = lines[: starts[0].line], lines[starts[0].line : end]
    style, wider = starts[0].style, replace(paper, parts=(*paper.parts, str(min(max(paper.numbers) + 1, LARGEST))))
    marks = [mark for line in inside if line.kind.is_prose and (mark := label(line.text.lstrip(), wider))]
    own = [(mark.question, mark.strength > Strength.WEAK) for mark in marks if mark.style == style]
    announcing = [line.text.strip() for line in before if line.is_body]
    words = sum(len(text.split()) for text in announcing)
    return (
        own == [(question_of(part), True) for part in paper.parts]
        and not style.startswith("task")
        and not any(lines[c.line].passage for c in starts)
        and not any(line.kind is Kind.HEADING and not (line.label or is_section(line.text)) for line in inside)
        and (not announcing or (words < _SENTENCE and not announcing[-1].endswith((".", ":", ";", "?", "!"))))
    )


def are_steps(lines: list[Line], chain: list[Candidate], texts: list[str], paper: Paper) -> bool:
    """Whether a script's numbered comments are its steps and no answers.

    Answers are labelled as the sheet's parts, or they are sentences in one string or one run of comment lines; steps
    are short, or have code between them.
    """
    starts = [c for c in chain if c.last != paper.end]
    if not starts or not lines[starts[0].line].passage:
        return False
    proven = proven_starts(lines, chain, paper)
    if proven and (2 * proven >= len(starts) or len(texts) >= FEW * len(paper.parts)):
        return False
    is_one = len({lines[c.line].passage for c in starts}) == 1
    words = sum(len(text.split()) for text in texts)
    return not (is_one and words >= _SENTENCE * len(texts))


def _begins_list(index: int, lines: list[Line]) -> bool:
    """Whether the next number follows a plain number in the same block."""
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


def _labelled(index: int, line: Line, mark: Label, paper: Paper) -> list[Candidate]:
    how = "anchor" if mark.strength is Strength.HEADED and line.kind is Kind.HEADING else "numbering"
    score = _SCORE[mark.strength]
    confidence = _CONFIDENCE[mark.strength]
    spans: list[tuple[str, str, int, float]] = []  # first key, last key, needed question, change of score
    if not mark.question:
        spans = [
            (f"{q}{mark.letters}", f"{q}{mark.letters}", q, 0.0)
            for q in paper.letters
            if f"{q}{mark.letters}" in paper.parts
        ]
    elif mark.letters:
        spans = [(f"{mark.question}{mark.letters[0]}", f"{mark.question}{mark.letters[-1]}", 0, 0.0)]
    elif mark.through:
        last = paper.heads.get(str(mark.through), (str(mark.through),))[-1]
        spans = [(str(mark.question), last, 0, 0.0)]
    else:
        deeper = line.level > 0 and mark.strength <= Strength.PLAIN
        spans = [(str(mark.question), str(mark.question), 0, -0.8 if deeper else 0.0)]
        if deeper and mark.question <= len(LETTERS):
            letter = LETTERS[mark.question - 1]
            spans += [(f"{q}{letter}", f"{q}{letter}", q, -0.5) for q in paper.letters if f"{q}{letter}" in paper.parts]
    found = []
    for first, last, needs, change in spans:
        copied = 0.5 if first in paper.heads else 2.0
        bonus = copied if line.echo == first else -1.5 if line.echo and line.echo != first else 0.0
        sure = min(0.97, confidence + 0.1) if line.echo == first else confidence
        total = score + change + bonus
        can_repeat = mark.strength >= Strength.JOINED
        found.append(
            Candidate(
                index, paper.place[first], paper.place[last], total, mark.end, how, sure, mark.style, needs, can_repeat
            )
        )
    return found
