"""Using the cohort page: sorting, searching and filtering with mouse and keyboard, and the page without its script."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page

from grader.model import Origin
from grader.report import formats
from grader.report.formats import WORDS
from grader.report.html import pages, roster
from tests.browser.conftest import Opener
from tests.browser.written_runs import MADE
from tests.support import report_samples as samples

COLUMNS = ("Student", "Code", "Part 2", "Part 1", "Total", "Open", "Accuracy", "First cause and flags")
NUMBERS = {"Part 2", "Part 1", "Total", "Open", "Accuracy"}
PHONE = {"width": 360, "height": 740}


@pytest.fixture
def page(opened: Opener, runs: dict[str, Path]) -> Page:
    return opened(runs["made"] / "index.html")


def rows(page: Page) -> Locator:
    return page.locator("#roster tbody tr:visible")


def cells(page: Page, column: str) -> list[str]:
    """What the column shows, from top to bottom."""
    at = COLUMNS.index(column)
    shown: list[str] = page.evaluate(
        "at => [...document.getElementById('roster').tBodies[0].rows].map(row => row.cells[at].innerText)", at
    )
    return [" ".join(text.split()) for text in shown]


def students(page: Page) -> list[str]:
    return cells(page, "Student")


def sorts(page: Page) -> dict[str, str]:
    """The sorted columns with their order."""
    headers: list[list[Any]] = page.evaluate(
        "[...document.querySelectorAll('#roster thead th')].map(cell => [cell.innerText, cell.ariaSort])"
    )
    return {header.strip(): order for header, order in headers if order}


def number(text: str, column: str) -> float | None:
    found = re.match(r"-?\d+(?:\.\d+)?", text.replace("\u202f", ""))
    if found:
        return float(found[0])
    return 0.0 if column == "Open" else None  # a dash there means that nothing is open


def header(page: Page, column: str) -> Locator:
    return page.locator("#roster thead th").nth(COLUMNS.index(column)).get_by_role("button")


def click(page: Page, column: str) -> None:
    header(page, column).click()


def press(key: str) -> Callable[[Page, str], None]:
    def press_key(page: Page, column: str) -> None:
        header(page, column).focus()
        page.keyboard.press(key)

    return press_key


ways = pytest.mark.parametrize("sort_by", [click, press("Enter"), press("Space")], ids=["mouse", "enter", "space"])


@ways
def test_every_column_sorts_both_ways_and_says_so(page: Page, sort_by: Callable[[Page, str], None]) -> None:
    everybody = sorted(students(page))
    assert len(everybody) == len(MADE)
    assert sorts(page) == {}
    for column in COLUMNS:
        sort_by(page, column)
        assert sorts(page) == {column: "ascending"}
        upwards = cells(page, column)
        sort_by(page, column)
        assert sorts(page) == {column: "descending"}
        downwards = cells(page, column)
        assert sorted(students(page)) == everybody
        assert len(set(upwards)) > 1, column
        if column in NUMBERS:
            assert [number(text, column) for text in upwards] == in_order(upwards, column, sign=1)
            assert [number(text, column) for text in downwards] == in_order(downwards, column, sign=-1)
        elif column == "Code":
            assert is_grouped(upwards)
            assert downwards == upwards[::-1]
        else:
            for texts, is_down in ((upwards, False), (downwards, True)):
                worded = [text for text in texts if text[:1].isalpha()]
                assert worded == sorted(worded, key=natural, reverse=is_down)
        sort_by(page, column)
        assert sorts(page) == {column: "ascending"}
        assert cells(page, column) == upwards


def in_order(texts: list[str], column: str, *, sign: int) -> list[float | None]:
    """The numbers as they should stand; those that are missing come last either way."""
    numbers = [number(text, column) for text in texts]
    known = sorted((number for number in numbers if number is not None), reverse=sign < 0)
    return [*known, *[None] * numbers.count(None)]


def natural(text: str) -> list[tuple[int, int, str]]:
    """Words in the order of the alphabet and digits as numbers; punctuation does not count here."""
    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|[a-z]+", text.casefold())
    ]


def is_grouped(texts: list[str]) -> bool:
    changes = sum(first != second for first, second in pairwise(texts))
    return changes == len(set(texts)) - 1


def test_sorting_is_announced_in_words(page: Page) -> None:
    click(page, "Total")
    assert page.get_by_role("status").inner_text() == f"{len(MADE)} of {len(MADE)} shown, by Total, lowest first"
    click(page, "Total")
    assert page.get_by_role("status").inner_text().endswith("by Total, highest first")


def test_a_header_is_reached_and_keeps_the_focus(page: Page) -> None:
    header(page, "Student").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert sorts(page) == {"Code": "ascending"}
    assert page.evaluate("document.activeElement.innerText").strip() == "Code"


def test_searching_shows_the_rows_that_have_all_the_words(page: Page) -> None:
    box = page.get_by_role("searchbox", name="Search")
    box.fill("WEBER")
    assert rows(page).count() == 1
    assert "Weber" in rows(page).inner_text()
    assert page.get_by_role("status").inner_text() == f"1 of {len(MADE)} shown"
    box.fill("syntax 12")
    assert [row.split()[0] for row in rows(page).all_inner_texts()] == ["s4567890"]
    box.fill("nobody has this")
    assert rows(page).count() == 0
    assert page.get_by_role("status").inner_text() == f"0 of {len(MADE)} shown"
    box.press("Escape")
    assert box.input_value() == ""
    assert rows(page).count() == len(MADE)
    for special in ("(", "[", "*", "\\", "<", "+"):
        box.fill(special)
        assert rows(page).count() <= len(MADE)


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
def test_each_filter_shows_the_rows_that_it_names(
    opened: Opener, runs: dict[str, Path], viewport: dict[str, int] | None
) -> None:
    page = opened(runs["made"] / "index.html", **({"viewport": viewport} if viewport else {}))
    select = page.get_by_label("Show")
    options = select.locator("option").all()
    promised = {option.get_attribute("value"): option.inner_text() for option in options}
    assert len(promised) >= 8
    for value, label in promised.items():
        select.select_option(value)
        count = re.search(r"\((\d+)\)", label)
        if count:
            assert rows(page).count() == int(count[1]), label
        status = next((word for word in WORDS.values() if label.startswith(f"code {word}")), "")
        assert all(status in text for text in rows(page).locator(".status").all_inner_texts())
    select.select_option("flag")
    assert rows(page).count() == sum(bool(report.flags) for report in MADE)
    select.select_option("decided")
    assert rows(page).count() == sum(any(result.decision for result in report.results) for report in MADE)
    select.select_option("")
    assert rows(page).count() == len(MADE)


def test_search_filter_and_sorting_work_together(page: Page) -> None:
    page.get_by_label("Show").select_option("open")
    opened_rows = rows(page).count()
    page.get_by_role("searchbox").fill("s5678901")
    assert rows(page).count() == 1 < opened_rows
    click(page, "Total")
    assert rows(page).count() == 1
    page.get_by_role("searchbox").fill("")
    assert rows(page).count() == opened_rows
    totals = [number(text, "Total") for text in rows(page).locator("td:nth-child(5)").all_inner_texts()]
    assert totals == sorted(totals, key=lambda total: (total is None, total))


def test_going_back_from_a_students_page_finds_the_page_in_working_order(page: Page) -> None:
    page.get_by_role("searchbox").fill("Weber")
    page.locator("#roster tbody tr:visible a").click()
    assert "Weber" in page.get_by_role("heading", level=1).inner_text()
    page.go_back()
    shown = rows(page).count()
    word = page.get_by_role("searchbox").input_value()
    assert shown == (1 if word else len(MADE))
    click(page, "Student")
    assert sorts(page) == {"Student": "ascending"}


def test_a_search_ignores_accents_and_case(opened: Opener, tmp_path: Path) -> None:
    names = ("Núñez, José", "Nunez, Jo", "Straße, Ada")
    reports = [
        dataclasses.replace(MADE[0], student=f"u{number}", origin=Origin("moodle", name, str(number)))
        for number, name in enumerate(names)
    ]
    pages.write_cohort_page(tmp_path, reports, samples.RUN)
    page = opened(tmp_path / "index.html")
    for words, count in (("nunez", 2), ("NÚÑEZ jose", 1), ("Nu\u0301n\u0303ez", 2), ("strasse", 1), ("nunes", 0)):
        page.get_by_role("searchbox").fill(words)
        assert rows(page).count() == count, words


@pytest.fixture
def large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a cohort whose table is on five pages."""
    monkeypatch.setattr(formats, "MOST_STUDENTS", 20)
    monkeypatch.setattr(roster, "_ON_A_PAGE", 10)
    others = (dataclasses.replace(MADE[at % len(MADE)], student=f"s{at:02}") for at in range(45))
    named = dataclasses.replace(MADE[0], student="u1", origin=Origin("moodle", "Núñez, José", "1234567"))
    pages.write_cohort_page(tmp_path, (named, *others), samples.RUN)
    return tmp_path


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["wide", "phone"])
@pytest.mark.parametrize("word", ["nunez", "1234567"])
def test_a_student_is_found_over_the_pages_of_a_large_cohort(
    opened: Opener, large: Path, viewport: dict[str, int] | None, word: str
) -> None:
    page = opened(large / "index.html", **({"viewport": viewport} if viewport else {}))
    found = page.locator("#found tbody tr")
    assert found.count() == 0
    page.get_by_role("searchbox").fill(word)
    assert found.count() == 1
    assert page.get_by_role("status").inner_text() == "1 of 46 found"
    assert found.get_by_role("link").first.get_attribute("href") == "students/u1/report.html"
    found.get_by_role("link", name="page").click()
    assert "Núñez, José" in " ".join(page.locator("#roster").all_inner_texts())
    page.get_by_role("searchbox").press("Escape")
    assert found.count() == 0


