"""Cuts a document into the parts of a paper, by the best-scoring chain of starts in the sheet's order.

:mod:`grader.answers.finding.candidates` lists the possible starts, and :mod:`grader.answers.finding.part_text` extracts
the text after each. A part that is not found is left out, never invented.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.answers.documents.document import PICTURE, Document
from grader.answers.finding.candidates import (
    FEW,
    Candidate,
    are_steps,
    candidates_of,
    counts_through,
    is_named_twice,
    proven_starts,
)
from grader.answers.finding.chains import with_plain_labels
from grader.answers.finding.inline import broken_at_labels, with_inline
from grader.answers.finding.lines import Line, lines_of
from grader.answers.finding.paper import LAB4, Paper
from grader.answers.finding.part_text import PartAnswer, answers_between
from grader.answers.finding.unlabelled import in_order
from grader.model.parts import LETTERS, question_of

_MISSING = 0.4
_EMPTY = 1.0
_UNEXPLAINED = 1.0
"""Cost of a label that is neither the start of a part nor an item of a list that counts from one."""
_NEW_LIST = 0.15
_NEXT_ITEM = 0.05
_BEFORE_ALL = 2.7
"""Factor on the costs above before the first part, or before the first sub-part of a question.

Of two nested lists with the same numbers, the outer one is the sheet's.
"""
_ECHO = 2.0
"""Cost of a copied question with nothing below it: it loses the bonus that ``candidates`` gave it."""
_RESUMED = 0.1
"""Cost of a start that would also continue a list within the part before it."""
_REPEATED = 0.3
CERTAIN = 0.7
"""Confidence from which a found answer counts as certain. Chosen on the numbering styles in the tests."""
_COMPLETE = 0.75
"""Least confidence in each start when at most one part is missing: a complete chain is not a coincidence."""
_DOUBT = 0.7
"""Factor on the confidence in a start that may also be the next item of a list. The next three are factors too."""
_UNNUMBERED = 0.85
"""Where question 6 is found only by names of pooling between 5 and 7."""
_AMBIGUOUS = 0.6
"""Where the parts are named twice in one style, or are all in one place: two people's answers, or two versions."""
UNPROVEN = 0.6
"""Where there are only plain numbers, without a letter, a copied question or a word that says what they number."""
_ANY_ORDER = 0.75
"""Confidence in parts in another order than the sheet's, each named once."""
_MOST_STOPS = 800
"""Labelled lines that are examined."""


def cut(document: Document, paper: Paper = LAB4) -> dict[str, PartAnswer]:
    """The parts that were found in the document, in the sheet's order."""
    found = _best_cut(document, paper)
    if not document.has_pictures or any(PICTURE in block.text for block in document.blocks):
        return found
    return {
        part: answer if answer.text else replace(answer, is_untouched=False, has_picture=True)
        for part, answer in found.items()
    }


def _best_cut(document: Document, paper: Paper) -> dict[str, PartAnswer]:
    found = _cut_with_inline(document, paper)
    if all(part in found and _is_certain(found[part]) for part in paper.parts):
        return found
    relabelled = with_plain_labels(document, paper)
    chained = _cut_with_inline(relabelled, paper) if relabelled else {}
    kept = {part: answer for part, answer in found.items() if _is_certain(answer)}
    is_same = all(part in chained and chained[part].text == answer.text for part, answer in kept.items())
    best = chained if is_same and _weight(chained) > _weight(found) else found
    ordered = {} if any(_is_certain(answer) for answer in best.values()) else in_order(document, paper)
    return ordered if _weight(ordered) > _weight(best) else best


def _is_certain(answer: PartAnswer) -> bool:
    return answer.confidence >= CERTAIN and not answer.shared


def _weight(found: dict[str, PartAnswer]) -> float:
    """How many parts were found, each counted as far as it is certain."""
    return sum(answer.confidence for answer in found.values() if not answer.shared)


def _cut_with_inline(document: Document, paper: Paper) -> dict[str, PartAnswer]:
    found = _cut(document, paper)
    is_whole = all(part in found and not found[part].shared for part in paper.parts)
    broken = None if is_whole else broken_at_labels(document, paper)
    return with_inline(found, _cut(broken, paper), paper) if broken else found


