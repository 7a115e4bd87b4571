"""Students' requests and earlier comments in a review: what the terminal and the page show, and what they never do."""

from __future__ import annotations

import io
import json
import shutil
import sys
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.model import Decision
from grader.moderation.comment_bank import COMMENTS_FILE
from grader.moderation.decisions import subject_digest
from grader.moderation.decisions_file import read_decisions
from grader.moderation.desk import Desk
from grader.moderation.finished_run import load_run
from grader.moderation.offers import Refused
from grader.moderation.pseudonyms import secret_of
from grader.moderation.regrade_requests import take_requests
from grader.moderation.worklist import Scope
from grader.report.html import pages
from grader.report.html.anonymity import ByName
from grader.review.page.actions import Actions, Asked
from grader.review.page.entry_view import EntryViews
from grader.review.page.listing import Listed, Listing
from grader.review.page.together import together
from grader.storage.run_folder import feedback_path
from tests.support import cohort_samples as cohorts
from tests.support import desk_cohort as cohort
from tests.support import report_samples as samples
from tests.support.review_samples import answered

DROPOUT = "part1.8"
ATTACK = "<script>window.pwned = 1</script>\x1b[31m[bold]It is {{ 7 * 7 }}[/bold]"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    return samples.stored_run(tmp_path / "run", *(cohorts.summed(answered(student)) for student in ("ann", "bob")))


def write_requests(run: Path, *lines: str) -> Path:
    path = run.parent / "requests.csv"
    path.write_text("\n".join(("student,item,words", *lines)), encoding="utf-8")
    return path


def review(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, keys: str, *options: str
) -> tuple[int, str]:
    """A session in the terminal with these lines of input: its exit code, and its output."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(keys))
    code = main(["review", str(run), "--terminal", "--author", "Tess", *options])
    return code, capsys.readouterr().out


def test_the_terminal_shows_words_mark_and_history_and_a_later_review_goes_on(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    samples.decide(run, _decision("ann", "0.5", "Half of it."))
    requests = write_requests(run, f"ann,8,{ATTACK}", "zed,8,Where am I?")
    code, printed = review(run, capsys, monkeypatch, "q\n", "--requests", str(requests))
    assert code == 1
    assert "1 new request of students." in printed
    assert printed.count('line 3: nobody in this run is called "zed". The line says: "zed,8,Where am I?"') == 2
    assert "\x1b" not in printed
    assert "(0.5/1 then): <script>window.pwned = 1</script>" in " ".join(printed.split())
    assert "Half of it." in printed
    assert "1 left open" in printed
    assert "You asked" not in (run / feedback_path("ann")).read_text(), "nothing is said before a tutor has decided"
    code, printed = review(run, capsys, monkeypatch, "c 1 You did.\n")
    assert (code, read_decisions(run).entries[-1].new) == (0, Decimal(1))
    page = (run / feedback_path("ann")).read_text()
    assert "You asked for this to be looked at again: the mark changed from 0.5 to 1 of 1. Reason: You did." in page
    assert "pwned" not in page
    for secret in ("bob", "Tess", secret_of(run)):
        assert secret not in page
    assert "window.pwned = 1&lt;/script&gt;" in (run / "students" / "ann" / "report.html").read_text()
    assert "There are no more entries" not in review(run, capsys, monkeypatch, "")[1]


def test_a_digit_at_the_prompt_takes_a_sentence_of_another_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = samples.stored_run(tmp_path / "before", answered("cy"), answered("di"))
    review(before, capsys, monkeypatch, "c 0.5 Say where.\nc 0.5 Say where.\n", "--all", "--only", "8")
    assert (before / COMMENTS_FILE).exists()
    options = ("--all", "--only", "8", "--comments", str(before))
    _, printed = review(run, capsys, monkeypatch, "w\n1\nc 0.5\n1\nc 0.5\n2\n", *options)
    assert "1 comment of another review will be offered." in printed
    assert "Reason, or a digit:" in printed
    assert [entry.reason for entry in read_decisions(run).entries] == ["Say where.", "Say where.", "2"]


def test_options_that_do_not_go_together_store_nothing(
    run: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--port", "9", "--requests", str(write_requests(run, "ann,8,Please.")))
    assert review(run, capsys, monkeypatch, "", *options)[0] == 2
    assert read_decisions(run).entries == ()


def test_diff_prints_what_came_of_requests_also_where_no_mark_changed(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = shutil.copytree(run, tmp_path / "before")
    requests = write_requests(run, "ann,8,Please.", "bob,7a,Please.")
    review(run, capsys, monkeypatch, "a\nc 0.25 It is not.\n", "--requests", str(requests))
    assert main(["diff", str(before), str(run)]) == 1
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert any(line.endswith(": stays 1 Tess: accepted") for line in lines)
    assert any(line.endswith(": 1 → 0.25 Tess: It is not.") for line in lines)
    main(["diff", str(before), str(run), "--json"])
    found = json.loads(capsys.readouterr().out)["requests"]
    assert {(one["student"], one["item"]) for one in found} == {("ann", DROPOUT), ("bob", "part1.7a")}
    assert sorted(one["new"] for one in found) == [0.25, 1.0]
    assert {one["old"] for one in found} == {1.0}


# ---- on the page -----------------------------------------------------------------------------------------------------


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A cohort in which the first student asks about an answer that others gave too, after a tutor marked it."""
    folder = cohort.desk_run(tmp_path / "run")
    samples.decide(folder, _decision(cohort.student(0), "0.5", "Half of it.", folder=folder))
    requests = write_requests(folder, f"{cohort.student(0)},8,{ATTACK}")
    take_requests(load_run(folder), requests, author="Tess")
    return Desk(load_run(folder))


