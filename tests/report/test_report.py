"""The HTML pages are self-contained, well-formed and accessible, and hostile names stay text."""

from __future__ import annotations

import dataclasses
import re
from decimal import Decimal
from itertools import pairwise

import pytest

from grader.model import Status
from grader.report.formats import SYMBOLS, WORDS, duration, moment, points, shorten, visible
from grader.report.html.learning_chart import learning_chart
from grader.safe_text import visible_block
from tests.support import report_samples as samples
from tests.support.parsed_page import Page, student_page


def every_page() -> list[str]:
    reports = (*samples.cohort(), samples.answered_report())
    return [samples.student_page(report, samples.RUN) for report in reports]


@pytest.mark.parametrize("source", every_page(), ids=range(len(every_page())))
def test_a_page_is_well_formed_self_contained_and_accessible(source: str) -> None:
    page = Page(source)
    assert source.startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert not {tag for tag, _ in page.tags} & {"script", "link", "iframe", "object", "embed", "form"}
    assert not re.search(r"@import|url\(", source)
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("href", "src", "action", "xlink:href"):
            is_picture = tag in ("image", "img") and (attributes.get(name) or "").startswith("data:image/png;base64,")
            assert is_picture or not re.match(r"[a-z+]+:|//", attributes.get(name) or ""), (tag, attributes)
    assert all(attributes.get("alt") for attributes in page.all("img"))
    named = [attributes for _, attributes in page.tags if attributes.get("role") == "img"]
    assert all(attributes.get("aria-label") or attributes.get("aria-labelledby") for attributes in named)
    for landmark in ("header", "main", "footer", "h1"):
        assert len(page.all(landmark)) == 1
    assert all("scope" in attributes for attributes in page.all("th"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise([0, *levels]))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert labels <= set(ids)
    targets = {(attributes["href"] or "")[1:] for attributes in page.all("a") if (attributes["href"] or "")[:1] == "#"}
    assert targets <= set(ids)
    assert "prefers-color-scheme: dark" in source
    assert "@media print" in source
    source.encode()


@pytest.mark.parametrize("name", samples.HOSTILE_NAMES, ids=range(len(samples.HOSTILE_NAMES)))
def test_a_hostile_name_stays_text(name: str) -> None:
    report = samples.hostile_report(name)
    assert " ".join(visible(name).split()) in student_page(report).text
    source = samples.student_page(report, samples.RUN)
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800-\udfff]", source)


def test_a_page_has_all_parts_of_a_report() -> None:
    page = student_page(samples.partial_report(), samples.RUN)
    for words in (
        "s2345678",
        "13.5 / 30",
        "Part 2: the network 13.5 0 3.5 17 Part 1: the questions 0 13 0 13 Total 13.5 13 3.5 30",
        "13 answers of Part 1 (worth 13) wait for a tutor.",
        "it was taken because it defines Net",
        "✗ failed",
        "◐ partial",
        "Expected conv1, ReLU, conv2, ReLU, fc1, ReLU, fc2",
        "Fix this first: ReLU after each hidden layer . There is no ReLU between conv2 and fc1. Try: Wrap conv2",
        "−1.5 Log-softmax output −0.5 Learns to read digits",
        "F.log_softmax(x, dim=1) instead of F.softmax(x, dim=1)",
        "After conv2 , the lab's network has a ReLU; yours has none before fc1 .",
        "7 read as 1, 98 % sure",
        "Most frequent mistake: 4 read as",
        "N × 10 × 24 × 24",
        "95.4 %",
        "94 % earns 75 % of the points",
        "namespaces, Landlock, limits",
        "torchvision 0.24.0",
        "Train Epoch: 1",
    ):
        assert words in page.text, words


def test_waiting_items_of_both_parts_are_named_together() -> None:
    expected = "1 item of Part 2 (worth 2) and 13 answers of Part 1 (worth 13) wait for a tutor."
    assert expected in student_page(samples.review_report()).text


def test_nothing_waits_when_everything_is_marked() -> None:
    base = samples.passed_report()
    answers = tuple(
        dataclasses.replace(answer, status=Status.PASSED, awarded=Decimal(1)) for answer in base.answer_results
    )
    page = student_page(samples.changed(base, answers=answers, awarded=Decimal(30)))
    assert "30 / 30" in page.text
    assert "Given Lost Of" in page.text
    assert "Total 30 0 30" in page.text
    assert "Not final" not in page.text
    assert "not marked" not in page.text


def test_a_fault_of_the_grader_is_not_shown_as_zero() -> None:
    report = samples.error_report()
    page = student_page(report)
    assert "– / 30" in page.text
    assert "0 / 30" not in page.text
    assert "This costs no points" in page.text


def test_a_run_that_never_trained_has_no_chart() -> None:
    assert learning_chart([]) is None
    assert learning_chart([dataclasses.replace(samples.training(1, 9000), curve=())]) is None
    assert "Brief training run" not in student_page(samples.failed_report()).text


def test_each_seed_has_its_own_line_style() -> None:
    chart = learning_chart([samples.training(seed, 9500) for seed in (1, 2, 3)], samples.BANDS)
    assert chart is not None
    assert len({curve.dash for curve in chart.curves}) == 3
    assert [tick.label for tick in chart.bands] == ["97 %", "94 %", "85 %"]


def test_a_page_of_a_student_stays_small() -> None:
    assert len(samples.student_page(samples.partial_report(), samples.RUN)) < 400_000


def test_every_status_has_its_own_word_and_symbol() -> None:
    assert set(SYMBOLS) == set(WORDS) == set(Status)
    assert len(set(SYMBOLS.values())) == len(Status)


@pytest.mark.parametrize(
    ("value", "written"), [("1.50", "1.5"), ("2.0", "2"), ("0", "0"), ("-0", "0"), ("10", "10"), ("0.125", "0.125")]
)
def test_points_have_no_trailing_zeros(value: str, written: str) -> None:
    assert points(Decimal(value)) == written


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31;1mb\x1b[0m", "ab"),
        ("\x1b]0;title\x07x\x9b5mz", "xz"),
        ("a\nb\r\nc\td", "a␊b␊c␉d"),
        ("\x00\x7f\x85", "␀␡\ufffd"),
        ("\u202eevil\u2069", "\ufffdevil\ufffd"),
        ("half an escape \x1b", "half an escape ␛"),
        ("\udcff", "\ufffd"),
        ("👩🏽‍🔬 ok", "👩🏽‍🔬 ok"),
    ],
)
def test_invisible_characters_are_made_visible(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_block_keeps_its_lines() -> None:
    assert visible_block("a\r\n\tb\x1b[0m\x07") == "a\n\tb␇"


def test_short_texts_durations_and_times() -> None:
    assert shorten("abcdef", 4) == "abc…"
    assert shorten("abc", 3) == "abc"
    assert [duration(seconds) for seconds in (0.04, 9.96, 59.7, 185, 3720)] == [
        "0.0 s", "10 s", "1 min 00 s", "3 min 05 s", "1 h 02 min",
    ]  # fmt: skip
    assert moment("2025-11-23T11:06:41+00:00") == "23 November 2025, 11:06 UTC"
    assert moment("yesterday") == "yesterday"
