"""Both pages in a browser: colour schemes, phone, print, keyboard, landmarks, and accessibility (axe-core)."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page
from pypdf import PdfReader

from grader.storage import run_folder
from tests.browser.conftest import Opener
from tests.browser.written_runs import MADE, MADE_RUN

STUDENTS = {
    "answered": "s7890123",
    "partial": "Weber_Max_u7000001",
    "unloadable": "s4567890",
    "error": "s6789012",
}
PAGES = {
    "cohort": "index.html",
    "anonymous": "anonymous.html",
    **{name: run_folder.page_path(student) for name, student in STUDENTS.items()},
    "feedback": run_folder.feedback_path("s9012345"),
}
WIDTHS = (360, 320)
"""A usual phone, and the width at which WCAG 2.2 asks for a page without scrolling sideways (1.4.10)."""
UNFOLD = "document.querySelectorAll('details').forEach(details => details.open = true)"

every_page = pytest.mark.parametrize("name", PAGES)
main_pages = pytest.mark.parametrize("name", ["cohort", "answered"])


def path_of(runs: dict[str, Path], name: str) -> Path:
    return runs["made"] / PAGES[name]


def colours(page: Page) -> tuple[float, float]:
    """How light the paper and the ink are, each 0..1."""
    style: list[str] = page.evaluate(
        "[getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]"
    )
    paper, ink = (sum(int(part) for part in re.findall(r"\d+", colour)[:3]) / 765 for colour in style)
    return paper, ink


# Reading: landmarks, keyboard, colours, axe-core


def violations(page: Page, *rules: str) -> dict[str, list[str]]:
    """What axe-core finds with everything unfolded, by its rules or only the ``rules`` that are named."""
    page.evaluate(UNFOLD)
    only = {"runOnly": {"type": "rule", "values": rules}} if rules else {}
    found = Axe().run(page, options={"resultTypes": ["violations"], **only}).response["violations"]
    return {violation["id"]: [node["html"][:200] for node in violation["nodes"][:4]] for violation in found}


@every_page
def test_axe_finds_nothing_in_either_scheme(opened: Opener, runs: dict[str, Path], name: str) -> None:
    page = opened(path_of(runs, name), color_scheme="light")
    assert violations(page) == {}
    page.emulate_media(color_scheme="dark")
    assert violations(page, "color-contrast") == {}


@main_pages
def test_axe_finds_nothing_on_a_phone(opened: Opener, runs: dict[str, Path], name: str) -> None:
    assert violations(opened(path_of(runs, name), viewport={"width": 360, "height": 740})) == {}


def test_axe_would_find_something(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(path_of(runs, "answered"))
    page.evaluate("document.querySelector('img').removeAttribute('alt'); document.body.style.color = '#999'")
    assert {"image-alt", "color-contrast"} <= set(violations(page))
    assert set(violations(page, "color-contrast")) == {"color-contrast"}


@every_page
def test_a_page_follows_the_scheme_of_the_system(opened: Opener, runs: dict[str, Path], name: str) -> None:
    page = opened(path_of(runs, name), color_scheme="light")
    paper, ink = colours(page)
    assert paper > 0.9 > 0.3 > ink
    page.emulate_media(color_scheme="dark")
    paper, ink = colours(page)
    assert paper < 0.2 < 0.8 < ink
    page.emulate_media(media="print")
    paper, ink = colours(page)
    assert (paper, ink) == (1, 0), "printed from a dark screen, paper stays white"


@every_page
def test_landmarks_are_there_once(opened: Opener, runs: dict[str, Path], name: str) -> None:
    page = opened(path_of(runs, name))
    roles: tuple[Literal["main", "banner", "contentinfo"], ...] = ("main", "banner", "contentinfo")
    for role in roles:
        assert page.get_by_role(role).count() == 1, role
    assert page.get_by_role("heading", level=1).count() == 1
    assert page.get_by_role("heading", level=1).inner_text().strip()
    unnamed = page.evaluate(
        "[...document.querySelectorAll('section')].filter(section => !document.getElementById("
        "section.getAttribute('aria-labelledby'))?.innerText.trim()).length"
    )
    assert unnamed == 0


@main_pages
def test_the_tab_key_reaches_everything_in_order_and_shows_where_it_is(
    opened: Opener, runs: dict[str, Path], name: str
) -> None:
    page = opened(path_of(runs, name))
    expected: int = page.evaluate(
        """() => {
          const chosen = document.querySelectorAll('a[href], button, input, select, summary, [tabindex="0"]');
          const shown = [...chosen].filter(element => element.checkVisibility({contentVisibilityAuto: true}));
          shown.forEach((element, place) => { element.dataset.place = place; });
          return shown.length;
        }"""
    )
    assert expected > 5
    reached: list[int] = []
    for _ in range(expected):
        page.keyboard.press("Tab")
        place, outline, width, height = page.evaluate(
            """() => {
              const element = document.activeElement, style = getComputedStyle(element);
              const box = element.getBoundingClientRect();
              const outline = style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth);
              return [Number(element.dataset.place ?? -1), outline, box.width, box.height];
            }"""
        )
        reached.append(place)
        assert outline >= 1, f"the focus is not shown on element {place}"
        assert width * height > 1, f"element {place} has the focus and cannot be seen"
    assert reached == list(range(expected))


@every_page
def test_every_picture_has_a_text_and_loads(opened: Opener, runs: dict[str, Path], name: str) -> None:
    page = opened(path_of(runs, name))
    pictures: list[list[Any]] = page.evaluate(
        "[...document.images].map(image => [image.alt.trim(), image.complete && image.naturalWidth > 0])"
    )
    assert all(words and is_loaded for words, is_loaded in pictures), pictures
    assert bool(pictures) == (name in {"answered", "partial", "feedback"})


@main_pages
def test_every_anchor_of_the_page_is_reached_by_a_click(opened: Opener, runs: dict[str, Path], name: str) -> None:
    page = opened(path_of(runs, name))
    for link in page.locator("a[href^='#']").all():
        link.click()
        assert page.evaluate("document.querySelector(':target')?.checkVisibility()"), link.get_attribute("href")


def test_every_link_of_the_cohort_opens_a_students_page(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(runs["made"] / "index.html")
    links: list[list[str]] = page.evaluate(
        "[...document.querySelectorAll('#roster a')].map(link => [link.href, link.innerText])"
    )
    assert len(links) == len(MADE)
    for href, student in links:
        page.goto(href)
        assert page.get_by_role("heading", level=1).inner_text() == student


# Width


@pytest.mark.parametrize("name", [*PAGES, "hostile", "hostile-cohort"])
def test_a_phone_never_scrolls_sideways(opened: Opener, runs: dict[str, Path], name: str) -> None:
    hostile = {"hostile": "students/*/report.html", "hostile-cohort": "index.html"}
    path = max(runs["hostile"].glob(hostile[name]), key=_size) if name in hostile else path_of(runs, name)
    page = opened(path)
    page.evaluate(UNFOLD)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 740})
        beyond: list[str] = page.evaluate(
            """width => [...document.querySelectorAll('body *')].filter(element => {
              const box = element.getBoundingClientRect();
              const isShown = box.width > 1 && box.height > 1 && element.checkVisibility();
              return isShown && (box.right > width + 1 || box.left < -1);
            }).map(element => element.outerHTML.slice(0, 120))""",
            width,
        )
        assert (width, beyond) == (width, [])
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def _size(path: Path) -> int:
    return path.stat().st_size


# Print


def printed(page: Page) -> tuple[str, int]:
    """The words of the page on paper, with single spaces, and the number of sheets."""
    sheets = PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages
    words = " ".join(sheet.extract_text() for sheet in sheets)
    return " ".join(unicodedata.normalize("NFKC", words).split()), len(sheets)  # in print, "fl" is one sign


def test_print_has_all_of_a_folded_answer(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(path_of(runs, "answered"))
    folded = page.locator("details", has_text="20. A deep network")
    assert not folded.evaluate("details => details.open")
    text, sheets = printed(page)
    for number in range(1, 21):
        assert f"layer {number} builds on what the one before it found" in text
    assert "Show the rest" not in text
    assert 1 <= sheets <= 8


def test_print_has_every_student_and_every_column_and_no_controls(opened: Opener, runs: dict[str, Path]) -> None:
    page = opened(path_of(runs, "cohort"))
    text, sheets = printed(page)
    squeezed = text.replace(" ", "")
    assert [report.student for report in MADE if report.student not in squeezed] == []
    for column in ("Student", "Code", "Part 2", "Part 1", "Total", "Open", "Accuracy", "First cause and flags"):
        assert column.replace(" ", "") in squeezed, column
    assert MADE_RUN.rubric_title in text
    assert not page.evaluate("matchMedia('print').matches")
    page.emulate_media(media="print")
    assert not page.locator("#controls").is_visible()
    assert 1 <= sheets <= 10


@main_pages
def test_print_loses_nothing_at_the_edge_of_the_paper(opened: Opener, runs: dict[str, Path], name: str) -> None:
    page = opened(path_of(runs, name), viewport={"width": 688, "height": 1000})  # A4 less its margins of 14 mm
    page.emulate_media(media="print")
    page.evaluate(UNFOLD)
    assert page.evaluate("document.documentElement.scrollWidth") <= 688
