"""Every page of a run is valid HTML: it parses without an error, and all references resolve.

Behaviour in a browser is tested in tests/browser, the content in the tests of the student's page and the cohort page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote, urlsplit
from xml.etree.ElementTree import Element

import pytest
from tinyhtml5.parser import HTMLParser

from tests.browser.written_runs import write_runs

REFERENCES = ("aria-labelledby", "aria-describedby", "aria-controls", "aria-owns", "for", "headers")
LOADING = ("src", "srcset", "poster", "data", "background", "xlink:href")
LEADING = ("href", "action", "formaction", "ping")
OUTSIDE = re.compile(r"^(?!data:)(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
NAMED_BY_THEIR_TEXT = {"a", "button", "summary", "h1", "h2", "h3", "h4", "th", "caption", "figcaption", "option"}


class Tree:
    """A page as the HTML standard's algorithm parses it, with all parse errors."""

    def __init__(self, source: str) -> None:
        parser = HTMLParser(namespace_html_elements=False)
        self.root: Element = parser.parse(source)
        self.errors = [(position, code, details) for position, code, details in parser.errors]
        self.mode: str = parser.compatibility_mode

    def all(self, *tags: str) -> list[Element]:
        return [element for element in self.root.iter() if isinstance(element.tag, str) and element.tag in tags]

    def values(self, name: str) -> Iterator[str]:
        return (value for element in self.root.iter() if (value := element.get(name)) is not None)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, Tree]:
    folder = tmp_path_factory.mktemp("runs")
    runs = write_runs(folder).values()
    return {
        path: Tree(path.read_text(encoding="utf-8"))
        for path in sorted(path for run in runs for path in run.rglob("*.html"))
    }


def faults(pages: dict[Path, Tree], found: dict[Path, list[object]]) -> dict[str, list[object]]:
    """The faults by page, shortened for the message of a failing test."""
    return {f"{path.parent.name}/{path.name}": wrong[:5] for path, wrong in found.items() if wrong and path in pages}


def test_the_parser_detects_invalid_pages() -> None:
    start = "<!DOCTYPE html><title>page</title>"
    for broken in ("<p><div></p>", "<p id=a id=b>", "<p>&nothing;", "<b><p></b>", "\0", '<a href="x"rel="y">', "<p/>"):
        assert Tree(start + broken).errors, broken
    assert not Tree(start + "<p>fine").errors
    assert Tree("<title>page</title>").mode == "quirks"


def test_every_page_parses_without_an_error(pages: dict[Path, Tree]) -> None:
    assert len(pages) > 30
    assert faults(pages, {path: list(tree.errors) for path, tree in pages.items()}) == {}
    assert {tree.mode for tree in pages.values()} == {"no quirks"}


def test_every_page_has_a_language_and_its_own_title(pages: dict[Path, Tree]) -> None:
    assert {tree.root.get("lang") for tree in pages.values()} == {"en"}
    titles = {path: (tree.root.findtext("head/title") or "").strip() for path, tree in pages.items()}
    assert [path for path, title in titles.items() if not title] == []
    for run in {path.parent for path in pages if path.name == "index.html"}:
        counted = Counter(title for path, title in titles.items() if path.is_relative_to(run))
        assert [title for title, count in counted.items() if count > 1] == []


def test_ids_are_unique_and_every_reference_to_one_resolves(pages: dict[Path, Tree]) -> None:
    found: dict[Path, list[object]] = {}
    for path, tree in pages.items():
        ids = Counter(tree.values("id"))
        named = {name for name in REFERENCES for value in tree.values(name) for name in value.split()}
        bad = [id for id in ids if not id or re.search(r"\s", id)]
        found[path] = [*(id for id, count in ids.items() if count > 1), *(named - set(ids)), *bad]
    assert faults(pages, found) == {}


def test_headings_come_in_order_below_one_of_the_first_level(pages: dict[Path, Tree]) -> None:
    for path, tree in pages.items():
        levels = [int(heading.tag[1]) for heading in tree.all("h1", "h2", "h3", "h4", "h5", "h6")]
        assert levels.count(1) == 1, path
        assert levels[0] == 1, path
        assert all(later <= earlier + 1 for earlier, later in pairwise(levels)), (path, levels)


