"""Requests to the marker, statements taken back, references and other languages, and the messages about them."""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache

import pytest

from grader.answers.marker.answer_marking import mark_answer
from grader.answers.marker.caveats import IGNORED, OTHER_LANGUAGE
from grader.answers.marker.cleaning import requests
from grader.answers.marker.finding import whole_words
from grader.answers.marker.key import AnswerKey, load_key
from grader.answers.marker.language import is_foreign
from grader.answers.marker.references import meant, references
from grader.answers.sheet_marking import mark_sheet
from grader.lab4.items import PART1_TITLES
from grader.model import AnswerFinding, AnswerSheet, Criterion, Result, Status, WrittenAnswer
from tests.support.places import ROOT, TESTS

TABLES: dict[str, list[list[str]]] = tomllib.loads((TESTS / "answers" / "caveats.toml").read_text(encoding="utf-8"))


@cache
def key() -> AnswerKey:
    return load_key(ROOT / "solutions" / "key.toml")


def marked(part: str, answer: str) -> AnswerFinding:
    return mark_answer(key(), part, answer)


def is_open(found: AnswerFinding) -> bool:
    return found.status is Status.NEEDS_REVIEW


# ---- requests to the marker ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "attack"), TABLES["attacks"])
def test_a_request_earns_nothing_and_changes_no_mark(part: str, attack: str) -> None:
    alone = marked(part, attack)
    assert alone.awarded == 0
    assert IGNORED in alone.message
    wrong = marked("7e", f"In the bias. {attack}")
    assert wrong.awarded == 0 or is_open(wrong)
    right = marked("7e", f"In the feature map.\n{attack}")
    assert right.awarded == 1 or is_open(right)


@pytest.mark.parametrize(("part", "answer"), TABLES["innocent"])
def test_everyday_words_are_no_request(part: str, answer: str) -> None:
    assert not requests(answer)
    found = marked(part, answer)
    assert found.awarded == 1 or is_open(found)


def test_nearly_all_answers_with_everyday_words_are_settled() -> None:
    assert sum(is_open(marked(part, answer)) for part, answer in TABLES["innocent"]) <= 6


@pytest.mark.parametrize("kind", ["attacks", "innocent", "denied", "corrected"])
def test_what_a_student_is_told_about_an_open_answer_is_not_to_a_tutor(kind: str) -> None:
    waiting = [found for part, answer in TABLES[kind] if is_open(found := marked(part, answer))]
    assert all(found.told for found in waiting)
    assert not [found.told for found in waiting if "tutor" in found.told or found.told.startswith("Unsure")]


# ---- statements taken back -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "answer"), TABLES["denied"])
def test_a_statement_taken_back_earns_nothing(part: str, answer: str) -> None:
    found = marked(part, answer)
    assert found.awarded == 0 or is_open(found)


@pytest.mark.parametrize(("part", "answer"), TABLES["corrected"])
def test_a_corrected_statement_is_no_settled_loss(part: str, answer: str) -> None:
    found = marked(part, answer)
    assert found.awarded == 1 or is_open(found)


@pytest.mark.parametrize(
    ("part", "answer"),
    [
        ("5", "Nobody uses pooling to make the maps smaller."),
        ("5", "Pooling is far from making the maps smaller."),
        ("8", "Preventing overfitting is not its purpose."),
    ],
)
def test_a_negation_anywhere_in_the_clause_leaves_the_mark_open(part: str, answer: str) -> None:
    found = marked(part, answer)
    assert not found.awarded or is_open(found)


