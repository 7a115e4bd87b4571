"""A student's page: whole pages compared with gold/student, images, answers, and decisions of tutors.

After an intended change, `LAB4_RENEW_GOLD=1 pytest tests/report/test_student_page.py` writes the gold files again; read
their diff before you commit it. Gold files leave out the style sheets, which are copies of the templates. Each image is
replaced by its size and a digest of its pixels, because its PNG bytes depend on the version of the library.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
from base64 import b64decode, b64encode
from decimal import Decimal
from pathlib import Path

import pytest
from PIL import Image

from grader.model import Lateness, Report, Run, Status
from grader.model.images import Filters
from grader.report.highlighting import FOLDED_FROM, MOST, FoldedAnswer, Piece, fold
from grader.report.html import pages
from grader.report.html.images import digit_strip, filter_sheet
from grader.report.html.student_page import lost_checks
from grader.report.html.training_view import gallery, runs
from tests.support import report_samples as samples
from tests.support.parsed_page import Page, student_page
from tests.support.places import TESTS

GOLD = TESTS / "report" / "gold" / "student"
FULL_ANSWERS = dataclasses.replace(samples.RUN, shows_full_answers=True, key_revision="0f3c2a15f1d7c1a9")
PAGES: dict[str, tuple[Report, Run]] = {
    "all-right": (samples.passed_report(), samples.RUN),
    "some-lost": (samples.partial_report(), samples.RUN),
    "stops-early": (samples.failed_report(), samples.RUN),
    "answers-and-decisions": (samples.answered_report(), FULL_ANSWERS),
}


def pixels(uri: str) -> Image.Image:
    return Image.open(io.BytesIO(b64decode(uri.removeprefix("data:image/png;base64,"), validate=True)))


def steady(source: str) -> str:
    """The page without the style sheets, and with digests instead of images."""

    def digest(match: re.Match[str]) -> str:
        image = pixels(match[0])
        return f"{image.mode} {image.size} {hashlib.sha256(image.tobytes()).hexdigest()[:16]}"

    plain = re.sub(r"<style>.*?</style>", "<style></style>", source, flags=re.DOTALL)
    return re.sub(r"data:image/png;base64,[\w+/=]+", digest, plain)


@pytest.mark.parametrize("name", PAGES)
def test_a_page_equals_its_gold_file(name: str) -> None:
    report, run = PAGES[name]
    page = steady(samples.student_page(report, run))
    path = GOLD / f"{name}.html"
    if os.environ.get("LAB4_RENEW_GOLD"):
        path.write_text(page, encoding="utf-8", newline="\n")
    assert page == path.read_text(encoding="utf-8"), f"{path.name} differs; LAB4_RENEW_GOLD=1 renews it"


def test_every_gold_file_belongs_to_a_page() -> None:
    assert {path.stem for path in GOLD.glob("*.html")} == set(PAGES)


def contrast(first: str, second: str) -> float:
    """The contrast ratio of two colours (WCAG 2.2, relative luminance)."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


STATUSES = ("passed", "partial", "failed", "skipped", "review", "error")
WRITTEN_ON = [
    *[(ink, ground) for ink in ("ink", "soft", "link") for ground in ("card", "page", "faint")],
    *[(ink, f"{status}-back") for status in STATUSES for ink in (status, "ink")],
    *[("soft", f"{status}-back") for status in ("failed", "partial")],
    ("review", "card"),
    ("passed", "card"),
]


@pytest.mark.parametrize("scheme", [0, 1, 2], ids=["light", "dark", "print"])
def test_text_has_enough_contrast(scheme: int) -> None:
    source = samples.student_page(samples.passed_report(), samples.RUN)
    palettes = [dict(re.findall(r"--([\w-]+): (#\w+)", block)) for block in re.findall(r":root \{([^}]*)\}", source)]
    long = {
        name: value if len(value) == 7 else "#" + "".join(2 * digit for digit in value[1:])
        for name, value in (palettes[0] | palettes[scheme]).items()
    }
    assert len(palettes) == 3
    weak = {pair: contrast(long[pair[0]], long[pair[1]]) for pair in WRITTEN_ON}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


def test_both_style_sheets_are_in_the_page() -> None:
    source = samples.student_page(samples.passed_report(), samples.RUN)
    for sheet in ("style.css", "student.css"):
        text = (Path(pages.__file__).parent / "templates" / sheet).read_text(encoding="utf-8").strip()
        assert text in source


