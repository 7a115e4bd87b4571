"""Collecting a submission's answers: its documents are read and cut, and the parts of all of them become one sheet.

No answer is judged here. Where two documents disagree, the sheet says so instead of choosing silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from rapidfuzz import fuzz

from grader.answers.documents import read_document
from grader.answers.finding.observations import observations_in
from grader.answers.finding.part_text import PartAnswer
from grader.answers.finding.questions import PARTS
from grader.answers.finding.segmentation import cut
from grader.model import AnswerSheet, Submission, WrittenAnswer
from grader.storage.fingerprints import code_digest

MOST_DOCUMENTS = 12
"""Files of one submission that are read, the likeliest first."""
LONGEST_ANSWER = 20_000
"""Characters of an answer that are kept; the sheet asks for a few sentences."""
CERTAIN = 0.7
"""Confidence in a cut from which it counts as right. Chosen on the numbering styles in the tests."""
FAINT = 0.4
"""Confidence below which a find in a second document is taken for chance."""
ALIKE = 85.0
"""Likeness (rapidfuzz ratio of letters and digits, 0..100) from which two texts are one answer in two formats."""
PICTURES = frozenset({".png", ".jpg", ".jpeg", ".heic", ".gif", ".webp", ".tif", ".tiff", ".bmp"})
_LIKELY = re.compile(r"part.?(?:1|one|a)|answer|question|written|report|lab.?4|\.ipynb$", re.IGNORECASE)
_UNLIKELY = re.compile(r"readme|licen[cs]e|changelog|notes?\.|log", re.IGNORECASE)


@dataclass(frozen=True)
class _Read:
    """A document that was read: its name, its parts, and how much of Part 1 it surely answers."""

    name: str
    parts: dict[str, PartAnswer]

    @property
    def weight(self) -> float:
        return sum(answer.confidence for answer in self.parts.values() if answer.text)


def read_sheet(submission: Submission) -> AnswerSheet:
    """The answers in the documents and scripts of ``submission``. Never raises for what a student can hand in."""
    read, problems, observed = [], [], []
    names = _names(submission)
    for name in names[:MOST_DOCUMENTS]:
        document = read_document(submission.root / name)
        if document.problem and not _is_script(name):
            problems.append(document.problem)
        if document.blocks:
            read.append(_Read(name, cut(document)))
            if not _is_script(name) and (found := observations_in(document)) is not None:
                observed.append(replace(found, source=name))
    if len(names) > MOST_DOCUMENTS:
        problems.append(f"There are too many documents to read: {len(names) - MOST_DOCUMENTS} of them were left out.")
    answers = tuple(_answers(read))
    if not any(answer.text for answer in answers) and (pictures := _pictures(submission)):
        problems.append(f"No answer stands in a document, but pictures were handed in ({', '.join(pictures[:3])}).")
    used = {answer.source for answer in answers}
    documents = tuple(one.name for one in read if one.name in used or not _is_script(one.name))
    observations = max(observed, key=lambda one: (bool(one.text), one.confidence), default=None)
    return AnswerSheet(answers, documents, tuple(problems), observations)


def _is_script(name: str) -> bool:
    return PurePosixPath(name).suffix.casefold() in {".py", ".pyw"}


def _names(submission: Submission) -> list[str]:
    """What may hold answers: documents by how likely their names are, then the script, then other scripts."""
    script = [submission.script] if submission.script else []
    others = [name for name in submission.files if _is_script(name) and name not in script]
    documents = sorted(submission.documents, key=_unlikelihood)
    return list(dict.fromkeys([*documents, *script, *others]))


def _unlikelihood(name: str) -> int:
    base = PurePosixPath(name).name
    return 2 if _UNLIKELY.search(base) else 0 if _LIKELY.search(base) else 1


def _pictures(submission: Submission) -> list[str]:
    return [name for name in submission.files if PurePosixPath(name).suffix.casefold() in PICTURES]


def _answers(read: Sequence[_Read]) -> Iterator[WrittenAnswer]:
    """One answer for each part that was found: the best document's, or another's where that one says nothing."""
    if not read:
        return
    best = max(read, key=lambda one: one.weight)
    ordered = [best, *(one for one in read if one is not best)]
    for part in PARTS:
        found = [(one.name, one.parts[part]) for one in ordered if part in one.parts]
        found = [(name, answer) for name, answer in found if name == best.name or answer.confidence >= FAINT]
        if found:
            yield _chosen(part, found)


def _chosen(part: str, found: Sequence[tuple[str, PartAnswer]]) -> WrittenAnswer:
    """The first sure answer of those found, best document first, then the first unsure one, then the blank place."""
    says = [(name, answer) for name, answer in found if answer.text]
    sure = [(name, answer) for name, answer in says if answer.confidence >= CERTAIN and not answer.shared]
    name, answer = (sure or says or found)[0]
    rivals = tuple(other for other, one in sure if other != name and not _is_same(one.text, answer.text))
    return WrittenAnswer(
        part=part,
        text=answer.text[:LONGEST_ANSWER],
        source=name,
        confidence=answer.confidence,
        is_blank=answer.is_untouched,
        shared=answer.shared,
        rivals=rivals,
        has_picture=answer.has_picture,
    )


def _is_same(one: str, other: str) -> bool:
    """Whether two texts say the same in other type: an export of a document next to the document itself."""
    return fuzz.ratio(_letters(one), _letters(other), score_cutoff=ALIKE) > 0 or _letters(one) == _letters(other)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text[:LONGEST_ANSWER]).casefold()


def reader_digest() -> str:
    """SHA-256 of the code that makes a sheet out of documents, so that sheets of other code are not reused."""
    return code_digest("answers.documents", "answers.finding", "source.script")