def _cut(document: Document, paper: Paper) -> dict[str, PartAnswer]:
    lines = lines_of(document, paper)
    candidates = candidates_of(lines, paper)
    chain = _best_chain(lines, candidates, paper)
    found = answers_between(lines, chain, paper)
    loose = _in_any_order(candidates, paper)
    if len(loose) > sum(not answer.shared for answer in found.values()):
        ends = [c for c in candidates if c.last == paper.end]
        found = answers_between(lines, sorted([*loose, *ends], key=lambda c: c.line), paper)
        found = {part: replace(answer, confidence=_ANY_ORDER) for part, answer in found.items()}
    elif are_steps(lines, chain, [answer.text for answer in found.values()], paper):
        return {}
    factor = 1.0
    if not proven_starts(lines, chain, paper):
        is_counted = counts_through(lines, chain, paper)
        factor = 1.0 if is_counted else UNPROVEN
        found = {part: replace(answer, is_counted=is_counted) for part, answer in found.items()}
    if is_named_twice(lines, chain, paper) or _is_misplaced(found):
        factor *= _AMBIGUOUS
    doubted = _doubted(found, paper)
    return {part: replace(answer, confidence=round(answer.confidence * factor, 2)) for part, answer in doubted.items()}


def _in_any_order(candidates: list[Candidate], paper: Paper) -> list[Candidate]:
    """The starts in one style that name most of the parts, each once; empty where no style does."""
    styles: dict[str, list[Candidate]] = {}
    for c in candidates:
        if paper.keys[c.first] in paper.parts and c.first == c.last and not c.needs:
            styles.setdefault(c.style, []).append(c)
    for style in styles.values():
        if len({c.first for c in style}) == len(style) > FEW * len(paper.parts) and any(
            2 * c.first > paper.end for c in style
        ):
            return style
    return []


def _is_misplaced(found: dict[str, PartAnswer]) -> bool:
    """Whether one answer has so many lines that they may be the answers to the parts left blank."""
    blank = sum(answer.is_untouched for answer in found.values())
    longest = max((sum(map(bool, answer.text.split("\n"))) for answer in found.values()), default=0)
    return blank > 2 and longest > blank


@dataclass(frozen=True)
class _Gap:
    """The text between two labelled lines: the cost of its labels, and whether the second continues a list in it."""

    cost: float
    is_resumed: bool


def _gaps(lines: list[Line], stops: list[int], start: int) -> dict[int, _Gap]:
    """The gap between ``start`` and each of the ``stops`` after it."""
    found: dict[int, _Gap] = {}
    cost = 0.0
    factor = _BEFORE_ALL if start < 0 else 1.0
    expected: dict[str, tuple[int, int]] = {}  # kind of list -> next value, level
    for stop in stops:
        mark = lines[stop].label
        value, kind = 0, ""
        if mark and not mark.letters:
            value, kind = mark.question, "number"
        elif mark and not mark.question:
            value, kind = LETTERS.index(mark.letters) + 1, "letter"
        known, level = expected.get(kind, (0, 0))
        if stop > start:
            found[stop] = _Gap(cost, bool(kind) and known == value and level >= lines[stop].level)
            if mark is None:
                continue
            if not kind or mark.strength > 4:
                cost += _UNEXPLAINED
            elif value == 1:
                cost += _NEW_LIST * factor
                expected[kind] = (2, lines[stop].level)
            elif known == value:
                cost += _NEXT_ITEM * factor
                expected[kind] = (value + 1, level)
            else:
                cost += _UNEXPLAINED * (0.3 if mark.strength == 1 else 0.6 if lines[stop].level else 1.0)
    found[len(lines)] = _Gap(cost, False)
    return found


