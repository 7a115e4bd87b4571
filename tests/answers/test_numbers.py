"""Answers in numbers: every notation, slips, and what waits for a tutor."""

from __future__ import annotations

import random
import tomllib
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.arithmetic import items
from grader.answers.marker.four_numbers import read_numbers
from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.key_parts import NumericPart
from grader.answers.marker.number_tokens import Notation
from grader.model import Status

HERE = Path(__file__).parent
KEY = HERE.parents[1] / "solutions" / "key.toml"
TABLE = tomllib.loads((HERE / "numbers.toml").read_text(encoding="utf-8"))
SETTLED = [
    (part, mark, answer)
    for part, ways in TABLE.items()
    for mark, answers in ways["settled"].items()
    for answer in answers
]
WAITING = [(part, answer) for part, ways in TABLE.items() for answer in ways["waits"]]
MEANS = tuple(map(Fraction, ("2.5", "2.5", "0.5", "2")))
MAXIMA = tuple(map(Fraction, (4, 5, 1, 3)))


@pytest.fixture(scope="module")
def key() -> AnswerKey:
    return load_key(KEY)


@pytest.mark.parametrize(("part", "mark", "answer"), SETTLED)
def test_a_notation_earns_a_settled_mark(key: AnswerKey, part: str, mark: str, answer: str) -> None:
    finding = mark_answer(key, part, answer)
    assert (finding.awarded, finding.status is Status.NEEDS_REVIEW) == (Decimal(mark), False)
    assert all(0 <= start < end <= len(answer) for start, end in finding.spans)


@pytest.mark.parametrize("answer", ["Blocks: 9, 8, 7, 6\nAnswer: 1, 2, 2, 3", "sums: 5 6 7 8. output: 1 2 2 3"])
def test_a_grid_that_is_its_own_transpose_is_no_slip(key: AnswerKey, answer: str) -> None:
    asked = key.parts["6a"]
    assert isinstance(asked, NumericPart)
    even = replace(asked, values=tuple(map(Decimal, (1, 2, 2, 3))))
    assert mark_answer(replace(key, parts={"6a": even}), "6a", answer).awarded == 1


def test_numbers_earn_all_or_nothing_where_a_course_says_so(key: AnswerKey) -> None:
    asked = key.parts["6a"]
    assert isinstance(asked, NumericPart)
    strict = replace(key, parts={"6a": replace(asked, is_partial=False)})
    assert [mark_answer(strict, "6a", answer).awarded for answer in ("4 5 1 3", "4 5 1 2")] == [1, 0]


@pytest.mark.parametrize(("part", "answer"), WAITING)
def test_an_answer_with_two_meanings_waits_for_a_tutor(key: AnswerKey, part: str, answer: str) -> None:
    assert mark_answer(key, part, answer).status is Status.NEEDS_REVIEW


@pytest.mark.parametrize(
    ("part", "answer", "words"),
    [
        ("6a", "4 1 5 3", "swapped"),
        ("6a", "10 10 2 8", "sums"),
        ("6a", "1 1 0 1", "minima"),
        ("6a", "2.5 2.5 0.5 2", "averages"),
        ("6a", "4 5 5\n3 3 3\n1 2 3", "stride"),
        ("6a", "5", "whole input"),
        ("6b", "2.5 0.5 2.5 2", "swapped"),
        ("6b", "(4+3+2+1), (5+1+3+1), (1+1+0+0), (2+3+1+2)", "sums"),
        ("6b", "2 2 0 2", "rounded"),
        ("6b", "3, 3, 1, 2", "rounded"),
        ("6b", "4 5 1 3", "maxima"),
        ("6b", "2.5 3 2.5\n1.25 1.75 2.25\n0.5 1 1", "stride"),
        ("6b", "30/16", "whole input"),
    ],
)
def test_a_usual_slip_has_its_own_sentence(key: AnswerKey, part: str, answer: str, words: str) -> None:
    assert words in mark_answer(key, part, answer).message


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1 + 2 * 3", [7]),
        ("(1 + 2) * 3", [9]),
        ("8 - 4 / 2 - 1", [5]),
        ("[-1, 2]", [-1, 2]),
        ("3/0", [3, 0]),
        ("2 1/2", [Fraction(5, 2)]),
        ("sum(1, 2, 3) / 4", [Fraction(3, 2)]),
        ("999999999999 * 999999999999", [999999999999, 999999999999]),
        ("9999999999999", []),
        ("((((((((((((((((7))))))))))))))))", [7]),
    ],
)
def test_calculations_are_exact_and_bounded(text: str, values: list[Fraction | int]) -> None:
    assert [item.value for item in items(text, Notation()) if item.kind == "value"] == values


FORMS = (
    "{0} {1} {2} {3}", "{0}, {1}, {2}, {3}", "{0} / {1} / {2} / {3}", "{0}-{1}-{2}-{3}", "[[{0}, {1}], [{2}, {3}]]",
    "{0} {1}\n{2} {3}", "| {0} | {1} |\n|---|---|\n| {2} | {3} |", "TL={0}, TR={1}, BL={2}, BR={3}",
    "bottom right {3}, bottom left {2}, top right {1}, top left {0}", "1) {0}\n2) {1}\n3) {2}\n4) {3}",
    "top row: {0} and {1}; bottom row: {2} and {3}", "With a stride of 2 and 2x2 blocks: {0}, {1}, {2}, {3}",
    "block 1: {0}, block 2: {1}, block 3: {2}, block 4: {3}", "left column {0} and {2}, right column {1} and {3}",
    "The first is {0}, the second {1}, the third {2} and the fourth {3}.", "a = {0}, b = {1}, c = {2}, d = {3}",
    "{0} (top left), {1} (top right), {2} (bottom left), {3} (bottom right)",
    "10 -> {0}, 10 -> {1}, 2 -> {2}, 8 -> {3}",
)  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("point", [".", ","])
def test_a_settled_mark_is_a_quarter_for_each_right_number(key: AnswerKey, form: str, point: str) -> None:
    chosen = random.Random(form)
    settled = 0
    for _ in range(8):
        numbers = [value if chosen.random() < 0.6 else Fraction(chosen.randrange(12), 2) for value in MEANS]
        answer = form.format(*(f"{float(number):g}".replace(".", point) for number in numbers))
        finding = mark_answer(key, "6b", answer)
        if finding.status is not Status.NEEDS_REVIEW:
            settled += 1
            assert finding.awarded * 4 == sum(map(Fraction.__eq__, numbers, MEANS)), answer
    assert settled > 4


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="0123456789 ,.;:/-+*=()[]{}|?_\\n\\½ toplefmaxnd", max_size=80))
def test_any_text_can_be_read(text: str) -> None:
    reading = read_numbers(text, MAXIMA)
    assert 0 <= reading.confidence <= 1
    assert all(0 <= start < end <= len(text) for start, end in reading.spans)
