"""The reader of a submission: it reads like the functions that it runs, and turns every limit into a sentence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from grader.answers.finding.paper import Paper
from grader.answers.finding.sheet import read_sheet
from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.key import load_key
from grader.model import GraderFault, Status
from grader.model.evidence import Ending
from grader.model.submission import CodePiece
from grader.reading import Reader, Readers
from grader.reading.service import Request, decoded, encoded
from grader.sandbox import Ask
from grader.sandbox.measuring import Outcome
from grader.submissions.discovery import discover, survey
from tests.support.document_samples import RESOURCES, costly_pdf, printed
from tests.support.places import ROOT

ANSWERS = "1. Many hidden layers that learn features from data.\n\n8. It reduces overfitting.\n"
SCRIPT = "import torch.nn as nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
KEY = load_key(ROOT / "solutions" / "key.toml")


@contextmanager
def reading(folder: Path) -> Iterator[Reader]:
    folder.mkdir(exist_ok=True)
    with Readers(KEY, at_once=1, scratch=folder) as readers, readers.open() as opened:
        yield opened


def test_it_finds_the_parts_of_another_paper(tmp_path: Path) -> None:
    path = cohort(tmp_path, answers_dot_md="1a) Because.\n\n1b) Never.\n\n2. Nothing.\n")
    (delivery,) = survey(path, tmp_path / "cohort-scratch")
    with Readers(None, Paper(("1a", "1b", "2")), at_once=1, scratch=tmp_path) as readers, readers.open() as opened:
        sheet = opened.sheet(opened.assemble(delivery))
    assert {answer.part: answer.text for answer in sheet.answers} == {"1a": "Because.", "1b": "Never.", "2": "Nothing."}


def reader_of(ask: Ask, folder: Path) -> Reader:
    return Reader(ask, ask, folder, prepare=lambda parts: None)


def cohort(folder: Path, **files: str) -> Path:
    student = folder / "cohort" / "ann"
    student.mkdir(parents=True)
    for name, text in files.items():
        (student / name.replace("_dot_", ".")).write_text(text, encoding="utf-8")
    return folder / "cohort"


def test_it_reads_what_its_functions_read(tmp_path: Path) -> None:
    path = cohort(tmp_path, task1_cnn_dot_py=SCRIPT, answers_dot_md=ANSWERS, experiments_dot_csv="channels,kernel\n")
    (expected,) = discover(path, tmp_path / "scratch")
    with reading(tmp_path / "reading") as opened:
        (delivery,) = survey(path, tmp_path / "cohort-scratch")
        submission = opened.assemble(delivery)
        assert submission == replace(expected, code=(CodePiece(SCRIPT.rstrip()),))
        sheet = opened.sheet(submission)
        assert sheet == read_sheet(expected)
        assert opened.experiment(submission) is not None
        texts = {answer.part: answer.text for answer in sheet.answers}
        found = opened.findings(texts)
    assert {part: known.finding for part, known in found.items()} == {
        part: mark_answer(KEY, part, text) for part, text in texts.items()
    }
    assert not list((tmp_path / "reading").iterdir()), "the folder of the submission is gone"


@pytest.mark.parametrize("kind", ["pdf", "html"])
def test_slow_documents_leave_time_for_the_next(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long PDF is slow to read; the other pages are slow to divide into parts.

    The documents share two seconds; the long reserve is for a machine that stops in between.
    """
    monkeypatch.setattr("grader.reading.reader.READING_SECONDS", 30)
    monkeypatch.setattr("grader.answers.documents.time_limit._RESERVE", 28)
    path = cohort(tmp_path, task1_cnn_dot_py=SCRIPT, part1_dot_md=ANSWERS)
    for number in range(2 if kind == "pdf" else 6):
        place = path / "ann" / f"answers{number}.{kind}"
        printed(place, ["1. slow"] * 80_000, RESOURCES)
        if kind == "html":
            place.write_text("<html>" + "<p>1. deep learning</p>" * 5000)
    with reading(tmp_path / "reading") as opened:
        (delivery,) = survey(path, tmp_path / "cohort-scratch")
        sheet = opened.sheet(opened.assemble(delivery))
    assert f"{place.name} takes too long to read, so a person must read it." in sheet.problems
    assert "part1.md" in {answer.source for answer in sheet.answers}


def test_a_name_that_is_not_text_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9")
    request = Request("assemble", path)
    assert decoded(encoded(request), Request) == request


@pytest.mark.parametrize(
    ("ending", "sentence"),
    [
        (Ending("deadline", "read", "late"), "takes too long to read"),
        (Ending("memory", "read", "large"), "needs too much memory to be read"),
        (Ending("depth", "read", "RecursionError"), "is nested too deeply to be read"),
        (Ending("signal", "read", "SIGSEGV"), "cannot be read"),
        (Ending("exit", "read", "1"), "cannot be read"),
    ],
)
def test_what_exceeds_a_limit_waits_for_a_tutor(tmp_path: Path, ending: Ending, sentence: str) -> None:
    ask: Ask = lambda request, seconds: Outcome(ending)  # noqa: E731
    opened = reader_of(ask, tmp_path)
    (delivery,) = survey(cohort(tmp_path, task1_cnn_dot_py=SCRIPT), tmp_path / "scratch")
    submission = opened.assemble(delivery)
    assert (submission.id, submission.script, submission.has_unread_work) == ("ann", None, True)
    assert sentence in submission.problem
    sheet = opened.sheet(submission)
    assert not sheet.answers
    assert sentence in sheet.problems[0]
    experiment = opened.experiment(submission)
    assert experiment is not None
    assert (experiment.trials, experiment.unread) == ((), 1)
    found = opened.findings({"1": "deep"})
    assert opened.exceeded == {"assemble", "sheet", "experiment", "mark"}
    assert found["1"].finding.status is Status.NEEDS_REVIEW
    assert sentence in found["1"].finding.message


def test_a_reply_that_is_too_large_is_a_limit_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("grader.reading.service.MOST_BYTES", 10)  # the process is a copy of this one
    (delivery,) = survey(cohort(tmp_path, task1_cnn_dot_py=SCRIPT), tmp_path / "scratch")
    with reading(tmp_path / "reading") as opened:
        assert "needs too much memory" in opened.assemble(delivery).problem


@pytest.mark.parametrize("kind", ["fault", "lost"])
def test_a_fault_of_the_grader_is_not_the_submission_s(tmp_path: Path, kind: str) -> None:
    ask: Ask = lambda request, seconds: Outcome(Ending(kind, "read", "KeyError: 'x'"))  # noqa: E731
    with pytest.raises(GraderFault, match="KeyError"):
        reader_of(ask, tmp_path).findings({"1": "deep"})


def test_a_pdf_that_expands_without_limit_costs_only_itself(tmp_path: Path) -> None:
    path = cohort(tmp_path, task1_cnn_dot_py=SCRIPT, answers_dot_md=ANSWERS)
    costly_pdf(path / "ann" / "bomb.pdf", 10_000_000)
    with reading(tmp_path / "reading") as opened:
        (delivery,) = survey(path, tmp_path / "scratch")
        sheet = opened.sheet(opened.assemble(delivery))
    assert [answer.part for answer in sheet.answers] == ["1", "8"]
    assert any("bomb.pdf" in problem for problem in sheet.problems)