def test_mistakes_are_dark_on_white_with_alternative_texts() -> None:
    mistakes = samples.mistakes()
    strip = digit_strip(mistakes)
    assert strip is not None
    image = pixels(strip.sheet.source)
    assert (image.size, image.mode) == ((28 * len(mistakes), 28), "L")
    for at, mistake in enumerate(mistakes):
        digit = image.crop((28 * at, 0, 28 * at + 28, 28))
        assert digit.tobytes() == bytes(255 - value for value in mistake.pixels)
    assert len(strip.alts) == len(mistakes)
    assert strip.alts[0] == "7 read as 1, 98\u00a0% sure"
    for probability, words in ((0.99999, "99\u00a0% sure"), (1.0, "100\u00a0% sure")):
        sure = digit_strip([dataclasses.replace(mistakes[0], probability=probability)])
        assert sure is not None
        assert sure.alts[0].endswith(words)
    assert digit_strip([]) is None


@pytest.mark.parametrize(
    ("count", "height", "width", "size"),
    [(1, 5, 5, (5, 5)), (10, 5, 5, (47, 11)), (32, 11, 11, (95, 47)), (9, 3, 1, (15, 7))],
)
def test_filters_are_laid_out_in_rows(count: int, height: int, width: int, size: tuple[int, int]) -> None:
    values = bytes(at % 251 for at in range(count * height * width))
    filters = dataclasses.replace(
        samples.filters(), count=count, height=height, width=width, values=b64encode(values).decode()
    )
    picture = filter_sheet(filters)
    image = pixels(picture.source)
    assert image.size == (picture.width, picture.height) == size
    packed = image.tobytes()
    assert sorted(value for value, alpha in zip(packed[::2], packed[1::2], strict=True) if alpha) == sorted(values)
    assert image.getpixel((0, 0)) == (0, 255)
    assert picture.alt.startswith("one filter" if count == 1 else f"{count} filters")


def test_images_of_the_best_run_are_shown() -> None:
    weak = dataclasses.replace(samples.training(1, 9400), mistakes=())
    trainings = (weak, samples.training(2, 9812), dataclasses.replace(weak, seed=3, total=0, correct=0))
    shown = gallery(trainings)
    assert shown is not None
    assert (shown.seed, shown.mistakes) == (2, digit_strip(trainings[1].mistakes))
    assert [reading.right for reading in shown.readings] == [row[at] for at, row in enumerate(trainings[1].confusion)]
    assert gallery(trainings[2:]) is None
    bands = [run.reached.accuracy if run.reached else None for run in runs(trainings, samples.BANDS)]
    assert bands == [0.94, 0.97, None]


def test_the_confusion_matrix_highlights_frequent_mistakes() -> None:
    row = (900, 60, 25, 15, 0, 0, 0, 0, 0, 0)
    training = dataclasses.replace(samples.training(1, 9000), confusion=(row,) + ((0,) * 10,) * 9)
    shown = gallery([training])
    assert shown is not None
    assert [cell.kind for cell in shown.readings[0].cells[:5]] == ["right", "often", "sometimes", "seldom", "never"]
    assert shown.worst == (0, 1, 60)
    assert gallery([dataclasses.replace(training, confusion=())]) is not None


def pieces(folded: FoldedAnswer) -> str:
    """The answer with brackets around the words that counted, and a bar at the fold."""
    halves = (
        "".join(f"[{piece.text}]" if piece.has_counted else piece.text for piece in half) for half in _halves(folded)
    )
    return "|".join(filter(None, halves))


def _halves(folded: FoldedAnswer) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    return folded.start, folded.rest


@pytest.mark.parametrize(
    ("spans", "shown"),
    [
        ((), "deep nets learn"),
        (((0, 4),), "[deep] nets learn"),
        (((0, 15),), "[deep nets learn]"),
        (((10, 15), (0, 4)), "[deep] nets [learn]"),
        (((0, 6), (4, 9)), "[deep nets] learn"),
        (((0, 9), (2, 4)), "[deep nets] learn"),
        (((0, 4), (4, 9)), "[deep nets] learn"),
        (((10, 99), (50, 60)), "deep nets [learn]"),
        (((-5, 4), (3, 3), (9, 5)), "[deep] nets learn"),
    ],
)
def test_words_that_counted_are_highlighted(spans: tuple[tuple[int, int], ...], shown: str) -> None:
    assert pieces(fold("deep nets learn", spans)) == shown