# ---- references ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "part"),
    [
        ("see 7c", "7c"),
        ("See question 5.", "5"),
        ("as above", "7c"),
        ("Same as my last answer", "7c"),
        ("I answered this in 7b already", "7b"),
        ("see part (a)", "7a"),
        ("see the next question", "7e"),
        ("see the output below", ""),
        ("See lecture slides", ""),
        ("see my table on the next page", ""),
        ("See my sketch.", ""),
        ("Drawn in the sketch", ""),
        ("table below", ""),
        ("sketch on paper", ""),
        ("My answer is in the attached photo.", ""),
    ],
)
def test_a_reference_goes_to_a_tutor_who_is_told_what_it_means(answer: str, part: str) -> None:
    (reference,) = references(answer)
    assert meant(reference, "7d", tuple(PART1_TITLES)) == part
    found = marked("7d", answer)
    assert is_open(found)
    assert f'points to something else ("{reference.words}")' in found.message


@pytest.mark.parametrize(
    "answer",
    ["Neurons see the image below them", "Any number, like 3", "the same size as the input image", "as in the layer"],
)
def test_a_comparison_is_no_reference(answer: str) -> None:
    assert not references(answer)


def test_an_answer_that_needs_no_reference_is_settled() -> None:
    assert (marked("7d", "One value (see 7b).").awarded, marked("7d", "One value (see 7b).").status) == (
        Decimal(1),
        Status.PASSED,
    )


class Marker:
    """The real marker, as :func:`mark_sheet` calls it."""

    def __call__(self, part: str, text: str) -> AnswerFinding:
        return marked(part, text)

    def full_answer(self, part: str) -> str:
        return part


def results(**texts: str) -> dict[str, Result]:
    sheet = AnswerSheet(
        tuple(WrittenAnswer(part, text, "part1.md", 1.0) for part, text in texts.items()), ("part1.md",)
    )
    criteria = [Criterion(part, part, Decimal(1)) for part in ("7c", "7d", "7e")]
    return {result.part: result for result in mark_sheet(sheet, criteria, Marker(), {})}


def test_the_text_that_an_answer_points_to_is_shown() -> None:
    found = results(**{"7c": "Once for each   neuron.", "7d": "see 7c", "7e": "see the output below"})
    assert found["7d"].message.endswith('The answer to 7c says: "Once for each neuron."')
    assert "says" not in found["7e"].message
    assert results(**{"7d": "see 7c"})["7d"].status is Status.NEEDS_REVIEW


# ---- languages -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "answer"), TABLES["foreign"])
def test_another_language_goes_to_a_tutor(part: str, answer: str) -> None:
    found = marked(part, answer)
    assert is_open(found)
    assert OTHER_LANGUAGE in found.message


@pytest.mark.parametrize(("part", "answer"), TABLES["english"])
def test_bad_english_code_and_formulas_are_no_other_language(part: str, answer: str) -> None:
    assert not is_foreign(answer, key().english), part


# ---- messages --------------------------------------------------------------------------------------------------------


def test_an_unsure_mark_is_never_called_right() -> None:
    found = marked("5", "Nobody uses pooling to make the maps smaller.")
    assert found.message.startswith("Unsure; nearest: full marks")
    doubted = mark_sheet(
        AnswerSheet((WrittenAnswer("7e", "feature map", "part1.md", 0.5),), ("part1.md",)),
        [Criterion("7e", "7e", Decimal(1))],
        Marker(),
        {},
    )[0]
    assert "Right:" not in doubted.message
    assert "Unsure; nearest: full marks, for: the output is stored" in doubted.message


def test_a_full_mark_names_what_earned_it() -> None:
    assert marked("5", "smaller maps").message == "Right: it makes the feature maps smaller."
    both = marked("7b", "input, dot product").message
    assert both == "Right: the filter convolves with the input of the layer and it is computed by a dot product."


def test_no_message_praises_beside_no_marks() -> None:
    found = marked("8", "Dropout removes data permanently.")
    assert (found.awarded, found.message) == (Decimal(0), "Say what dropout is meant to prevent.")


def test_spans_cover_whole_words_and_signs() -> None:
    text = "so y > over-fitting in 2 maps"
    spans = ((3, 4), (5, 6), (12, 15), (20, 22), (23, 24))
    assert [text[start:end] for start, end in whole_words(text, spans)] == [">", "fitting", "2"]
