"""Tutors' decisions as samples of the key, and how far tutors and grader agree."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.answers.marker.cache import KnownMarker
from grader.answers.marker.key import load_key
from grader.answers.marker.samples import Sample
from grader.answers.marker.samples_file import SamplesFile
from grader.lab4.items import PART1_IDS
from grader.model import Decision, KnownFindings, Report, UsageFault
from grader.moderation.agreement import BLIND, SEEN, compared
from grader.moderation.decisions import Decisions, subject_digest
from tests.support import report_samples as samples
from tests.support.review_samples import answered

KNOWN = (
    '{"part": "7b", "answer": "A  dot product", "gold": 1}\r\n'
    '{"part":"8","answer":"It helps.","gold":0.5,"author":"Theo","at":"2024-01-01T00:00:00+00:00"}'
)
"""Written by hand, without a line's end; learning may not change a byte of it without --replace."""
KEY = "\n".join(
    (
        'format = 1\nsamples = "samples.jsonl"\nordinary_words = ["word"]\n[words]',
        *(
            f"""
[parts.{part}]
question = "What?"
full = "said"
half = "said"
vocabulary = ["word"]
right = "Right."
missing = "Missing."
lacking = "Lacking."
ideas = [{{name = "said", say = "it is so", patterns = ["word"]}}]
wrong = [{{name = "wrong", say = "No.", patterns = ["other"]}}]
"""
            for part in PART1_IDS
            if part not in ("6a", "6b")
        ),
        *(
            f"""
[parts.{part}]
question = "Which?"
values = ["1", "2", "3", "4"]
other = ["4", "3", "2", "1"]
missing = "Missing."
other_part = "Those of the other part."
"""
            for part in ("6a", "6b")
        ),
    )
)
"""A key that loads at once."""
MINUTES = iter(range(10, 60))
Learn = Callable[..., tuple[int, str, str]]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def with_texts(student: str, **texts: str) -> Report:
    """A report whose parts 7b and 8, settled at 1 point, have these texts: ``p8="It helps."``."""
    report = answered(student)
    answers = (
        samples.altered(result, text=texts.get(f"p{result.part}", "A filter.")) for result in report.answer_results
    )
    return samples.changed(report, answers=tuple(answers))


def decision(report: Report, part: str, new: str | None, **changes: object) -> Decision:
    result = next(result for result in report.answer_results if result.part == part)
    fields: dict[str, object] = {
        "student": report.student,
        "item": result.id,
        "author": "Tess",
        "time": f"2025-11-24T09:{next(MINUTES)}:00+00:00",
        "reason": "",
        "digest": subject_digest(report, result),
        "available": result.available,
        "old": Decimal(1),
        "new": None if new is None else Decimal(new),
    }
    return Decision(**fields | changes)  # type: ignore[arg-type]  # the fields of a decision


ANN = with_texts("ann", p7b="a dot PRODUCT", p8="Less \u202eoverfitting")
BOB = with_texts("bob", p7b="multiply, add", p8="it  helps.")
CYN = with_texts("cyn", p7b="multiply, add", p8="Less \u202eoverfitting")


@pytest.fixture
def key(tmp_path: Path) -> Path:
    (tmp_path / "key.toml").write_text(KEY, encoding="utf-8")
    (tmp_path / "samples.jsonl").write_bytes(KNOWN.encode())
    return tmp_path / "key.toml"