@pytest.mark.parametrize(
    ("against", "shown"),
    [
        ((), "[deep nets] learn"),
        (((0, 4),), "[-deep][ nets] learn"),
        (((5, 99),), "[deep ][-nets] learn"),
        (((2, 3), (6, 7)), "[de][-e][p n][-e][ts] learn"),
        (((0, 9),), "[-deep nets] learn"),
        (((10, 12),), "[deep nets] learn"),
    ],
)
def test_words_against_an_answer_are_told_from_those_for_it(against: tuple[tuple[int, int], ...], shown: str) -> None:
    folded = fold("deep nets learn", ((0, 9),), against)
    found = (
        f"[{'-' if piece.is_against else ''}{piece.text}]" if piece.has_counted else piece.text
        for piece in folded.start
    )
    assert "".join(found) == shown


def test_a_long_answer_is_folded_between_words() -> None:
    text = "word " * 300
    folded = fold(text, [(490, 520), (1000, 1004)])
    assert pieces(folded).replace("[", "").replace("]", "").replace("|", "") == text
    start, rest = pieces(folded).split("|")
    assert (len(start), rest[:3]) == (490, "[wo")
    assert (folded.length, folded.is_cut) == (1500, False)
    assert fold("a" * FOLDED_FROM, []).rest == ()
    assert fold("a" * 5000, []).rest != ()
    endless = fold("a" * (MOST + 1), [(0, MOST + 1)])
    assert endless.is_cut
    assert sum(len(piece.text) for half in _halves(endless) for piece in half) == MOST


def answer_page(text: str, spans: tuple[tuple[int, int], ...] = (), **changes: object) -> str:
    base = samples.answered_report()
    first = samples.altered(base.answer_results[0], text=text, spans=spans, **changes)
    return samples.student_page(samples.changed(base, answers=(first, *base.answer_results[1:])), samples.RUN)


@pytest.mark.parametrize("text", samples.HOSTILE_NAMES, ids=range(len(samples.HOSTILE_NAMES)))
def test_a_hostile_answer_stays_text(text: str) -> None:
    source = answer_page(text, tuple((at, at + 2) for at in range(0, len(text), 3)))
    assert Page(source).all("script") == []
    assert not [image for image in Page(source).all("img") if not (image["src"] or "").startswith("data:image/png")]
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800-\udfff]", source)
    whole = answer_page(text, ((0, len(text)),))
    assert "<script" not in whole.replace("&lt;script", "")


def test_lines_of_an_answer_are_kept() -> None:
    source = answer_page("first\n\n  second & <i>\ttab", ((0, 5),))
    assert '<blockquote class="answer"><mark>first</mark>\n\n  second &amp; &lt;i&gt;\ttab</blockquote>' in source


def test_a_long_answer_is_complete() -> None:
    source = answer_page(samples.LONG_ANSWER)
    assert len(Page(source).all("details")) == len(Page(source).all("summary")) == 1
    assert "layer 20 builds on" in source


def test_full_answers_are_shown_only_if_the_run_allows_it() -> None:
    for report in (samples.answered_report(), _with_full_answers(samples.passed_report())):
        assert "What the key says on" not in samples.student_page(report, samples.RUN)
        assert "A full answer: What the key says on 7e" in student_page(_with_full_answers(report), FULL_ANSWERS).text


def _with_full_answers(report: Report) -> Report:
    answers = tuple(
        samples.altered(answer, full_answer=f"What the key says on {answer.part}.") for answer in report.answer_results
    )
    return samples.changed(report, answers=answers)


def test_confidence_is_shown_only_where_a_tutor_decides() -> None:
    text = student_page(samples.answered_report()).text
    assert text.count("The grader is ") == 2
    assert "The grader is 50 % sure of its proposal." in text


def test_decisions_and_comments_show_author_time_and_reason() -> None:
    text = student_page(samples.answered_report()).text
    for words in (
        "Decided by a tutor. Dropout after the first fully connected layer : 0 → 0.5;",
        "The purpose of a pooling layer : 0.5 → 1.",
        "Ada Tutor , 24 November 2025, 09:30 UTC: 0 → 0.5 of 1. The comment shows what was meant.",
        "Ada Tutor , 24 November 2025, 09:30 UTC: 0.5 → 1 of 1. The example makes the purpose clear.",
        "Ada Tutor , 24 November 2025, 09:30 UTC: Small and quick.",
        "Ada Tutor , 24 November 2025, 09:30 UTC: Well laid out.",
    ):
        assert words in text, words
    assert text.count("by a tutor") == 3


def test_a_decision_that_keeps_a_mark_confirms_it() -> None:
    kept = samples.override("part1.8", "1", "1", "")
    base = samples.answered_report()
    answers = (*base.answer_results[:-1], dataclasses.replace(base.answer_results[-1], decision=kept))
    assert "1 confirmed of 1." in student_page(samples.changed(base, answers=answers)).text


