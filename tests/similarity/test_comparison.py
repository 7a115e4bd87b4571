"""Similar works: planted pairs come first, honest works stay below the line, and what everybody has says nothing."""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from grader.answers.marker.key import AnswerKey, load_key
from grader.model import AnswerSheet, UsageFault, WrittenAnswer
from grader.similarity.code_things import things_of_code
from grader.similarity.things import Kind
from grader.similarity.work import background_of, handed_out, works_of
from grader.storage.records import EVIDENCE_FORMAT, StoredEvidence
from tests.measure.similar_works import LOOKED_AT, PLANTED, above, compared, pairs_of
from tests.support.share import share
from tests.support.similar_works import KEY, KINDS, MadeCohort, made_cohort, renamed, script

STUDENTS, FOUND = 300, 18
DRAWS = share(range(4), 4)
ANIMALS = ["ant", "bee", "cow"]
MOST_SECONDS = 90.0
"""Twice what it takes on two cores that are busy with other work."""


@pytest.fixture(scope="module")
def key() -> AnswerKey:
    return load_key(KEY)


@pytest.mark.slow
@pytest.mark.parametrize("seed", DRAWS)
def test_planted_pairs_come_first_among_300_students(seed: int, key: AnswerKey) -> None:
    cohort = made_cohort(STUDENTS, pairs=PLANTED, seed=seed, key=key)
    began = time.perf_counter()
    comparison = compared(cohort.stored, cohort.key)
    assert time.perf_counter() - began < MOST_SECONDS
    found = [pair for pair in pairs_of(comparison)[:LOOKED_AT] if pair in cohort.planted]
    assert len(found) >= FOUND
    assert {cohort.planted[pair] for pair in found} == set(KINDS)
    assert above(comparison)
    assert above(comparison) <= set(cohort.planted)


@pytest.mark.slow
@pytest.mark.parametrize("students", share([60, STUDENTS], 2))
@pytest.mark.parametrize("seed", DRAWS)
def test_honest_works_bring_no_pair_above_the_line(students: int, seed: int, key: AnswerKey) -> None:
    cohort = made_cohort(students, seed=seed, key=key)
    comparison = compared(cohort.stored, cohort.key)
    assert comparison.line is not None
    assert [pair for pair in comparison.pairs if pair.is_above] == []
    assert comparison.groups == ()


def with_answer(cohort: MadeCohort, part: str, text: str, students: Sequence[int]) -> list[StoredEvidence]:
    stored = list(cohort.stored)
    for at in students:
        sheet = stored[at].sheet
        assert sheet is not None
        others = tuple(answer for answer in sheet.answers if answer.part != part)
        sheet = AnswerSheet((*others, WrittenAnswer(part, text, "a.md", 1.0)))
        stored[at] = StoredEvidence(EVIDENCE_FORMAT, "", stored[at].student, stored[at].submission, None, sheet=sheet)
    return stored


def test_a_sample_with_full_marks_or_the_keys_sentence_says_nothing(key: AnswerKey) -> None:
    cohort = made_cohort(40, seed=3, key=key)
    sample = max((s.answer for s in key.samples["8"] if s.gold == 1), key=len)
    comparison = compared(with_answer(cohort, "8", sample, (4, 9)), key)
    pairs = dict(zip(pairs_of(comparison), comparison.pairs, strict=True))
    pair = pairs.get(frozenset({cohort.stored[4].student, cohort.stored[9].student}))
    assert pair is None or not [entry for entry in pair.shared if entry.thing.place == "8"]


def test_the_same_wrong_sentence_says_more_than_the_one_that_many_write(key: AnswerKey) -> None:
    cohort = made_cohort(40, seed=4, key=key)
    odd = "Dropout lowers the voltage of tired neurons until the picture becomes calm enough to be filed away."
    bits = []
    for holders in ((4, 9), range(20)):
        comparison = compared(with_answer(cohort, "8", odd, holders), key)
        pairs = dict(zip(pairs_of(comparison), comparison.pairs, strict=True))
        pair = pairs.get(frozenset({cohort.stored[4].student, cohort.stored[9].student}))
        shared = pair.shared if pair else ()
        bits.append(sum(entry.bits for entry in shared if entry.thing.place == "8"))
    assert bits[0] > 20 > bits[1]