def test_a_search_goes_on_from_one_page_to_all(opened: Opener, large: Path) -> None:
    page = opened(large / "index-5.html")
    page.get_by_role("searchbox").fill("Núñez")
    assert page.get_by_role("status").inner_text().startswith("0 of ")
    page.get_by_role("link", name="All students").click()
    assert page.locator("#found tbody tr").count() == 1
    assert page.get_by_role("searchbox").input_value() == "Núñez"


def test_the_filter_is_over_all_pages(opened: Opener, large: Path) -> None:
    page = opened(large / "index.html")
    for option in page.get_by_label("Show").locator("option").all():
        page.get_by_label("Show").select_option(option.get_attribute("value"))
        count = re.search(r"\((\d+)\)", option.inner_text())
        if count:
            assert page.locator("#found tbody tr").count() == int(count[1])


def test_without_script_every_page_of_the_table_is_reached(opened_anyhow: Opener, large: Path) -> None:
    page = opened_anyhow(large / "index.html", java_script_enabled=False)
    assert page.locator("#found").is_hidden()
    page.locator(".lists a").first.click()
    seen = students(page)
    while page.get_by_role("link", name="Next page").count():
        page.get_by_role("link", name="Next page").click()
        seen += students(page)
    assert len(seen) == len(set(seen)) == 46


