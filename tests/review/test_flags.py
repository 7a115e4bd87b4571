"""Flags in the review: they come last, one key ticks them off, and reviews without names show none."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.model import Flag
from grader.moderation.comment_bank import COMMENTS_FILE
from grader.moderation.decisions_file import read_decisions
from grader.moderation.desk import Desk
from grader.moderation.finished_run import load_run
from grader.moderation.offers import Refused
from grader.moderation.worklist import FLAGS, Entry, Scope
from grader.report.html import pages
from grader.report.html.anonymity import ByName, ByNumber
from grader.review.page.actions import Actions, Asked
from grader.review.page.entry_view import EntryViews
from grader.review.page.listing import Listing, key_of
from tests.support import report_samples as samples
from tests.support.cohort_samples import summed
from tests.support.desk_server import DeskServer, ask
from tests.support.review_samples import BOB, CODE, answered

EVE = summed(replace(answered("eve"), flags=(Flag("renamed", "It is <b>eve</b>.py."), Flag("left-out", "2 left out."))))
OPEN = replace(BOB, flags=(Flag("several", "There are two."),))
SEEN, OTHER = Entry("eve", ("flag.left-out",)), Entry("eve", ("flag.renamed",))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return samples.stored_run(tmp_path / "run", EVE, OPEN, CODE)


@pytest.fixture
def review(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """A session in the terminal with these lines of input: its output."""

    def reviewed(*lines: str, options: tuple[str, ...] = ()) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        monkeypatch.setenv("COLUMNS", "90")
        main(["review", str(folder), "--author", "Tess", *options])
        return capsys.readouterr().out

    return reviewed


def looks(folder: Path) -> list[tuple[str, str, str, str]]:
    return [(made.student, made.item, made.author, made.reason) for made in read_decisions(folder).entries]


def actions_on(folder: Path, **scope: object) -> Actions:
    desk = Desk(load_run(folder))
    return Actions(desk, Listing(desk, Scope(**scope)))  # type: ignore[arg-type]  # as the options give it


def listed(actions: Actions) -> list[tuple[Entry, bool]]:
    return [
        (one.entry, one.is_open)
        for question in actions.listing.questions
        if question.id == FLAGS
        for one in question.entries
    ]


# ---- in the terminal -------------------------------------------------------------------------------------------------


def test_a_key_ticks_off_each_flag_and_undo_brings_it_back(folder: Path, review: Callable[..., str]) -> None:
    printed = review("c 1", "w no", "0", "f known", "f", "u", "q", options=("--only", "flags"))
    assert looks(folder) == [("eve", "flag.left-out", "Tess", "known")]
    assert printed.count("There are no points to give here") == 2
    assert "Saved: eve: left-out was looked at" in printed
    assert "Undone: eve: renamed was looked at" in printed
    assert "In this session: 0 decisions, 1 flag looked at, 1 left open." in printed
    assert not (folder / COMMENTS_FILE).exists(), "a note on a flag is no sentence to offer again"
    assert "left-out" not in review("q", options=("--only", "flags"))


def test_flags_come_last_and_wait_for_what_is_open(folder: Path, review: Callable[..., str]) -> None:
    printed = review("s", "s", "s", "s", "s", "s", "s")
    assert printed.index("Flag  left-out") > printed.index("Part 1, 7c")
    assert "several" not in printed.partition("There are no more entries")[0]
    settled = review(*["a"] * 2, options=("--student", "bob"))
    assert "Flag  several" in settled, "after its last answer, its flag is all that is left"


def test_a_flag_is_ticked_off_beside_the_code_that_it_is_shown_with(folder: Path, review: Callable[..., str]) -> None:
    printed = review("f", "f", "q", options=("--student", "code"))
    assert looks(folder) == [("code", "flag.odd", "Tess", "")]
    assert "f flag" in printed
    assert "No flag that waits is shown here." in printed
    printed = review("q", options=("--student", "code"))
    assert re.search(r"Something was noticed\. Looked at by Tess, ", printed)
    assert "f flag" not in printed


def test_reviews_without_names_neither_show_nor_tick_off_flags(folder: Path, review: Callable[..., str]) -> None:
    printed = review(*["f", "s"] * 6, options=("--anonymous",))
    assert "Something was noticed" not in printed
    assert re.findall(r"^Flag +(.*)", printed, re.MULTILINE) == ["odd"], "only its id, beside the code"
    assert "f flag" not in printed
    assert "which this review hides" in printed
    review("f", "q", options=("--audit", "100%"))
    assert looks(folder) == []


# ---- on the page -----------------------------------------------------------------------------------------------------


def test_the_page_lists_flags_of_settled_submissions(folder: Path) -> None:
    actions = actions_on(folder)
    assert listed(actions) == [(SEEN, True), (OTHER, True)]
    actions.look(Asked(key_of(SEEN), "Tess", flag="left-out", text=" for   tutors "))
    assert listed(actions) == [(SEEN, False), (OTHER, True)]
    assert looks(folder) == [("eve", "flag.left-out", "Tess", "for tutors")]
    with pytest.raises(Refused, match="Tess has looked"):
        actions.look(Asked(key_of(SEEN), "Ben", flag="left-out"))
    assert actions.undo(Asked("", "Tess")) == ("Undone: looked at.", key_of(SEEN))
    assert listed(actions) == [(SEEN, True), (OTHER, True)]


def test_a_flag_comes_up_when_the_last_item_is_decided(folder: Path) -> None:
    actions = actions_on(folder, students=("bob",))
    assert listed(actions) == []
    item = next(one for question in actions.listing.questions for one in question.entries)
    for part in item.entry.items:
        actions.decide(Asked(item.key, "Tess", points={part: "full"}))
    assert listed(actions) == [(Entry("bob", ("flag.several",)), True)]


@pytest.mark.parametrize(
    "scope", [{"names": {"eve": "S1", "bob": "S2", "code": "S3"}}, {"audit": frozenset()}], ids=str
)
def test_the_page_hides_flags_where_it_hides_names_or_marks(folder: Path, scope: dict[str, object]) -> None:
    actions = actions_on(folder, **scope)
    assert listed(actions) == []
    for question in actions.listing.questions:
        for one in question.entries:
            with pytest.raises(Refused, match="this review hides"):
                actions.look(Asked(one.key, "Tess", flag="odd"))


def test_an_anonymous_page_shows_neither_the_sentence_of_a_flag_nor_a_note_on_it(folder: Path) -> None:
    names = {"eve": "S1", "bob": "S2", "code": "S3"}
    desk = Desk(load_run(folder))
    desk.look("code", "odd", author="Tess", reason="Jo told us.")
    listing = Listing(desk, Scope(names=names, students=("code",)))
    found = listing.find(listing.questions[0].entries[0].key)
    assert found is not None
    shown = {}
    for identity in (ByNumber(names, desk.reports), ByName(desk.reports)):
        values = EntryViews(folder, desk, listing, identity, lambda item: ()).of(*found)
        shown[identity.is_anonymous] = pages.environment().get_template("desk_entry.html").render(values, author="T")
    for sentence in ("Something was noticed.", "Jo told us."):
        assert (sentence in shown[False], sentence in shown[True]) == (True, False)


def test_points_and_comments_are_refused_at_a_flag(folder: Path) -> None:
    actions = actions_on(folder)
    with pytest.raises(Refused, match="no comment"):
        actions.comment(Asked(key_of(SEEN), "Tess", text="Hello."))
    with pytest.raises(Refused, match="no item"):
        actions.decide(Asked(key_of(SEEN), "Tess", points={"flag.left-out": "full"}))
    assert looks(folder) == []


def test_the_server_shows_a_flag_as_text_and_saves_who_has_looked(folder: Path) -> None:
    with DeskServer(folder, "--author", "Tess") as server:
        key = key_of(OTHER)
        status, _, text = ask(server, f"/part/entry/{key}?author=Tess")
        assert status == 200
        assert 'data-flag="renamed"' in text
        assert "<b>eve</b>" not in text
        body = {"key": key, "author": "Tess", "flag": "renamed"}
        assert ask(server, "/do/look", method="POST", body=body)[0] == 200
        assert ask(server, "/do/look", method="POST", body=body)[0] == 409
        assert "Looked at by" in ask(server, f"/part/entry/{key}?author=Tess")[2]
        assert "looked at, Tess" in ask(server, "/part/list?show=done&author=Tess")[2]
    assert looks(folder) == [("eve", "flag.renamed", "Tess", "")]
    run = load_run(folder)
    assert run.reports[0] == replace(run.automatic[0], looks=run.reports[0].looks), "no mark changes"
