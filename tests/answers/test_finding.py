"""From a submission's documents to a sheet of answers, and from the sheet to results."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from grader.answers.documents.handed_in import MOST_DOCUMENTS
from grader.answers.finding.sheet import read_sheet
from grader.answers.marker.answer_marking import TOO_LONG, mark_answer
from grader.answers.marker.cache import KnownMarker
from grader.answers.marker.finding import SHOWN_FROM, finding
from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.own_network import notes
from grader.answers.sheet_marking import BLANK, NO_ANSWERS, NO_PROPOSAL, WAITING, mark_sheet
from grader.lab4.items import PART1_IDS, PART1_TITLES
from grader.model import (
    AnswerFinding,
    AnswerSheet,
    Criterion,
    KnownFinding,
    KnownFindings,
    MarkedAnswer,
    Result,
    Status,
    WrittenAnswer,
)
from grader.submissions.discovery import discover
from tests.support import evidence_samples as samples
from tests.support.answer_tables import ANSWERS
from tests.support.document_samples import DOCUMENTS
from tests.support.places import ROOT

SCRIPT = (ROOT / "solutions" / "task1_cnn.py").read_text(encoding="utf-8")
CRITERIA = tuple(Criterion(part, title, Decimal(2)) for part, title in PART1_TITLES.items())
SHEET = "\n\n".join(f"Q{part}. {answer}" for part, answer in ANSWERS.items())
BLANKS = "\n\n".join(f"<!-- lab4:q{part} -->\n*Write your answer here.*" for part in PART1_IDS)
LETTER = {part: f"{part}. {answer}" for part, answer in ANSWERS.items()}


@cache
def key() -> AnswerKey:
    return load_key(ROOT / "solutions" / "key.toml")


class MarkerOfAnyText(KnownMarker):
    """Marks when it is asked; in a run, a reading process has marked before."""

    def __call__(self, part: str, text: str) -> AnswerFinding:
        return mark_answer(self.key, part, text)


@cache
def marker() -> MarkerOfAnyText:
    return MarkerOfAnyText(key(), KnownFindings())


def sheet_of(folder: Path, files: Mapping[str, str | Path]) -> AnswerSheet:
    """The sheet of a student who hands in a script and these files: texts, or copies of files."""
    student = folder / "cohort" / "ann"
    student.mkdir(parents=True)
    for name, content in {"task1_cnn.py": SCRIPT, **files}.items():
        path = student / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, Path):
            shutil.copy(content, path)
        else:
            path.write_text(content, encoding="utf-8")
    (submission,) = discover(folder / "cohort", folder / "scratch")
    return read_sheet(submission)


def texts(sheet: AnswerSheet) -> dict[str, str]:
    return {answer.part: answer.text for answer in sheet.answers}


def sources(sheet: AnswerSheet) -> dict[str, str]:
    return {answer.part: answer.source for answer in sheet.answers}


def results(sheet: AnswerSheet, *, with_key: bool = True) -> dict[str, Result]:
    return {result.part: result for result in mark_sheet(sheet, CRITERIA, marker() if with_key else None, {})}


def handed_in(result: Result) -> MarkedAnswer:
    assert result.answer is not None
    return result.answer


RIGHT = WrittenAnswer("8", "It reduces overfitting.", "answers.md", 0.95)


def marked_alone(answer: WrittenAnswer) -> Result:
    return results(AnswerSheet((answer,), (answer.source,)))[answer.part]


# ---- from documents to a sheet ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["answers.md", "part1.txt", "Lab 4 - my answers.markdown", "docs/onlinetext.html"])
def test_a_document_is_found_whatever_its_name(tmp_path: Path, name: str) -> None:
    sheet = sheet_of(tmp_path, {name: SHEET.replace("\n\n", "<br><br>") if name.endswith("html") else SHEET})
    assert texts(sheet) == ANSWERS
    assert (sheet.documents, sheet.problems) == ((name,), ())


@pytest.mark.parametrize("name", ["all-list-libreoffice.docx", "all-sheet-libreoffice.pdf", "all-v3.ipynb"])
def test_documents_from_real_programs_are_read(tmp_path: Path, name: str) -> None:
    sheet = sheet_of(tmp_path, {name: DOCUMENTS / name})
    assert list(texts(sheet)) == list(PART1_IDS)
    assert min(answer.confidence for answer in sheet.answers) >= 0.7


def test_answers_in_the_docstring_of_the_script_are_found(tmp_path: Path) -> None:
    docstring = "\n".join(LETTER.values())
    sheet = sheet_of(tmp_path, {"task1_cnn.py": f'"""My answers\n\n{docstring}\n"""\n\nimport torch\n{SCRIPT}'})
    assert set(sources(sheet).values()) == {"task1_cnn.py"}
    assert list(texts(sheet)) == list(PART1_IDS)


OBSERVED = "More channels made it slower: ten epochs took twice as long."
IN_COMMENTS = "".join(f"# {line}\n" for line in LETTER.values())
SCRIPTS = {
    "two docstrings": f'"""{SHEET}"""\n\n"""{OBSERVED}"""\n\nimport torch\n',
    "a docstring and comments": f'"""{SHEET}"""\n# {OBSERVED}\n\nimport torch\n',
    "comments and a string": f'{IN_COMMENTS}"""{OBSERVED}"""\nimport torch\n',
    "a string after the code": f'"""{SHEET}"""\nimport torch\n\n"""{OBSERVED}"""\n# {OBSERVED}\n',
    "a heading of Part 2 below": f'"""{SHEET}"""\n# {OBSERVED}\n"""Part 2\n\n{OBSERVED}"""\n',
    "questions in comments, answers in strings": "".join(
        f'# Q{part}\n"""{answer}"""\n\n' for part, answer in ANSWERS.items()
    )
    + f"# {OBSERVED}\n",
    "a string for each answer": "".join(f'"""Q{part}: {answer}"""\n' for part, answer in ANSWERS.items())
    + f"import torch\n# {OBSERVED}\n",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_last_answer_in_a_script_ends_where_its_string_or_run_of_comments_does(tmp_path: Path, name: str) -> None:
    found = texts(sheet_of(tmp_path, {"task1_cnn.py": SCRIPTS[name]}))
    assert found == ANSWERS


def test_the_last_answer_in_a_script_keeps_its_paragraphs(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, {"task1_cnn.py": f'"""{SHEET}\n\n{OBSERVED}"""\nimport torch\n"""Other words."""\n'})
    assert texts(sheet) == {**ANSWERS, "8": f"{ANSWERS['8']}\n\n{OBSERVED}"}


def test_ordinary_comments_and_a_readme_are_not_answers(tmp_path: Path) -> None:
    steps = "# 1. load the data\n# 2. define the net\n# 3. train it\n" + SCRIPT
    sheet = sheet_of(tmp_path, {"task1_cnn.py": steps, "README.md": "1. Install torch\n2. Run the script\n"})
    assert {result.status for result in results(sheet).values()} == {Status.NEEDS_REVIEW}


def test_a_filled_document_is_preferred_to_the_blank_template(tmp_path: Path) -> None:
    sheet = sheet_of(tmp_path, {"part1_answers.md": BLANKS, "notes/written.txt": SHEET})
    assert set(sources(sheet).values()) == {"notes/written.txt"}
    assert texts(sheet) == ANSWERS


def test_parts_that_one_document_leaves_out_are_taken_from_another(tmp_path: Path) -> None:
    most = "\n\n".join(f"Q{part}. {answer}" for part, answer in ANSWERS.items() if part not in ("6a", "6b"))
    rest = "\n\n".join(f"<!-- lab4:q{part} -->\n{ANSWERS[part]}" for part in ("6a", "6b"))
    sheet = sheet_of(tmp_path, {"answers.md": most, "pooling.md": rest})
    assert texts(sheet) == ANSWERS
    assert [part for part, source in sources(sheet).items() if source == "pooling.md"] == ["6a", "6b"]


def test_the_same_answers_in_two_formats_do_not_disagree(tmp_path: Path) -> None:
    both = {f"all.{kind}": DOCUMENTS / f"all-sheet-libreoffice.{kind}" for kind in ("docx", "pdf")}
    sheet = sheet_of(tmp_path, both)
    assert [answer.rivals for answer in sheet.answers] == [()] * len(PART1_IDS)


@pytest.mark.slow
def test_two_documents_that_disagree_go_to_a_tutor(tmp_path: Path) -> None:
    other = SHEET.replace(ANSWERS["8"], "It makes training faster.")
    marked = results(sheet_of(tmp_path, {"answers_v1.md": SHEET, "answers_v2.md": other}))
    assert marked["8"].status is Status.NEEDS_REVIEW
    assert "answers_v2.md" in marked["8"].message
    assert marked["6a"].status is Status.PASSED


def test_a_blank_template_is_not_a_zero_beside_an_unreadable_file(tmp_path: Path) -> None:
    alone = results(sheet_of(tmp_path / "alone", {"part1.md": BLANKS}))
    assert {(result.status, result.message) for result in alone.values()} == {(Status.FAILED, BLANK)}
    for name, file in (("scan.pdf", DOCUMENTS / "scan.pdf"), ("photo of my answers.jpg", DOCUMENTS / "scan.pdf")):
        beside = results(sheet_of(tmp_path / name, {"part1.md": BLANKS, name: file}))
        assert {result.status for result in beside.values()} == {Status.NEEDS_REVIEW}
        assert all(name in result.message for result in beside.values())


def test_only_a_limited_number_of_documents_is_read(tmp_path: Path) -> None:
    many = {f"note{number}.txt": "Nothing of interest." for number in range(MOST_DOCUMENTS + 5)}
    sheet = sheet_of(tmp_path, {**many, "my answers.txt": SHEET})
    assert texts(sheet) == ANSWERS
    assert sheet.problems == ("There are too many documents; 7 of them were not read.",)


def test_a_submission_without_answers_waits_for_a_tutor(tmp_path: Path) -> None:
    marked = results(sheet_of(tmp_path, {}))
    assert {(result.status, result.awarded, result.message) for result in marked.values()} == {
        (Status.NEEDS_REVIEW, Decimal(0), NO_ANSWERS)
    }


# ---- from a sheet to marks -------------------------------------------------------------------------------------------


def test_a_mark_is_the_share_of_the_points_that_the_answer_earns() -> None:
    answers = {"6a": "4 5 1 2", "8": "It reduces overfitting.", "7e": "In the weights."}
    sheet = AnswerSheet(tuple(WrittenAnswer(part, text, "a.md", 0.95) for part, text in answers.items()), ("a.md",))
    marked = results(sheet)
    assert [(marked[part].status, marked[part].awarded) for part in answers] == [
        (Status.PARTIAL, Decimal("1.5")),
        (Status.PASSED, Decimal(2)),
        (Status.FAILED, Decimal(0)),
    ]
    assert all(marked[part].proposed is None and handed_in(marked[part]).text == text for part, text in answers.items())
    start, end = handed_in(marked["8"]).spans[-1]
    assert "overfitting" in answers["8"][start:end]


def test_an_answer_that_was_not_found_is_never_a_zero() -> None:
    missing = results(AnswerSheet((WrittenAnswer("8", "It reduces overfitting.", "a.md", 0.95),), ("a.md",)))["1"]
    assert (missing.status, handed_in(missing).confidence) == (Status.NEEDS_REVIEW, 0)
    assert missing.message == "This answer was not found in a.md; a tutor should look for it."
    unread = results(AnswerSheet((), (), ("b.pdf is locked.",)))["1"]
    assert unread.message == "b.pdf is locked. A tutor should look for this answer."


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (replace(RIGHT, confidence=0.69), "It is not certain that this text is the answer"),
        (replace(RIGHT, shared=("7e", "8")), "Parts 7e, 8 are answered in one text."),
        (replace(RIGHT, rivals=("b.md",)), "a different answer to this part in b.md"),
        (replace(RIGHT, has_picture=True), "A picture in answers.md may be part of this answer."),
        (replace(RIGHT, text="It reduces overfitting. " + "x" * TOO_LONG), f"Only the first {TOO_LONG} characters"),
        (replace(RIGHT, is_blank=True, text="", confidence=0.5), "It is not certain"),
    ],
)
def test_a_mark_for_a_possibly_incomplete_answer_is_only_proposed(answer: WrittenAnswer, reason: str) -> None:
    assert marked_alone(RIGHT).status is Status.PASSED
    marked = marked_alone(answer)
    assert (marked.status, marked.awarded) == (Status.NEEDS_REVIEW, Decimal(0))
    assert marked.proposed is not None
    assert handed_in(marked).confidence <= 0.5
    assert reason in marked.message
    assert reason in handed_in(marked).doubt


@pytest.mark.parametrize(
    ("awarded", "confidence", "proposed", "message"),
    [
        ("1", SHOWN_FROM, Decimal(2), "Because."),
        ("1", SHOWN_FROM - 0.01, None, f"{NO_PROPOSAL} Because."),
        ("0.5", SHOWN_FROM - 0.01, None, f"{NO_PROPOSAL} Because."),
    ],
)
def test_nothing_is_proposed_below_a_confidence(
    awarded: str, confidence: float, proposed: Decimal | None, message: str
) -> None:
    unsure = finding(Decimal(awarded), confidence, "Because.")
    known = KnownMarker(key(), KnownFindings(findings={"8": KnownFinding(RIGHT.text, unsure)}))
    (marked,) = mark_sheet(AnswerSheet((RIGHT,), ("a.md",)), [CRITERIA[-1]], known, {})
    assert (marked.status, marked.proposed, marked.message) == (Status.NEEDS_REVIEW, proposed, message)


def test_without_a_key_every_answer_waits_except_blank_ones() -> None:
    blank = WrittenAnswer("7e", "", "a.md", 1.0, is_blank=True)
    sheet = AnswerSheet((blank, WrittenAnswer("8", "It reduces overfitting.", "a.md", 1.0)))
    marked = results(sheet, with_key=False)
    assert (marked["8"].status, marked["8"].message, marked["8"].proposed) == (Status.NEEDS_REVIEW, WAITING, None)
    assert (marked["7e"].status, marked["7e"].message) == (Status.FAILED, BLANK)


# ---- the student's own network ---------------------------------------------------------------------------------------


def test_the_notes_describe_the_students_own_network() -> None:
    sentences = notes(samples.HEALTHY, CRITERIA)
    assert sentences["7c"] == "In your network `conv1` is applied 24 x 24 = 576 times for each filter."
    assert sentences["7a"] == "In your network `conv1` has 10 filters and `conv2` has 20 filters."
    assert sentences["7e"] == "In your network `conv1` fills 10 maps of 24 x 24."
    assert "576 values" in sentences["7d"]
    assert "50 %" in sentences["8"]
    assert notes(None, CRITERIA) == notes(replace(samples.HEALTHY, trace=None), CRITERIA) == {}


def test_a_note_changes_no_mark() -> None:
    sheet = AnswerSheet((WrittenAnswer("7c", "Once for each position of the output.", "a.md", 0.95),), ("a.md",))
    with_note, without = (
        mark_sheet(sheet, CRITERIA, marker(), given) for given in (notes(samples.HEALTHY, CRITERIA), {})
    )
    noted = {result.part: note for result in with_note if (note := handed_in(result).note)}
    assert list(noted) == ["7c"]
    assert [replace(result, answer=replace(handed_in(result), note="")) for result in with_note] == list(without)