def _entry(listing: Listing, number: int) -> Listed:
    entries = (one for question in listing.questions if question.id == DROPOUT for one in question.entries)
    return next(one for one in entries if one.entry.student == cohort.student(number))


def test_the_page_shows_a_request_with_its_history_and_as_text(desk: Desk, tmp_path: Path) -> None:
    listing = Listing(desk, Scope())
    found = listing.find(_entry(listing, 0).key)
    assert found is not None
    assert (found[1].is_asked, found[1].is_open) == (True, True)
    views = EntryViews(tmp_path / "run", desk, listing, ByName(desk.reports), partial(desk.offered, "Tess"))
    shown = pages.environment().get_template("desk_entry.html").render(author="Tess", **views.of(*found))
    assert "marked 0.5 of 1 then" in shown
    history = shown.partition("asked-again")[2]
    assert 0 < history.index("Half of it.") < history.index("window.pwned"), "the oldest first"
    assert "<script" not in shown
    assert "It is {{ 7 * 7 }}" in shown
    assert "\x1b" not in shown


def test_a_request_is_never_marked_together_with_others_but_its_answer_leads_to_them(desk: Desk) -> None:
    listing = Listing(desk, Scope())
    actions = Actions(desk, listing)
    asked, equal = _entry(listing, 0), _entry(listing, 3)
    found, other = listing.find(asked.key), listing.find(equal.key)
    assert found is not None
    assert other is not None
    assert asked.key not in [one.key for like in together(listing, *other) for one in like.entries]
    assert equal.key in [one.key for like in together(listing, *found) for one in like.entries]
    with pytest.raises(Refused, match="not alike"):
        actions.decide(Asked(equal.key, "Ben", {DROPOUT: "full"}, {DROPOUT: ""}, also=(asked.key,)))
    with pytest.raises(Refused, match="asked to look at this again"):
        actions.decide(Asked(asked.key, "Ben", {DROPOUT: "full"}, {DROPOUT: ""}))
    assert len(desk.decisions.entries) == 2


def test_a_blind_audit_shows_no_request(desk: Desk) -> None:
    listing = Listing(desk, Scope(audit=frozenset({(cohort.student(0), DROPOUT)})))
    assert not _entry(listing, 0).is_asked


def _decision(student: str, points: str, reason: str, *, folder: Path | None = None) -> Decision:
    """A tutor's decision on part 8 of a student."""
    reports = load_run(folder).automatic if folder is not None else (answered(student),)
    report = next(report for report in reports if report.student == student)
    result = next(one for one in report.results if one.id == DROPOUT)
    made = samples.override(DROPOUT, "1", points, reason)
    return replace(made, student=student, digest=subject_digest(report, result))
