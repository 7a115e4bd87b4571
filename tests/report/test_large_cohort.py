"""The pages of a cohort whose table is too long for one page. Most tests use a lower limit, so that pages are small."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urldefrag

import pytest

from grader.moderation.pseudonyms import pseudonyms, secret_of
from grader.report import formats
from grader.report.html import cohort_page, cohort_queue, pages, roster
from grader.report.html.anonymity import ByName
from tests.support import cohort_samples as cohorts
from tests.support import report_samples as samples
from tests.support.parsed_page import Page

LARGE = cohorts.large_cohort(45)
SHOWN = {number: pytest.param(number, pages_of) for number, pages_of in ((1000, 0), (1001, 3), (20_000, 40))}


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST_STUDENTS", 20)
    monkeypatch.setattr(roster, "_ON_A_PAGE", 10)


@pytest.fixture
def folder(tmp_path: Path, limits: None) -> Path:
    pages.write_cohort_page(tmp_path, LARGE, samples.RUN)
    return tmp_path


def directory(page: Path) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="directory">(.*?)</script>', page.read_text("utf-8"))
    found: dict[str, Any] = json.loads(text)
    return found


def listed(pages_: list[Path]) -> list[str]:
    """The names in the tables, in their order."""
    texts = "".join(page.read_text("utf-8") for page in pages_)
    return re.findall(r'<th scope="row" role="rowheader">(?:<a [^>]*>)?([^<]+)<', texts)


def tables(folder: Path, name: str) -> list[Path]:
    return sorted(folder.glob(f"{name}-*.html"), key=lambda path: int(path.stem.split("-")[1]))


@pytest.mark.parametrize(("students", "count"), SHOWN.values())
def test_a_table_of_more_than_a_thousand_rows_is_on_pages_of_about_five_hundred(students: int, count: int) -> None:
    (row,) = cohort_page.context(LARGE[:1], samples.RUN, ByName(LARGE))["rows"]
    rows = [dataclasses.replace(row, order=number) for number in range(students)]
    lists = roster.roster_pages(rows, "index")
    assert len(lists) == count
    if lists:
        assert [row.order for page in lists for row in page.rows] == list(range(students))
        assert {len(page.rows) for page in lists} <= {students // count, students // count + 1}


@pytest.mark.parametrize("name", ["index", "anonymous"])
def test_every_student_is_in_one_table_and_in_the_search(folder: Path, name: str) -> None:
    names = {report.student for report in LARGE}
    if name == "anonymous":
        names = set(pseudonyms(names, secret_of(folder)).values())
    lists = tables(folder, name)
    assert len(lists) == 5
    assert len(listed(lists)) == len(LARGE)
    assert set(listed(lists)) == names
    found = directory(folder / f"{name}.html")
    assert [student[0] for student in found["students"]] == listed(lists), "in the order of the tables"
    assert found["pages"] == [page.name for page in lists]
    for student in found["students"]:
        assert student[0] in listed([lists[int(student[-1])]])


def test_every_link_leads_somewhere(folder: Path) -> None:
    for report in LARGE:
        pages.write_report_page(folder, report, samples.record_of(report), samples.RUN)
    for path in folder.glob("*.html"):
        page = Page(path.read_text("utf-8"))
        for link in page.all("a"):
            place, anchor = urldefrag(link["href"] or "")
            target = folder / unquote(place) if place else path
            assert target.is_file(), (path.name, place)
            assert not anchor or f'id="{unquote(anchor)}"' in target.read_text("utf-8"), (path.name, link["href"])
    for student in directory(folder / "index.html")["students"]:
        assert (folder / unquote(student[2])).is_file()


def test_the_pages_without_names_identify_nobody(folder: Path) -> None:
    for path in (folder / "anonymous.html", *tables(folder, "anonymous")):
        source = path.read_text("utf-8")
        assert not [report.student for report in LARGE if report.student in source]
        assert "students/" not in source
        assert "index-" not in source
        assert "index.html" not in source


@pytest.mark.parametrize("name", ["index", "index-2", "anonymous", "anonymous-2"])
def test_a_page_is_self_contained_and_accessible(folder: Path, name: str) -> None:
    source = (folder / f"{name}.html").read_text("utf-8")
    page = Page(source)
    assert not {tag for tag, _ in page.tags} & {"link", "img", "iframe", "object", "embed", "form"}
    assert all("scope" in attributes for attributes in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for _, attributes in page.tags if "aria-labelledby" in attributes} <= set(ids)
    assert len(page.all("h1")) == len(page.all("main")) == 1


def test_the_pages_of_a_larger_run_before_are_removed(folder: Path) -> None:
    (folder / "index-old.html").write_text("a tutor's own")
    pages.write_cohort_page(folder, LARGE[:25], samples.RUN)
    (folder / "index-old.html").unlink()
    assert len(tables(folder, "index")) == len(tables(folder, "anonymous")) == 3
    pages.write_cohort_page(folder, LARGE[:20], samples.RUN)
    assert tables(folder, "index") == tables(folder, "anonymous") == []
    assert (folder / "index.html").read_text("utf-8").count("data-is=") == 20


def test_hostile_names_stay_text(tmp_path: Path, limits: None) -> None:
    names = [f"</script><script>alert(1)</script>{name}" for name in samples.HOSTILE_NAMES]
    hostile = [samples.hostile_report(name) for name in names]
    pages.write_cohort_page(tmp_path, (*hostile, *LARGE), samples.RUN)
    for path in tmp_path.glob("*.html"):
        assert "<script>alert" not in path.read_text("utf-8")
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u200b]", path.read_text("utf-8"))
    found = [student[0] for student in directory(tmp_path / "index.html")["students"]]
    assert sum(name.startswith("</script>") for name in found) == len(hostile)


def test_lists_beside_the_table_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (cohort_page, cohort_queue):
        monkeypatch.setattr(module, "MOST_LISTED", 4)
    shared = [dataclasses.replace(report, network="a" * 64) for report in cohorts.large_cohort(9)]
    made = cohorts.override(shared[0].student, "part1.5", "0.5", "1", "Right.")
    decided = [
        cohorts.summed(report, answers=[dataclasses.replace(result, decision=made) for result in report.answer_results])
        for report in shared
        if report.answer_results
    ]
    source = Page(pages.render_cohort([*decided, *map(samples.passed_report, ("s1", "s2"))], samples.RUN)).text
    total = sum(len(report.answer_results) for report in decided)
    assert f"And {total - 4} earlier ones, which are in overrides.toml." in source
    assert f"and {len(decided) - 4} more" in source
    unread = [samples.passed_report(f"s{number}") for number in range(7)]
    assert "review shows 3 more." in Page(pages.render_cohort(unread, samples.RUN)).text