def test_the_sums_show_given_open_and_lost_points() -> None:
    text = student_page(samples.answered_report()).text
    assert "Part 1: the questions 7 3 (1 proposed) 3 13" in text
    assert "Total 23.5 3 3.5 30" in text


def test_only_lost_points_mark_a_row_of_the_network() -> None:
    item = samples.item("structure.relu", Status.NEEDS_REVIEW)
    for status, proposed, is_lost in (
        (Status.NEEDS_REVIEW, None, False),
        (Status.NEEDS_REVIEW, item.available, False),
        (Status.NEEDS_REVIEW, Decimal(0), True),
        (Status.FAILED, None, True),
        (Status.PARTIAL, None, True),
        (Status.SKIPPED, None, False),
        (Status.PASSED, None, False),
    ):
        cause = "loads" if status is Status.SKIPPED else ""
        changed = dataclasses.replace(item, status=status, proposed=proposed, cause=cause)
        assert lost_checks([changed]) == (frozenset({"structure.relu"}) if is_lost else frozenset())


def test_filters_with_a_scale_of_zero_are_drawn() -> None:
    assert filter_sheet(Filters(1, 1, 1, 0.0, "gA==")).width == 1


def test_a_page_stays_small() -> None:
    largest = max(len(samples.student_page(report, run).encode()) for report, run in PAGES.values())
    assert largest < 120_000
    output = dataclasses.replace(samples.evidence(samples.training(1, 9000)), output="'" * 100_000)
    answers = tuple(
        samples.altered(answer, text="'" * 50_000, spans=tuple((at, at + 1) for at in range(0, 400, 4)))
        for answer in samples.marked_answers()
    )
    report = samples.changed(samples.report("a" * 200, seen=output), answers=answers)
    assert len(samples.student_page(report, samples.RUN).encode()) < 400_000


def test_a_page_is_written_again_when_it_would_show_something_else(tmp_path: Path) -> None:
    report, run = samples.partial_report(), samples.RUN
    stored = samples.record_of(report)
    later = dataclasses.replace(run, started="2031-05-01T09:00:00+00:00", finished="")
    path = pages.write_report_page(tmp_path, report, stored, run)
    page = path.read_bytes()
    pages.write_report_page(tmp_path, report, stored, later)
    assert path.read_bytes() == page, "it would show the same"

    others = (
        (dataclasses.replace(report, awarded=report.awarded - 1), stored, later),
        (report, dataclasses.replace(stored, evidence=samples.evidence(samples.training(1, 4321))), later),
        (report, stored, dataclasses.replace(later, grader_version="0.2.0")),
        (report, stored, dataclasses.replace(later, rubric_revision="ab" * 18)),
    )
    for changed in others:
        path.write_bytes(page)
        pages.write_report_page(tmp_path, *changed)
        assert path.read_bytes() == pages.write_report_page(tmp_path / "new", *changed).read_bytes() != page
        (tmp_path / "new" / path.relative_to(tmp_path)).unlink()
    for damaged in (page[:-9], page.replace(b"lost", b"kept"), b"", b"another page"):
        path.write_bytes(damaged)
        pages.write_report_page(tmp_path, report, stored, run)
        assert path.read_bytes() == page


def test_the_page_of_a_name_that_is_not_unicode_is_always_written(tmp_path: Path) -> None:
    report = samples.partial_report("ren\udce9")
    for time in ("2031-05-01T09:00:00+00:00", "2032-05-01T09:00:00+00:00"):
        run = dataclasses.replace(samples.RUN, finished=time)
        path = pages.write_report_page(tmp_path, report, samples.record_of(report), run)
        assert f"1 May {time[:4]}" in path.read_text(encoding="utf-8")


def test_lateness_is_a_line_of_its_own_and_the_mark_stays() -> None:
    late = Lateness(2, Decimal(3), "2 days late. 5% of 30 points a day makes 3 points.", note="Not late there.")
    page = samples.student_page(dataclasses.replace(samples.passed_report(), lateness=late), samples.RUN)
    assert "2 days late. 5% of 30 points a day makes 3 points. The mark above is before this deduction." in page
    assert "Time, for tutors.</strong> Not late there." in page
    unknown = Lateness(None, None, "It is not known when; a tutor decides.")
    page = samples.student_page(dataclasses.replace(samples.passed_report(), lateness=unknown), samples.RUN)
    assert "Time.</strong>" not in page
    assert "Time, for tutors.</strong> It is not known when; a tutor decides." in page
    assert "Time" not in samples.student_page(samples.passed_report(), samples.RUN)