def test_every_link_leads_to_an_existing_page_and_element(pages: dict[Path, Tree]) -> None:
    ids = {path: set(tree.values("id")) for path, tree in pages.items()}
    found: dict[Path, list[object]] = {}
    for path, tree in pages.items():
        bad: list[object] = []
        for href in (link.get("href", "") for link in tree.all("a", "area", "link")):
            parts = urlsplit(href)
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            is_ours = not (parts.scheme or parts.netloc or parts.query) and target in ids
            if not is_ours or (parts.fragment and unquote(parts.fragment) not in ids[target]):
                bad.append(href)
        found[path] = bad
    assert faults(pages, found) == {}


def test_every_students_page_is_reached_from_the_cohorts(pages: dict[Path, Tree]) -> None:
    reports = {path for path in pages if path.name == "report.html"}
    reached = {
        (path.parent / unquote(link.get("href", ""))).resolve()
        for path, tree in pages.items()
        if path.name == "index.html"
        for link in tree.all("a")
    }
    assert reports
    assert reports <= reached


def test_nothing_is_loaded_from_outside_the_page(pages: dict[Path, Tree]) -> None:
    found: dict[Path, list[object]] = {}
    for path, tree in pages.items():
        loaded = [value for name in LOADING for value in tree.values(name)]
        styles = ["".join(style.itertext()) for style in tree.all("style")] + list(tree.values("style"))
        found[path] = [
            *(value for value in loaded if not value.startswith("data:image/")),
            *(style for style in styles if re.search(r"@import|url\(|image-set\(", style)),
            *(value for name in LEADING for value in tree.values(name) if OUTSIDE.match(value)),
            *(element.tag for element in tree.all("iframe", "object", "embed", "form", "base", "link")),
            *(name for element in tree.root.iter() for name in element.attrib if name.startswith("on")),
        ]
    assert faults(pages, found) == {}


def test_tables_name_themselves_and_their_rows_and_columns(pages: dict[Path, Tree]) -> None:
    found: dict[Path, list[object]] = {}
    for path, tree in pages.items():
        bad: list[object] = []
        for table in tree.all("table"):
            if table.find("caption") is None and not table.get("aria-labelledby"):
                bad.append("a table without a name")
            widths = {sum(int(cell.get("colspan", 1)) for cell in row) for row in table.iter("tr")}
            if len(widths) != 1:
                bad.append(("rows of different widths", widths, table.get("class")))
            scopes = [cell.get("scope") for cell in table.iter("th")]
            bad += [("scope", scope) for scope in scopes if scope not in {"col", "row"}]
            headers = [row.find("th[@scope='row']") for row in table.findall("tbody/tr")]
            bad += ["a row without a header" for header in headers if header is None]
        found[path] = bad
    assert faults(pages, found) == {}


def test_everything_that_a_screen_reader_announces_has_text(pages: dict[Path, Tree]) -> None:
    found: dict[Path, list[object]] = {}
    for path, tree in pages.items():
        silent: list[object] = [
            (element.tag, dict(element.attrib))
            for element in tree.all(*NAMED_BY_THEIR_TEXT)
            if not "".join(element.itertext()).strip() and not element.get("aria-label")
        ]
        unlabelled = [("img", dict(image.attrib)) for image in tree.all("img") if not (image.get("alt") or "").strip()]
        drawn = [
            ("svg", dict(drawing.attrib))
            for drawing in tree.all("{http://www.w3.org/2000/svg}svg", "svg")
            if not (drawing.get("aria-label") or drawing.get("aria-labelledby"))
            and drawing.get("aria-hidden") != "true"
        ]
        found[path] = [*silent, *unlabelled, *drawn]
    assert faults(pages, found) == {}


def test_the_pages_contain_the_elements_that_these_tests_check(pages: dict[Path, Tree]) -> None:
    tags = Counter(element.tag for tree in pages.values() for element in tree.root.iter())
    for tag in ("table", "th", "a", "img", "details", "blockquote", "h3", "label", "select"):
        assert tags[tag], tag
    assert any("svg" in str(tag) for tag in tags)
    assert any(link.get("href", "").startswith("#") for tree in pages.values() for link in tree.all("a"))
