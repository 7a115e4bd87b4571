"""The cohort page: the queue, the counts, the table that sorts, and the same page without names.

After an intended change, `LAB4_RENEW_GOLD=1 pytest tests/report/test_cohort_page.py` writes the gold files again; read
their diff before you commit it. Gold files leave out the style sheets and the script, copies of the templates.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import re
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from grader.model import Band, Origin, Person, Report, Result, Run, Status
from grader.model.command_lines import STARTED_BY_NOX
from grader.moderation.pseudonyms import SECRET_FILE, pseudonyms, secret_of
from grader.moderation.queue import queue_of
from grader.report import tally
from grader.report.formats import visible
from grader.report.highlighting import fold
from grader.report.html import pages
from grader.report.html.anonymity import WITHHELD, ByName, ByNumber
from grader.report.html.cohort_chart import accuracy_chart, band_counts
from grader.report.html.cohort_queue import listed_queue
from tests.support import cohort_samples as cohorts
from tests.support import report_samples as samples
from tests.support.parsed_page import Page
from tests.support.places import TESTS
from tests.support.report_samples import F, H, P, R

GOLD = TESTS / "report" / "gold"
RENDERERS = {"cohort": pages.render_cohort, "cohort-anonymous": samples.anonymous_page}
Renderer = Callable[[Sequence[Report], Run], str]
both = pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)

SMALL = cohorts.small_cohort()
LARGE = cohorts.large_cohort()
HOSTILE = tuple(
    cohorts.summed(
        samples.hostile_report(name),
        answers=cohorts.answers(p1=cohorts.answer("1", R, name + "</script><script>alert(1)</script>")),
    )
    for name in samples.HOSTILE_NAMES
)
MOST_SECONDS = 10
"""A limit for busy machines; the page of 300 students takes about 0.6 s on one of two cores."""


@cache
def large_page(name: str = "cohort") -> str:
    return RENDERERS[name](LARGE, samples.RUN)


def page_of(reports: Sequence[Report], run: Run = samples.RUN) -> Page:
    return Page(pages.render_cohort(reports, run))


def steady(source: str) -> str:
    source = re.sub(r"<style>.*?</style>", "<style></style>", source, flags=re.DOTALL)
    source = re.sub(r"<script>.*?</script>", "<script></script>", source, flags=re.DOTALL)
    return re.sub(r"sha256-[\w+/=]+", "sha256-", source)


@pytest.mark.parametrize("name", RENDERERS)
def test_a_page_equals_its_gold_file(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(STARTED_BY_NOX, raising=False)
    page = steady(RENDERERS[name](SMALL, samples.RUN))
    path = GOLD / f"{name}.html"
    if os.environ.get("LAB4_RENEW_GOLD"):
        path.write_text(page, encoding="utf-8", newline="\n")
    assert page == path.read_text(encoding="utf-8"), f"{path.name} differs; LAB4_RENEW_GOLD=1 renews it"


@both
@pytest.mark.parametrize("reports", [(), SMALL[:1], SMALL, HOSTILE], ids=["none", "one", "small", "hostile"])
def test_a_page_is_well_formed_self_contained_and_accessible(reports: Sequence[Report], render: Renderer) -> None:
    source = render(reports, samples.RUN)
    page = Page(source)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "form"}
    assert not re.search(r"@import|url\(", source)
    for tag, attributes in page.tags:
        assert not any(name.startswith("on") for name in attributes), tag
        for name in ("href", "src", "action"):
            assert not re.match(r"[a-z+]+:|//", attributes.get(name) or ""), (tag, attributes)
    for landmark in ("header", "main", "footer", "h1"):
        assert len(page.all(landmark)) == 1
    assert all("scope" in attributes for attributes in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert all(later <= earlier + 1 for earlier, later in pairwise([0, *levels]))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    labels = {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes}
    assert labels <= set(ids)
    source.encode()


# The script


def policy_of(page: Page) -> str:
    return next(meta["content"] or "" for meta in page.all("meta") if "http-equiv" in meta)


@both
def test_the_policy_lets_the_script_of_the_page_run_and_no_other(render: Renderer) -> None:
    source = render(HOSTILE, samples.RUN)
    page = Page(source)
    assert len(page.all("script")) == 1
    scripts = re.findall(r"<script>(.*?)</script>", source, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert re.findall(r"script-src ([^;]*);", policy_of(page)) == [f"'sha256-{digest}'"]
    assert "default-src 'none'" in policy_of(page)


def test_the_script_is_small_and_the_same_for_every_cohort() -> None:
    found = {re.findall(r"<script>(.*?)</script>", pages.render_cohort(reports, samples.RUN), re.DOTALL)[0]
             for reports in (SMALL, HOSTILE)}  # fmt: skip
    assert len(found) == 1
    script = found.pop()
    assert len(script) < 8000
    assert not re.search(r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|fetch|setTimeout\(\"", script)


def test_without_students_and_on_a_students_page_there_is_no_script_at_all() -> None:
    assert "script-src" not in policy_of(page_of([]))
    assert "<script" not in pages.render_cohort([], samples.RUN)
    assert "script-src" not in policy_of(Page(samples.student_page(SMALL[0], samples.RUN)))


def test_the_table_is_whole_without_the_script() -> None:
    source = pages.render_cohort(SMALL, samples.RUN)
    page = Page(source)
    assert "hidden" in next(element for element in page.all("div") if element.get("id") == "controls")
    assert not page.all("button")
    rows = re.findall(r'<tr role="row" data-is="([^"]*)">', source)
    assert rows == [
        "passed", "partial open", "failed", "needs_review open", "error", "passed flag", "passed open",
        "partial open flag decided",
    ]  # fmt: skip


# The queue


@both
def test_the_page_of_an_interrupted_run_says_how_much_is_missing(render: Renderer) -> None:
    begun = dataclasses.replace(samples.RUN, finished="", submissions=30)
    assert f"{len(SMALL)} of 30 submissions are in this run so far." in Page(render(SMALL, begun)).text
    assert "so far" not in Page(render(SMALL, dataclasses.replace(begun, finished=begun.started))).text


def test_the_students_come_first_and_then_the_queue_in_the_order_of_all_views() -> None:
    source = large_page()
    headings = re.findall(r'<h2 id="(\w+)"', source)
    assert headings == ["students", "queue", "outcome", "failures", "parts", "facts"]
    queue = source[source.index('<h2 id="queue"') : source.index('<h2 id="outcome"')]
    linked = [unquote(found) for found in re.findall(r'href="students/([^/]+)/report', queue)]
    expected = [entry.report.student for question in queue_of(LARGE).questions for entry in question.entries]
    assert linked[: len(expected)] == expected


def test_an_entry_shows_the_answer_with_the_words_that_counted_the_proposal_and_the_reason() -> None:
    source = pages.render_cohort(SMALL, samples.RUN)
    assert "<mark>deep ones learn them</mark>" in source
    text = Page(source).text
    assert "Weber_Max_u7000001 suggested full, 1 This part is answered in other words in Max Weber notes.docx." in text
    assert "no suggestion, worth 1 Not marked yet. It is \U0001f914 <b>hard</b> to say" in text
    assert "s5678901 suggested 1.5 of 2 Three seeds lie on both sides of the 97 % band" in text
    assert "7c How often a filter is applied 2 to settle 1 suggested full, 1 without a suggestion" in text


def test_submissions_to_look_at_have_one_entry_each() -> None:
    groups = {group.title: group for group in listed_queue(SMALL, ByName(SMALL)).groups}
    names = {title: [entry.name[0] for entry in group.entries] for title, group in groups.items()}
    assert names["Faults of the grader"] == ["s6789012"]
    assert names["No answer to Part 1 could be read"] == ["s9999999"]
    assert names["Check before release"] == ["s7777777"]
    assert groups["Check before release"].entries[0].reasons == ("It is `net.py`.",)


def test_the_page_names_review_only_if_it_has_entries() -> None:
    for report, is_reviewed in ((SMALL[7], True), (SMALL[5], False), (SMALL[6], True), (SMALL[4], True)):
        assert ("grader review RUN" in page_of([report]).text) is is_reviewed, report.student


def test_a_folded_answer_is_complete() -> None:
    answer = fold(cohorts.LONG, [(290, 330)], folded_from=420, shown=300, most=5000)
    assert answer.rest
    assert "".join(piece.text for piece in (*answer.start, *answer.rest)) == cohorts.LONG
    assert [piece.text for piece in (*answer.start, *answer.rest) if piece.has_counted] == [cohorts.LONG[290:330]]


def test_a_folded_answer_is_cut_at_the_limit() -> None:
    answer = fold("x" * 1000, [], folded_from=10, shown=10, most=400)
    assert sum(len(piece.text) for piece in (*answer.start, *answer.rest)) == 400
    assert answer.is_cut
    short = fold("x" * 1000, [], folded_from=420, shown=300, most=200)
    assert not short.rest


def test_a_long_queue_lists_part_of_each_question_and_counts_the_rest() -> None:
    waiting = tuple(
        cohorts.answer(part, R, cohorts.LONG * 2, proposed=None, confidence=0.0) for part in cohorts.ANSWERS
    )
    reports = [samples.changed(report, answers=waiting, flags=()) for report in LARGE]
    queue = listed_queue(reports, ByName(reports))
    first = queue.groups[0]
    assert first.left_out == 0, "a small group is listed whole"
    assert {group.count for group in queue.groups[1:]} == {300}
    assert {len(group.entries) for group in queue.groups[1:]} == {112, 113}
    assert sum(len(group.entries) for group in queue.groups) <= 1500
    source = pages.render_cohort(reports, samples.RUN)
    assert f"review shows {queue.groups[1].left_out} more." in Page(source).text
    assert len(source.encode()) < 2_000_000


def test_students_stand_in_natural_order_of_their_names() -> None:
    shown = ["Álvarez", "alvarez 2", "Alvarez 10", "Nunez", "Núñez", "Zhang"]
    reports = [
        dataclasses.replace(SMALL[0], student=f"u{number}", origin=Origin("moodle", name, str(number)))
        for number, name in enumerate(reversed(shown))
    ]
    rows = re.findall(r'role="rowheader"><a [^>]*>([^<]+?) ?<span', pages.render_cohort(reports, samples.RUN))
    assert rows == shown


def test_every_entry_of_the_menu_leads_to_a_section() -> None:
    for reports in (SMALL, SMALL[:1], HOSTILE):
        page = page_of(reports)
        ids = [attributes["id"] for tag, attributes in page.tags if tag == "h2"]
        assert [link["href"] for link in page.all("a") if (link["href"] or "").startswith("#")] == [
            f"#{id}" for id in ids
        ]


# Counts


def test_the_page_shows_counts() -> None:
    text = page_of(samples.cohort()).text
    for words in (
        "18 submissions",
        "1 ✓ passed",
        "1 ! error",
        "1 answer or check is open, and 31 submissions should be looked at.",
        "The script loads and Net() builds 13 0 0 17 1 × task1_cnn.py has a syntax error",
        "training 6 min 42 s",
    ):
        assert words in text, words


def test_sums_of_the_large_cohort_agree_with_its_reports() -> None:
    parts = tally.part_tallies(LARGE)
    assert [part.part for part in parts] == [part for part, _ in samples.PARTS]
    for part in parts:
        statuses = [answer.status for report in LARGE for answer in report.answer_results if answer.part == part.part]
        assert [part.full, part.partial, part.none, part.open] == [statuses.count(status) for status in (P, H, F, R)]
        assert part.full + part.partial + part.none + part.open == len(LARGE)
    rows = large_page().count("data-is=")
    assert rows == len(LARGE)


def test_the_most_frequent_message_is_shown_with_its_count() -> None:
    def with_message(message: str, status: Status = F) -> Report:
        return cohorts.summed(SMALL[0], answers=cohorts.answers(p6a=cohorts.answer("6a", status, message=message)))

    reports = [
        with_message(message) for message in ("Averages, not maxima.", "Rows mixed up.", "Averages, not maxima.")
    ]
    reports.append(with_message("It is not certain.", R))
    part = next(part for part in tally.part_tallies(reports) if part.part == "6a")
    assert part.most_frequent == tally.MostFrequent("Averages, not maxima.", 2)
    assert (part.none, part.open) == (3, 1)
    assert "2 × Averages, not maxima." in page_of(reports).text


def test_the_histogram_counts_open_marks_as_suggested_and_leaves_faults_out() -> None:
    text = page_of([samples.error_report(), samples.passed_report()]).text
    assert "Part 2 marks Out of 17; mean 17.0" in text
    assert "0 / " not in text
    assert "1 submission that the grader failed on is left out." in text
    open_one = cohorts.summed(SMALL[0], answers=cohorts.answers(p1=cohorts.answer("1", R)))
    text = page_of([open_one]).text
    assert "Total marks Out of 30; mean 30.0" in text
    assert "Open marks count as suggested" in text


def test_a_proposal_for_the_code_alone_shows_part_2_marks() -> None:
    """Marks of Part 2 are not mixed with totals that include unmarked answers."""
    report = samples.changed(SMALL[4], answers=samples.unmarked_answers())
    assert "Part 2 marks Out of 17; mean 16.5" in page_of([report]).text


def test_all_right_and_all_wrong() -> None:
    right = page_of([cohorts.with_items(report, P) for report in LARGE[:30]]).text
    assert "Nothing is open: every mark is settled." in right
    assert "Every total is final." in right
    assert "No check of Part 2 failed." in right
    wrong = page_of([cohorts.with_items(report, F) for report in LARGE[:30]]).text
    assert "30 ✗ failed" in wrong
    assert "mean 0.0" in wrong


def test_the_page_of_an_empty_cohort_says_so() -> None:
    assert "The grader found nothing to mark." in page_of([]).text


def test_a_histogram_counts_every_student() -> None:
    marks = [Decimal(mark) for mark in ("0", "0.5", "16.5", "17", "17")]
    bins = tally.histogram(marks, Decimal(17))
    assert [bins[at].count for at in (0, -2, -1)] == [2, 1, 2]
    wide = tally.histogram([Decimal("29.5"), Decimal(100)], Decimal(100))
    assert sum(entry.count for entry in wide) == 2
    assert len(wide) <= 21
    assert sum(entry.count for entry in tally.histogram([Decimal(5)], Decimal(0))) == 1


# Accuracy


def test_every_accuracy_is_in_a_band_and_in_the_chart() -> None:
    accuracies = [0.97, 0.9699, 0.94, 0.5, 1.0, 0.85, *[0.98] * 60]
    counts = band_counts(accuracies, samples.BANDS)
    assert [(band.low, band.count) for band in counts] == [(0.97, 62), (0.94, 2), (0.85, 1), (None, 1)]
    chart = accuracy_chart(accuracies, samples.BANDS)
    assert chart is not None
    assert chart.below == 1
    assert sum(int(bar.label.rpartition(": ")[2]) for bar in chart.bars) + chart.below == len(accuracies)
    assert [tick.label for tick in chart.bands] == ["85 %", "94 %", "97 %"]
    assert next(bar for bar in chart.bars if bar.label.endswith(": 60")).label == "98 to 98.5 %: 60"
    assert all(chart.frame.left <= bar.x and bar.x + bar.width <= chart.frame.right for bar in chart.bars)


def test_a_band_line_is_at_the_edge_of_a_bar() -> None:
    chart = accuracy_chart([0.97], [Band(0.97, Decimal(1))])
    assert chart is not None
    assert chart.bars[0].x == chart.bands[0].at


def test_there_is_no_chart_when_no_network_was_tested() -> None:
    assert accuracy_chart([], samples.BANDS) is None
    assert "No network could be tested." in page_of([samples.unloadable_report()]).text


# Statuses


def test_open_answers_do_not_hide_the_status_of_the_code() -> None:
    report = samples.partial_report()
    assert report.status is Status.NEEDS_REVIEW
    assert tally.status_of(report) is tally.code_status(report) is Status.PARTIAL
    half_marked = cohorts.summed(report, answers=cohorts.answers(p2=cohorts.answer("2", R)))
    assert half_marked.status is Status.NEEDS_REVIEW
    assert tally.status_of(half_marked) is Status.PARTIAL
    settled = cohorts.summed(SMALL[0], answers=cohorts.answers(p2=cohorts.answer("2", F)))
    assert (tally.status_of(settled), tally.code_status(settled)) == (Status.PARTIAL, Status.PASSED)


def test_the_table_shows_the_status_of_the_code_and_what_is_open() -> None:
    text = page_of(SMALL).text
    assert "Weber_Max_u7000001 ◐ partial 13.5 / 17 11 / 13 24.5 / 30 2 +1? 95.5 %" in text
    assert "s9999999 ✓ passed 17 / 17 – 17 / 30 13 98.1 %" in text
    assert "3 of 8 totals are final; the others have something open." in text


# Decisions


def test_decisions_are_listed_with_author_and_reason_and_marked_in_the_table() -> None:
    text = page_of(SMALL).text
    assert "5 The purpose of a pooling layer 0.5 → 1 of 1 Ada Tutor 24 November 2025, 09:00 UTC" in text
    assert "The example makes it clear to <me>." in text
    assert "8 The purpose of dropout comment Ada Tutor" in text
    assert text.index("Max asked about this one.") < text.index("The example makes it clear"), "the latest first"
    assert "✎ 1 decided" in text
    assert "Decided by tutors" not in page_of(SMALL[:1]).text


# The page without names


def test_no_student_can_be_identified_on_the_anonymous_page() -> None:
    for reports, source in (
        (SMALL, samples.anonymous_page(SMALL, samples.RUN)),
        (LARGE, large_page("cohort-anonymous")),
    ):
        page = Page(source)
        for report in reports:
            assert report.student not in source
        assert all((link["href"] or "").startswith("#") for link in page.all("a"))
        for words in ("task1_cnn", "docx", "net.py", "submissions/2025", "students/", "Ada Tutor", "Weber", "u7000001"):
            assert words not in source, words
        assert "Without names." in page.text


def test_no_hostile_name_is_on_the_anonymous_page() -> None:
    text = Page(samples.anonymous_page(samples.cohort(), samples.RUN)).text
    for name in samples.HOSTILE_NAMES:
        assert " ".join(visible(name).split()) not in text


def test_pseudonyms_are_shuffled_and_stay_the_same() -> None:
    students = [report.student for report in LARGE]
    names = pseudonyms(students, "secret")
    assert sorted(names.values()) == [f"Student {number:03d}" for number in range(1, 301)]
    assert names == pseudonyms(reversed(students), "secret")
    assert [names[student] for student in sorted(students)] != sorted(names.values())
    rows = re.findall(r'role="rowheader">(Student \d+)</th>', large_page("cohort-anonymous"))
    assert rows == sorted(rows)
    assert len(rows) == 300


def test_a_class_list_does_not_reveal_the_pseudonyms(tmp_path: Path) -> None:
    reports = [report for report in LARGE if report.answer_results]
    students = [report.student for report in reports]
    written = {}
    for folder in (tmp_path / "one", tmp_path / "other"):
        folder.mkdir()
        pages.write_cohort_page(folder, reports, samples.RUN)
        written[folder] = (folder / "anonymous.html").read_text(encoding="utf-8")
        secret = secret_of(folder)
        assert secret not in written[folder] + (folder / "index.html").read_text(encoding="utf-8")
        pages.write_cohort_page(folder, reports, samples.RUN)
        assert (folder / "anonymous.html").read_text(encoding="utf-8") == written[folder], "the same in each rendering"
    first, second = (pseudonyms(students, secret_of(folder)) for folder in written)
    assert first != second


def test_the_order_of_an_anonymous_page_depends_only_on_the_pseudonyms() -> None:
    students = [report.student for report in LARGE]
    names = pseudonyms(students, "secret")
    renamed = [dataclasses.replace(report, student=f"x{names[report.student]}") for report in LARGE]
    page = pages.render_anonymous_cohort(renamed[::-1], samples.RUN, {f"x{name}": name for name in names.values()})
    assert page == pages.render_anonymous_cohort(LARGE, samples.RUN, names)


def by_number(report: Report) -> ByNumber:
    return ByNumber({report.student: "Student 001"}, [report])


def test_all_that_the_platform_says_about_the_writers_is_blacked_out() -> None:
    people = (Person("Zoë Quill", "5012", "zq1234@example.edu"), Person("Ben Cho", "5013"))
    origin = Origin("moodle", "Team Rocket", "77", members=people)
    report = dataclasses.replace(samples.passed_report("submission_9"), origin=origin)
    text = "zq1234@example.edu, team rocket: Zoë and Cho, 5013, say max pooling"
    assert (
        by_number(report).answer("submission_9", text) == f"{'█' * 18}, {'█' * 11}: ███ and ███, ████, say max pooling"
    )


@pytest.mark.parametrize(
    ("student", "text", "shown"),
    [
        ("Weber_Max_u7000001", "By Max WEBER, u7000001: max pooling", "By ███ █████, ████████: max pooling"),
        ("s1234567", "S1234567 says s12345678", "████████ says s12345678"),
        ("pool", "pooling in a pool", "pooling in a ████"),
        ("a", "a pool is a pool", "a pool is a pool"),
        (".*", "a.*b", "a.*b"),
    ],
)
def test_the_writers_name_is_blacked_out_in_an_answer(student: str, text: str, shown: str) -> None:
    assert by_number(samples.passed_report(student)).answer(student, text) == shown


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("A picture in part1 answers.docx may be part of this answer.", "A picture in a document may be part of this"),
        ("This part is answered in other words in Max W notes.md.", WITHHELD),
        ("Asked for by Max.", WITHHELD),
        ("2.5 is right. Say e.g. why.", "2.5 is right. Say e.g. why."),
    ],
)
def test_a_reason_that_names_a_file_or_the_student_is_withheld(message: str, shown: str) -> None:
    answer: Result = cohorts.answer("1", R, message=message)
    assert by_number(samples.passed_report("Weber_Max")).reason("Weber_Max", answer).startswith(shown)


# Files, names and sizes


def test_both_pages_are_written_and_links_lead_to_the_students_pages(tmp_path: Path) -> None:
    reports = samples.cohort()
    for report in reports:
        pages.write_report_page(tmp_path, report, samples.record_of(report), samples.RUN)
    index = pages.write_cohort_page(tmp_path, reports, samples.RUN)
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", "anonymous.html", SECRET_FILE, "students"}
    links = {urldefrag(link["href"] or "").url for link in Page(index.read_text(encoding="utf-8")).all("a")} - {""}
    assert len(links) == len(reports) + 1
    assert all((tmp_path / unquote(link)).is_file() for link in links)


@pytest.mark.parametrize("report", HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_name_stays_text(report: Report) -> None:
    source = pages.render_cohort([report], samples.RUN)
    page = Page(source)
    assert " ".join(visible(report.student).split()) in page.text
    assert len(page.all("script")) == 1
    for text in (source, samples.anonymous_page([report], samples.RUN)):
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b\ud800-\udfff]", text)


@both
def test_the_page_of_a_course_is_small_and_quick(render: Renderer) -> None:
    start = time.process_time()
    source = render(LARGE, samples.RUN)
    assert time.process_time() - start < MOST_SECONDS
    assert len(source.encode()) < 2_000_000
