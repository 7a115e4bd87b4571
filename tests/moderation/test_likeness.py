"""Which answers may be marked together, and which are only shown side by side."""

import random
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from grader.model import Result, Status
from grader.moderation import likeness
from grader.moderation.likeness import NEAR, alike, alike_results, is_near, normalised

SENTENCE = "Dropout reduces overfitting of the network"


@pytest.mark.parametrize("other", [
    "dropout  reduces\noverfitting of the network.", "- Dropout reduces overfitting of the network",
    "• Dropout reduces over\ufb01tting of the network!", "“Dropout reduces overfitting of the network”",
])  # fmt: skip
def test_typography_makes_no_difference(other: str) -> None:
    assert len(alike({"s1": SENTENCE, "s2": other})) == 1


@pytest.mark.parametrize(("one", "other"), [
    ("it reduces overfitting", "it does not reduce overfitting"), ("it has 10 channels", "it has 20 channels"),
    ("10 then 20 channels", "20 then 10 channels"), ("y = a + b", "y = a - b"), ("a != b", "a = b"),
    ("a < b", "a > b"), ("10² weights", "102 weights"), ("0.5 of them", "05 of them"), ("a 3x3 kernel", "a 5x5 kernel"),
    ("it increases the loss", "it decreases the loss"), ("training needs data", "data needs training"),
    ("a typical network", "an atypical network"), ("-1", "1"), ("- x", "x"),
    ("a) yes", "b) yes"), ("- 1", "1"), ("ten channels", "two channels"),
    ("(a + b) * c", "a + b * c"), ("it never reduces overfitting", "it reduces overfitting"),
    ("it is a linear layer", "it is a nonlinear layer"), ("it has 1 layer", "it has 1.5 layers"),
])  # fmt: skip
def test_another_meaning_is_neither_equal_nor_near(one: str, other: str) -> None:
    assert normalised(one) != normalised(other)
    assert not is_near(one, other)
    assert not is_near(other, one)


def test_near_answers_follow_each_other_with_the_differences_marked() -> None:
    longer = "Dropout strongly reduces overfitting of the network"
    first, second, third = sorted(
        alike({"s1": longer, "s2": SENTENCE, "s3": "Pooling keeps the largest value"}),
        key=lambda group: (group.text.startswith("Pool"), group.follows),
    )
    assert (first.text, first.follows, first.differs) == (SENTENCE, False, ())
    assert second.follows
    assert [second.text[start:end] for start, end in second.differs] == ["strongly"]
    assert not third.follows


def test_a_wrong_letter_is_near_and_not_equal() -> None:
    one, two = alike({"s1": SENTENCE, "s2": SENTENCE.replace("overfitting", "overfiting")})
    assert two.follows
    assert [two.text[start:end] for start, end in two.differs] in (["overfiting"], ["overfitting"])
    assert one.students != two.students


def test_much_more_text_is_not_near() -> None:
    assert 0 < NEAR < 1
    assert not is_near("it learns", "it learns because the loss goes down with each step of the optimiser")


def test_order_depends_on_the_texts_alone() -> None:
    texts = [SENTENCE, f"{SENTENCE} well", "pooling", "a filter slides", "it slides", "weights are shared"]
    orders = set()
    for seed in range(5):
        names = random.Random(seed).sample("uvwxyz", len(texts))
        shuffled = random.Random(seed).sample(list(zip(names, texts, strict=True)), len(texts))
        orders.add(tuple(group.text for group in alike(dict(shuffled))))
    assert len(orders) == 1


class _EveryEnd:
    """Compares an answer with the last one of every row."""

    def __init__(self, answers: Iterable[likeness._Words]) -> None:
        self._last: dict[int, likeness._Words] = {}

    def put(self, row: int, words: likeness._Words) -> None:
        self._last[row] = words

    def first_near(self, words: likeness._Words) -> int | None:
        return next((row for row, last in sorted(self._last.items()) if likeness._are_near(last, words)), None)


@pytest.mark.parametrize("seed", range(4))
def test_like_answers_are_found_as_by_comparing_all(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(seed)
    words = ("dropout", "overfitting", "overfiting", "overfittign", "network", "networks", "not", "10", "it", "a", "so")
    answers = {f"s{number}": " ".join(draw.choices(words, k=draw.randint(1, 7))) for number in range(400)}
    found = alike(answers)
    monkeypatch.setattr(likeness, "_Ends", _EveryEnd)
    assert found == alike(answers)
    assert sum(group.follows for group in found) > 40


def test_answers_without_text_are_never_one_group() -> None:
    assert len(alike({"s1": "", "s2": " ", "s3": "..."})) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"id": "other"},
        {"proposed": Decimal(1)},
        {"message": "m"},
        {"expected": "e"},
        {"seen": "s"},
        {"available": Decimal(2)},
    ],
)
def test_results_of_code_are_alike_when_the_tutor_sees_the_same(change: dict[str, Any]) -> None:
    result = Result("structure.conv", "Title", Status.NEEDS_REVIEW, Decimal(0), Decimal(1), "message")
    results = {"s1": result, "s2": replace(result, **change), "s3": replace(result)}
    assert alike_results(results) == (("s1", "s3"), ("s2",))