def test_a_spelling_mistake_of_two_is_named_and_a_word_is_not(key: AnswerKey) -> None:
    cohort = made_cohort(40, seed=5, key=key)
    stored = with_answer(cohort, "5", "Poolling keeps what is strong; black, produces, taken, white.", (1, 2))
    works = works_of(stored, [answer for answers in background_of(key).values() for answer in answers])
    found = {thing.content for thing in works[1].things if thing.kind is Kind.SPELLING and thing.place == "5"}
    assert found == {("poolling",)}


def test_no_honest_right_answers_are_above_the_line(key: AnswerKey) -> None:
    """All answers are right ones, none of which is in the key."""
    right = {part: tuple(s for s in samples if s.gold == 1) for part, samples in key.samples.items()}
    cohort = made_cohort(120, seed=1, key=dataclasses.replace(key, samples=right))
    assert above(compared(cohort.stored, cohort.key)) == set()


@pytest.mark.parametrize("readers", [2, 4, 30])
def test_one_source_however_long_brings_no_pair_above_the_line(readers: int, key: AnswerKey) -> None:
    cohort = made_cohort(120, seed=2, key=key)
    book = " ".join(f"the {animal} of layer {at} sleeps under its weights" for at, animal in enumerate(ANIMALS * 20))
    assert above(compared(with_answer(cohort, "8", book, range(readers)), cohort.key)) == set()


def test_a_natural_network_of_two_is_below_the_line(key: AnswerKey) -> None:
    cohort = made_cohort(120, seed=3, key=key)
    stored = list(cohort.stored)
    stored[7] = dataclasses.replace(stored[7], submission=stored[5].submission)
    assert above(compared(stored, cohort.key)) == set()


def test_a_team_of_four_is_one_group(key: AnswerKey) -> None:
    cohort = made_cohort(60, seed=6, key=key)
    stored = list(cohort.stored)
    for at in (5, 7, 11):
        stored[at] = dataclasses.replace(stored[3], student=stored[at].student)
    assert compared(stored, cohort.key).groups == ((3, 5, 7, 11),)


def test_a_small_cohort_has_no_line(key: AnswerKey) -> None:
    comparison = compared(made_cohort(10, pairs=1, key=key).stored, key)
    assert comparison.line is None
    assert not any(pair.is_above for pair in comparison.pairs)


@pytest.mark.parametrize("students", range(3))
def test_nobody_one_and_two(students: int, key: AnswerKey) -> None:
    stored = made_cohort(2, key=key).stored[:students]
    assert len(compared(stored, key).pairs) <= 1


def test_students_without_any_work_share_nothing(key: AnswerKey) -> None:
    assert compared([StoredEvidence.unobserved(f"s{at}") for at in range(20)], key).pairs == ()


def test_renaming_hides_no_structure() -> None:
    text = script(random.Random(1))
    before, after = (
        {thing for thing in things_of_code(version) if thing.kind is Kind.STRUCTURE}
        for version in (text, renamed(text))
    )
    assert len(before & after) > 0.8 * len(before)  # unparsed, it also lacks commas and brackets


@pytest.mark.parametrize(
    "text", ["", "\x00", "def f(:\n  '''", "\t x\n y", "print 'old'", "(" * 5000, "\u2028x = 1\x0c\ny = 2"]
)
def test_spans_of_any_text_lie_within_it(text: str) -> None:
    for thing, spans in things_of_code(text).items():
        for start, end in spans:
            assert 0 <= start < end <= len(text)
            if thing.kind is Kind.NAME:
                assert text[start:end] == thing.content[0]


def test_a_folder_without_the_handout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageFault, match="neither"):
        handed_out(tmp_path)