def _best_chain(lines: list[Line], candidates: list[Candidate], paper: Paper) -> list[Candidate]:
    """The chain of candidates, ascending by line and part, with the highest score (dynamic programming)."""
    stops = sorted({c.line for c in candidates} | {i for i, line in enumerate(lines) if line.label})[:_MOST_STOPS]
    bodies = [0]
    for line in lines:
        bodies.append(bodies[-1] + line.is_body)
    before = _gaps(lines, stops, -1)
    gaps = {line: _gaps(lines, stops, line) for line in {c.line for c in candidates}}
    best: list[tuple[float, int, bool]] = []
    for index, c in enumerate(candidates):
        if c.needs or c.line not in before:
            top = (float("-inf"), -1, False)
        else:
            top = (c.score - before[c.line].cost - _missing(-1, c.first, paper), -1, False)
        for earlier in range(index):
            p = candidates[earlier]
            if p.line >= c.line or p.last == paper.end or c.line not in gaps[p.line]:
                continue
            is_again = p.last == c.first == p.first == c.last and _can_repeat(p, c, lines)
            if p.last >= c.first and not is_again:
                continue
            if c.needs and not _is_open(c, paper.keys[p.last]):
                continue
            gap = gaps[p.line][c.line]
            is_resumed = gap.is_resumed and not is_again
            total = best[earlier][0] - gap.cost * (_BEFORE_ALL if paper.keys[p.last] in paper.heads else 1.0)
            if is_again:
                total += _REPEATED + max(0.0, c.score - p.score)
            else:
                is_empty = bodies[c.line] == bodies[p.line] and paper.keys[p.last] not in paper.heads
                total += (
                    c.score
                    - _missing(p.last, c.first, paper)
                    - _emptiness(lines[p.line]) * is_empty
                    - _RESUMED * is_resumed
                )
            if total > top[0]:
                top = (total, earlier, is_resumed)
        best.append(top)
    scored = []
    for index, c in enumerate(candidates):
        cost = gaps[c.line][len(lines)].cost if c.last != paper.end else 0.0
        is_empty = bodies[-1] == bodies[c.line] and c.last != paper.end
        scored.append(
            (best[index][0] - cost - _missing(c.last, paper.end, paper) - _emptiness(lines[c.line]) * is_empty, index)
        )
    total, index = max(scored, default=(float("-inf"), -1), key=lambda pair: (pair[0], -pair[1]))
    chain: list[tuple[Candidate, bool]] = []
    while index >= 0 and total > float("-inf"):
        _, earlier, is_resumed = best[index]
        chain.append((candidates[index], is_resumed))
        index = earlier
    chain.reverse()
    places = {place for c, _ in chain for place in range(c.first, c.last + 1) if paper.keys[place] in paper.parts}
    floor = _COMPLETE if len(places) > len(paper.parts) - 2 else 0.0
    # A list before the first part that is numbered like the parts may be the parts.
    start = chain[0][0] if chain and before[chain[0][0].line].cost > _NEW_LIST else None
    labels = [line.label for line in lines[: start.line] if line.label] if start else []
    rival = start.style if start and any(mark.style == start.style for mark in labels) else ""
    has_six = any(paper.keys[c.first].startswith("6") and not c.needs for c, _ in chain)
    return [
        replace(
            c,
            confidence=max(c.confidence, floor)
            * (_DOUBT if is_resumed or c.style == rival else 1.0)
            * (_UNNUMBERED if c.style == "pool" and not has_six else 1.0),
        )
        for c, is_resumed in chain
    ]


def _is_open(c: Candidate, before: str) -> bool:
    """Whether the question that ``c`` needs has started after ``before``, or would start next."""
    return question_of(before) == c.needs or (c.can_open and before == str(c.needs - 1))


def _can_repeat(p: Candidate, c: Candidate, lines: list[Line]) -> bool:
    """Whether ``c`` may name the same part as ``p`` again: first the question, then the answer."""
    return c.can_repeat and (p.can_repeat or bool(lines[p.line].echo))


def _emptiness(start: Line) -> float:
    return _EMPTY + _ECHO * bool(start.echo)


def _missing(after: int, until: int, paper: Paper) -> float:
    return _MISSING * (paper.parts_before[until] - paper.parts_before[after + 1])


def _doubted(found: dict[str, PartAnswer], paper: Paper) -> dict[str, PartAnswer]:
    """Lower the confidence where much of the sheet is missing, and where a part may include the next one's answer."""
    coverage = sum(not answer.shared for answer in found.values()) / len(paper.parts)
    result = {}
    for part, following in zip(paper.parts, [*paper.parts[1:], ""], strict=True):
        if part not in found:
            continue
        answer = found[part]
        sure = answer.confidence
        if coverage < FEW and answer.how != "anchor":
            sure *= max(0.4, coverage / FEW)
        if paper.has_pooling and part == "6b" and "6a" not in found and answer.how == "similarity":
            sure *= 0.8
        if following and following not in found and answer.how != "anchor":
            sure *= 0.8
        result[part] = replace(answer, confidence=round(sure, 2))
    return result
