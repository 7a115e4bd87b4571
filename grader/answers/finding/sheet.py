"""Collects a submission's answers from all its documents into one sheet.

Where two documents disagree, the sheet says so instead of choosing silently. Answers are marked elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from rapidfuzz import fuzz

from grader.answers.documents import LONGEST_SECONDS, Document, read_document
from grader.answers.documents.document import too_slow
from grader.answers.documents.handed_in import MOST_DOCUMENTS, pictures_of
from grader.answers.documents.time_limit import TooSlow, cpu_limit
from grader.answers.finding.observations import observations_in
from grader.answers.finding.paper import LAB4, Paper
from grader.answers.finding.part_text import PartAnswer
from grader.answers.finding.segmentation import CERTAIN, UNPROVEN, cut
from grader.model import AnswerSheet, Submission, WrittenAnswer
from grader.storage.fingerprints import code_digest

LONGEST_ANSWER = 20_000
"""Characters of an answer that are kept; the sheet asks for a few sentences."""
FAINT = 0.4
"""Confidence below which an answer found in a second document counts as a coincidence."""
ALIKE = 85.0
"""Similarity (rapidfuzz ratio of letters and digits, 0..100) from which two texts are one answer in two formats."""
_LIKELY = re.compile(r"part.?(?:1|one|a)|answer|question|written|report|lab.?4|\.ipynb$", re.IGNORECASE)
_UNLIKELY = re.compile(r"readme|licen[cs]e|changelog|notes?\.|log", re.IGNORECASE)


@dataclass(frozen=True)
class _Read:
    """A document that was read: its name and its parts. ``weight`` is how much of Part 1 it answers."""

    name: str
    parts: dict[str, PartAnswer]

    @property
    def weight(self) -> float:
        return sum(answer.confidence for answer in self.parts.values() if answer.text)


def read_sheet(submission: Submission, paper: Paper = LAB4) -> AnswerSheet:
    """The answers to ``paper`` in the documents and scripts of ``submission``. Never raises for a student's files."""
    read: list[_Read] = []
    problems: list[str] = []
    observed: list[WrittenAnswer] = []
    names = _names(submission)
    for name in names[:MOST_DOCUMENTS]:
        document, parts, found = _taken_apart(submission.root / name, paper)
        if document.problem and not _is_script(name):
            place = 0 if document.is_for_a_person else len(problems)  # what only a person can read comes first
            problems.insert(place, name + document.problem.removeprefix(PurePosixPath(name).name))
        if document.blocks:
            read.append(_Read(name, parts))
            if found is not None:
                observed.append(replace(found, source=name))
    if len(names) > MOST_DOCUMENTS:
        problems.append(f"There are too many documents; {len(names) - MOST_DOCUMENTS} of them were not read.")
    answers = tuple(_answers(_with_doubt(read), paper))
    if not any(answer.text for answer in answers) and (pictures := pictures_of(submission)):
        problems.append(f"No document contains an answer, but there are pictures ({', '.join(pictures[:3])}).")
    used = {answer.source for answer in answers}
    documents = tuple(document.name for document in read if document.name in used or not _is_script(document.name))
    observations = max(observed, key=lambda found: (bool(found.text), found.confidence), default=None)
    return AnswerSheet(answers, documents, tuple(problems), observations)


def _with_doubt(read: Sequence[_Read]) -> Sequence[_Read]:
    """The same, with bare numbers in doubt beside another document: they may be a list within one answer."""
    if sum(not _is_script(document.name) for document in read) <= 1:
        return read
    return [replace(document, parts=dict(map(_doubted, document.parts.items()))) for document in read]


def _doubted(found: tuple[str, PartAnswer]) -> tuple[str, PartAnswer]:
    part, answer = found
    return part, replace(answer, confidence=answer.confidence * UNPROVEN) if answer.is_counted else answer


def _taken_apart(path: Path, paper: Paper) -> tuple[Document, dict[str, PartAnswer], WrittenAnswer | None]:
    """A document, its parts, and the observations on the experiments."""
    try:
        with cpu_limit(LONGEST_SECONDS):
            document = read_document(path)
            return document, cut(document, paper), None if _is_script(path.name) else observations_in(document)
    except TooSlow:
        return too_slow(path.name), {}, None


def _is_script(name: str) -> bool:
    return PurePosixPath(name).suffix.casefold() in {".py", ".pyw"}


def _names(submission: Submission) -> list[str]:
    """The files that may contain answers: documents, the likeliest names first, then the script, then other scripts."""
    script = [submission.script] if submission.script and not submission.code_document else []
    others = [name for name in submission.files if _is_script(name) and name not in {*script, submission.script}]
    documents = sorted(submission.documents, key=_unlikelihood)
    return list(dict.fromkeys([*documents, *script, *others]))


def _unlikelihood(name: str) -> int:
    base = PurePosixPath(name).name
    return 2 if _UNLIKELY.search(base) else 0 if _LIKELY.search(base) else 1


def _answers(read: Sequence[_Read], paper: Paper) -> Iterator[WrittenAnswer]:
    """One answer for each part that was found: from the best document, or from another where that is blank."""
    if not read:
        return
    best = max(read, key=lambda document: document.weight)
    ordered = [best, *(document for document in read if document is not best)]
    for part in paper.parts:
        found = [(document.name, document.parts[part]) for document in ordered if part in document.parts]
        found = [(name, answer) for name, answer in found if name == best.name or answer.confidence >= FAINT]
        if found:
            yield _chosen(part, found)


def _chosen(part: str, found: Sequence[tuple[str, PartAnswer]]) -> WrittenAnswer:
    """The first certain answer, the best document's first; else the first uncertain one; else the blank."""
    says = [(name, answer) for name, answer in found if answer.text]
    sure = [(name, answer) for name, answer in says if answer.confidence >= CERTAIN and not answer.shared]
    name, answer = (sure or says or found)[0]
    rivals = tuple(other for other, rival in sure if other != name and not _is_same(rival.text, answer.text))
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


def _is_same(text: str, other: str) -> bool:
    """Whether two texts are the same but for formatting, such as a document and an export of it."""
    return fuzz.ratio(_letters(text), _letters(other), score_cutoff=ALIKE) > 0 or _letters(text) == _letters(other)


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text[:LONGEST_ANSWER]).casefold()


def reader_digest() -> str:
    """SHA-256 of the code that makes a sheet from documents, so that sheets made by other code are not reused."""
    return code_digest("answers.documents", "answers.finding", "lab4", "model.parts", "source")