def test_the_menu_stays_and_uncovers_the_section_that_it_leads_to(opened: Opener, runs: dict[str, Path]) -> None:
    for viewport in (PHONE, {"width": 1280, "height": 600}):
        page = opened(runs["made"] / "index.html", viewport=viewport)
        menu = page.get_by_role("navigation", name="On this page")
        for link in menu.get_by_role("link").all()[:-1]:
            link.click()
            heading = page.locator(link.get_attribute("href") or "").bounding_box()
            box = menu.bounding_box()
            assert box is not None
            assert heading is not None
            assert box["y"] == 0
            assert box["height"] <= heading["y"] < 200


def test_times_are_the_readers(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(runs["made"] / "index.html", timezone_id="Australia/Sydney")
    assert page.locator("header time").inner_text() == "23 November 2025 at 22:06 GMT+11"
    assert page.locator("header time").get_attribute("title") == "23 November 2025, 11:06 UTC"


@pytest.mark.parametrize("name", ["index.html", "anonymous.html"])
def test_the_command_has_the_folder_of_the_page_and_can_be_copied(opened: Opener, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "it's 100 % run"
    folder.mkdir()
    pages.write_cohort_page(folder, MADE, samples.RUN)
    page = opened(folder / name, permissions=["clipboard-read", "clipboard-write"])
    shown = page.locator("#command").inner_text()
    extra = ["--anonymous"] if name == "anonymous.html" else []
    assert shlex.split(shown)[-2 - len(extra) :] == ["review", str(folder), *extra]
    page.get_by_role("button", name="Copy").click()
    page.get_by_role("button", name="Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == shown


@pytest.fixture
def scriptless(opened_anyhow: Opener, runs: dict[str, Path]) -> Callable[[str], Page]:
    return lambda name: opened_anyhow(runs["made"] / name, java_script_enabled=False)


def test_without_script_the_table_is_complete_and_has_no_controls(
    scriptless: Callable[[str], Page],
) -> None:
    page = scriptless("index.html")
    assert rows(page).count() == len(MADE)
    text = page.locator("#roster").inner_text()
    assert all(report.student in text for report in MADE)
    for column in COLUMNS:
        assert page.locator("#roster thead th").get_by_text(column, exact=True).is_visible()
    assert page.locator("button").count() == 0
    assert page.get_by_role("searchbox").count() == 0
    assert page.get_by_role("combobox").count() == 0
    page.locator("#roster tbody a").first.click()
    assert page.get_by_role("heading", level=1).inner_text() == MADE[0].student


def test_without_script_folded_parts_open(scriptless: Callable[[str], Page]) -> None:
    page = scriptless("index.html")
    folded = page.locator("blockquote details").first
    shut = folded.bounding_box()
    folded.locator("summary").click()
    wide = folded.bounding_box()
    assert shut is not None
    assert wide is not None
    assert wide["height"] > 2 * shut["height"]


def test_the_page_without_names_works_as_well(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(runs["made"] / "anonymous.html")
    click(page, "Total")
    assert sorts(page) == {"Total": "ascending"}
    page.get_by_role("searchbox").fill("Weber")
    assert rows(page).count() == 0
    assert "Weber" not in page.locator("body").inner_text()
    assert page.locator("main a").count() == 0