@pytest.fixture
def learn(tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Learn:
    """Store a run with these decisions, and learn from it: exit code, standard output and standard error."""
    folder = samples.stored_run(tmp_path / "run", ANN, BOB, CYN)

    def run(*made: Decision, options: tuple[str, ...] = (), stdin: io.StringIO | None = None) -> tuple[int, str, str]:
        if made:
            samples.decide(folder, *made)
        monkeypatch.setattr(sys, "stdin", stdin or io.StringIO())
        monkeypatch.setenv("COLUMNS", "110")
        code = main(["learn", str(folder), "--key", str(key), *options])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def added(key: Path) -> list[dict[str, object]]:
    """The samples behind those that were there, which must be unchanged."""
    content = (key.parent / "samples.jsonl").read_bytes().decode()
    assert content.startswith(KNOWN)
    return [json.loads(line) for line in content.removeprefix(KNOWN).splitlines() if line]


# ---- samples ---------------------------------------------------------------------------------------------------------


def test_decisions_become_samples_with_author_and_time(key: Path, learn: Learn) -> None:
    first, second = decision(ANN, "8", "1"), decision(BOB, "7b", "0.5", author="Theo")
    same = decision(CYN, "8", "1.00", author="Theo")
    code, printed, _ = learn(first, second, same, options=("--yes",))
    assert code == 0
    assert added(key) == [
        {"part": "7b", "answer": "multiply, add", "gold": 0.5, "author": "Theo", "at": second.time},
        {"part": "8", "answer": "Less \u202eoverfitting", "gold": 1, "author": "Tess", "at": first.time},
    ]
    assert "\u202e" not in printed
    assert "\u202e" not in (key.parent / "samples.jsonl").read_text(encoding="utf-8"), "it would turn the line around"
    assert "Wrote 2 new samples" in printed
    assert [line.split() for line in printed.splitlines() if "multiply" in line] == [
        ["7b", "0.5", "multiply,", "add", "Theo", *second.time[:16].split("T")]
    ]
    load_key(key)
    _, printed, _ = learn()
    assert "2 samples are in" in printed
    assert "There is nothing to write" in printed
    assert len(added(key)) == 2


def test_a_contradicted_sample_is_replaced_only_when_told_to(key: Path, learn: Learn) -> None:
    made = decision(BOB, "8", "0")
    _, printed, _ = learn(made, options=("--yes",))
    assert "0.5 → 0" in printed
    assert "--replace replaces the samples" in printed
    assert added(key) == []
    _, printed, _ = learn(options=("--yes", "--replace"))
    assert "Wrote 1 replaced mark" in printed
    first, second, end = (key.parent / "samples.jsonl").read_bytes().decode().split("\n")
    assert (first, end) == (KNOWN.split("\n")[0], "")
    assert json.loads(second) == {"part": "8", "answer": "it  helps.", "gold": 0, "author": "Tess", "at": made.time}


def test_what_a_tutor_should_look_at_again_is_not_added(key: Path, learn: Learn, tmp_path: Path) -> None:
    pictured = samples.changed(
        ANN, answers=[samples.altered(result, doubt="A picture.") for result in ANN.answer_results]
    )
    samples.stored_run(tmp_path / "run", pictured, BOB, CYN)
    disagreeing = (decision(BOB, "7b", "1"), decision(CYN, "7b", "0.5"))
    _, printed, _ = learn(*disagreeing, decision(CYN, "8", "0.75"), decision(ANN, "8", "1"), options=("--yes",))
    for reason in ("the tutors gave", "the mark is between", "the tutor may have marked more"):
        assert f"Not added: {reason}" in printed, reason
    assert printed.count("multiply, add") == 2
    assert added(key) == []


def test_numbers_comments_and_answers_without_text_are_no_samples(key: Path, learn: Learn) -> None:
    numbers, comment = decision(ANN, "6a", "1"), decision(ANN, "8", None)
    _, printed, _ = learn(numbers, comment, decision(BOB, "7b", "1", digest="of another answer"), options=("--yes",))
    assert "There is nothing to write" in printed
    assert added(key) == []


def test_an_answer_without_a_claim_or_without_points_teaches_nothing(key: Path, learn: Learn, tmp_path: Path) -> None:
    silent = with_texts("ann", p7b="I don't know.", p8="none")
    free = samples.altered(BOB.answer_results[-1], awarded=Decimal(0), available=Decimal(0))
    assert free.part == "8"
    worthless = samples.changed(BOB, answers=(*BOB.answer_results[:-1], free))
    samples.stored_run(tmp_path / "run", silent, worthless, CYN)
    made = decision(silent, "7b", "0"), decision(silent, "8", "1"), decision(worthless, "8", "0")
    _, printed, _ = learn(*made, options=("--yes",))
    assert "Not added: 1 answer without a claim" in printed
    assert [line["answer"] for line in added(key)] == ["none"], "a right answer, as the tutor says"


def test_a_run_that_another_key_marked_teaches_nothing(key: Path, learn: Learn, tmp_path: Path) -> None:
    def stored(full: str) -> None:
        answers = (samples.altered(result, full_answer=full) for result in ANN.answer_results)
        samples.stored_run(tmp_path / "run", samples.changed(ANN, answers=tuple(answers)), BOB, CYN)

    stored("What another key says.")
    code, _, complained = learn(decision(ANN, "8", "1"), options=("--yes",))
    assert code == 2
    assert "this run was marked by another key" in complained
    assert added(key) == []
    stored(KnownMarker(load_key(key), KnownFindings()).full_answer("8"))
    assert learn(options=("--yes",))[0] == 0
    assert len(added(key)) == 1


def test_decisions_on_parts_that_the_key_lacks_are_counted(key: Path, learn: Learn) -> None:
    text = key.read_text(encoding="utf-8")
    start = text.index("[parts.8]")
    key.write_text(text[:start] + text[text.index("[parts.6a]") :], encoding="utf-8")
    (key.parent / "samples.jsonl").write_text("", encoding="utf-8")
    _, printed, _ = learn(decision(BOB, "8", "1"), stdin=Terminal())
    assert "Not added: 1 decision on parts that the key does not have." in printed


# ---- asking and writing ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("typed", "count"), [("y\n", 1), ("n\n", 0), ("", 0)])
def test_a_terminal_is_asked_first(key: Path, learn: Learn, typed: str, count: int) -> None:
    code, printed, _ = learn(decision(BOB, "7b", "1"), stdin=Terminal(typed))
    assert "Write 1 new sample to" in printed
    assert (code, len(added(key))) == (0, count)


def test_without_a_terminal_nothing_is_written(key: Path, learn: Learn) -> None:
    code, _, complained = learn(decision(BOB, "7b", "1"), stdin=io.StringIO("y\n"))
    assert code == 2
    assert "nobody can be asked here" in complained
    assert "--yes" in complained
    assert added(key) == []


def test_a_key_without_samples_is_refused(key: Path, learn: Learn) -> None:
    text = key.read_text(encoding="utf-8")
    key.write_text(text.replace('samples = "samples.jsonl"\n', ""), encoding="utf-8")
    code, _, complained = learn(decision(BOB, "7b", "1"), options=("--yes",))
    assert code == 2
    assert "names no file of samples" in complained


def test_a_file_that_changed_in_the_meantime_is_not_overwritten(key: Path) -> None:
    path = key.parent / "samples.jsonl"
    file = SamplesFile(path, ["7b", "8"])
    path.write_text("", encoding="utf-8")
    with pytest.raises(UsageFault, match="changed by somebody else"):
        file.put([("8", Sample("x", Decimal(1)))])
    assert path.read_text(encoding="utf-8") == ""


def test_who_gave_a_mark_makes_no_other_key(key: Path) -> None:
    before = load_key(key).revision
    path = key.parent / "samples.jsonl"
    path.write_text(path.read_text(encoding="utf-8").replace("Theo", "Tess"), encoding="utf-8")
    assert load_key(key).revision == before


# ---- agreement -------------------------------------------------------------------------------------------------------


def test_a_blind_mark_counts_before_a_later_decision() -> None:
    blind = decision(ANN, "8", "0", audit=True)
    seen, unproposed = decision(BOB, "8", "0.5", old=Decimal("0.5")), decision(CYN, "8", "1", old=None)
    code = decision(ANN, "8", "1", item="loads")
    listed = compared(Decisions((blind, decision(ANN, "8", "1"), seen, unproposed, code)))
    assert [(answer.part, answer.kind, answer.gold, answer.awarded) for answer in listed] == [
        ("8", BLIND, Decimal(0), Decimal(1)),
        ("8", SEEN, Decimal("0.5"), Decimal("0.5")),
    ]


def test_the_agreement_is_printed_by_part_and_mark(learn: Learn) -> None:
    wrong = decision(ANN, "8", "1", old=Decimal(0), audit=True)
    _, printed, _ = learn(wrong, decision(BOB, "8", "1", audit=True), decision(BOB, "7b", "0.5"), stdin=Terminal())
    assert "Blind audit: 1 of 2 settled answers settled wrongly (50%), 1 full at 0, 0 full at half, 0 over-m" in printed
    rows = [line.split() for line in printed.splitlines()]
    # Marks (1,0) (1,1) (0.5,1): observed (1 + 0 + 0.25) / 3; by chance (2 + 0.25 + 0.5) / 9. Kappa 1 - 1.25 * 3 / 2.75.
    assert ["all", "decisions", "3", "-0.364", "33.3%", "66.7%"] in rows
    assert ["0.5", "1", "0.0%", "100.0%"] in rows
    assert ["1", "2", "50.0%", "50.0%"] in rows


def test_marks_are_grouped_by_value_and_decisions_without_a_proposal_are_counted(learn: Learn) -> None:
    made = decision(ANN, "8", "0.5"), decision(BOB, "8", "0.50"), decision(CYN, "8", "1", old=None)
    _, printed, _ = learn(*made, stdin=Terminal())
    assert ["0.5", "2", "0.0%", "100.0%"] in [line.split() for line in printed.splitlines()]
    assert "1 decision is not in these tables" in printed


def test_without_an_audit_the_command_for_it_is_shown(learn: Learn) -> None:
    _, printed, _ = learn(decision(BOB, "7b", "0.5"), stdin=Terminal())
    assert "No settled answer was marked blind yet" in printed
    assert "--audit 10%" in printed
