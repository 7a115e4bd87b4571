"""The local page for reviewing, without a browser: who may ask, what is saved, and what is marked together."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from starlette.requests import Request
from starlette.routing import Route

from grader.model import PART1
from grader.moderation.decisions import ACCEPTED
from grader.moderation.decisions_file import DECISIONS_FILE, read_decisions
from grader.moderation.desk import Desk, Given
from grader.moderation.finished_run import FinishedRun, is_outdated, load_run
from grader.moderation.offers import Refused
from grader.moderation.regrade_requests import take_requests
from grader.moderation.session import Review
from grader.moderation.worklist import Entry, Scope
from grader.report.html import pages
from grader.report.html.anonymity import ANOTHER, ByName, ByNumber
from grader.review.page import application
from grader.review.page.actions import Actions, Asked
from grader.review.page.application import Application
from grader.review.page.entry_view import EntryViews
from grader.review.page.listing import Listed, Listing, key_of
from grader.review.page.student_files import files_of, media_type, path_of
from grader.review.page.together import together
from grader.storage.run_folder import write_run
from tests.support import desk_cohort as cohort
from tests.support import report_samples
from tests.support.desk_server import PATIENCE, DeskServer, ask

DROPOUT, FILTERS = "part1.8", "part1.7c"


# ---- who may ask -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cohort.desk_run(tmp_path_factory.mktemp("page") / "run")


@pytest.fixture(scope="module")
def server(run: Path) -> Iterator[DeskServer]:
    with DeskServer(run, "--author", "Tess") as started:
        yield started


def test_a_page_of_a_run_that_was_graded_again_says_so(folder: Path) -> None:
    with DeskServer(folder, "--author", "Tess") as server:
        assert "was graded again" not in ask(server, "/part/list")[2]
        write_run(folder, replace(load_run(folder).run, seconds=77.0), is_finished=True)
        assert "was graded again" in ask(server, "/part/list")[2]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signal")
def test_closing_the_terminal_leaves_the_tables_up_to_date(folder: Path) -> None:
    with DeskServer(folder, "--author", "Tess") as server:
        parts = tuple(PART1 + part for part, _ in report_samples.PARTS)
        key = key_of(Entry(cohort.student(cohort.STUDENTS - 1), parts))
        asked = {"key": key, "author": "Tess", "points": {parts[0]: "full"}}
        assert ask(server, "/do/decide", method="POST", body=asked)[0] == 200
        assert is_outdated(folder)
        server.process.send_signal(signal.SIGHUP)
        assert server.process.wait(PATIENCE) == 1, "something is still open"
    assert not is_outdated(folder)


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "-"},
        {"cookie": "lab4-review-1=guess"},
        {"host": "attack.example"},
        {"host": "localhost:80"},
        {"origin": "https://attack.example"},
        {"origin": "null"},
    ],
    ids=str,
)
def test_a_request_of_somebody_else_is_refused(server: DeskServer, headers: dict[str, str]) -> None:
    assert ask(server, "/part/list")[0] == 200
    for path in ("/", "/part/list", "/desk.js"):
        status, _, text = ask(server, path, **headers)
        assert status == 403
        assert cohort.student(1) not in text
    decision = {"key": "0" * 16, "author": "Eve", "points": {DROPOUT: "full"}}
    assert ask(server, "/do/decide", method="POST", body=decision, **headers)[0] == 403


def test_a_request_without_a_host_is_refused(server: DeskServer) -> None:
    assert ask(server, "/part/list", host="-")[0] == 400, "it is no request of HTTP/1.1"


def test_a_change_needs_the_origin_of_the_page(server: DeskServer) -> None:
    body = {"key": "", "author": "Tess"}
    assert ask(server, "/do/undo", method="POST", body=body, origin="-")[0] == 403
    assert ask(server, "/do/undo", method="POST", body=body)[0] == 409
    assert ask(server, "/do/undo")[0] == 405


def test_the_address_sets_a_cookie_that_no_script_and_no_other_site_can_use(server: DeskServer) -> None:
    status, headers, _ = ask(server, f"/?token={server.token}", cookie="-")
    assert (status, headers["location"]) == (303, "/")
    assert {"HttpOnly", "SameSite=strict"} <= set(headers["set-cookie"].split("; "))
    assert ask(server, f"/?token={server.token[:-1]}", cookie="-")[0] == 403
    status, headers, _ = ask(server, "/")
    policy = headers["content-security-policy"]
    assert status == 200
    assert policy.startswith("default-src 'none'; script-src 'self';")
    assert "unsafe" not in policy
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")


@pytest.mark.parametrize(
    "path", ["/index.html", "/..%2fdesk.js", "/file/0000000000000000/0", "/student/x", "/part/entry/x"]
)
def test_nothing_else_is_served(server: DeskServer, path: str) -> None:
    assert ask(server, path)[0] == 404


@pytest.mark.parametrize("body", [[], {"key": 1}, {"key": "x", "author": "T", "more": 1}], ids=str)
def test_a_request_that_is_not_the_pages_is_refused(server: DeskServer, body: object) -> None:
    assert ask(server, "/do/decide", method="POST", body=body)[0] == 400


def test_a_scan_is_shown_in_the_page_and_a_script_is_sent_as_text(server: DeskServer) -> None:
    key = key_of(Entry(cohort.student(cohort.STUDENTS - 1), tuple(PART1 + part for part, _ in report_samples.PARTS)))
    entry = ask(server, f"/part/entry/{key}")[2]
    assert entry.count("<iframe") == 1
    assert f'src="file/{key}/0#' in entry
    types = []
    for number in (0, 1):
        status, headers, _ = ask(server, f"/file/{key}/{number}")
        assert (status, headers["content-security-policy"]) == (200, "default-src 'none'; frame-ancestors 'self'")
        types.append(headers["content-type"])
    assert types == ["image/png", "text/plain; charset=utf-8"]


def test_a_scan_stays_in_sight_until_its_last_part_is_marked(folder: Path) -> None:
    student = cohort.student(cohort.STUDENTS - 1)
    first, second, *others = (PART1 + part for part, _ in report_samples.PARTS)
    with DeskServer(folder, "--author", "Tess") as server:
        asked = {"key": key_of(Entry(student, (first, second, *others))), "author": "Tess", "points": {first: "full"}}
        assert ask(server, "/do/decide", method="POST", body=asked)[0] == 200
        entry = ask(server, f"/part/entry/{key_of(Entry(student, (second,)))}")[2]
    assert "No text was found for this part" in entry
    assert entry.count("<iframe") == 1


def test_files_are_sent_as_text_or_pictures_and_only_from_the_submission(tmp_path: Path) -> None:
    root = tmp_path / "submission"
    root.mkdir()
    (root / "page.HTML").write_text("<script>window.pwned = 1</script>")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    names = ("page.HTML", "../secret.txt", "link.txt", "gone.pdf", str(tmp_path / "secret.txt"))
    submission = replace(report_samples.submission("s1"), root=root, files=names)
    assert [file.is_there for file in files_of(submission)] == [True, False, False, False, False]
    assert path_of(submission, 5) is None
    assert path_of(submission, -1) is None
    types = {name: media_type(Path(name)) for name in ("page.HTML", "scan.pdf", "work.svg", "net.pt")}
    assert [kind.partition(";")[0] for kind in types.values()] == [
        "text/plain",
        "application/pdf",
        "application/octet-stream",
        "application/octet-stream",
    ]


# ---- what is saved ---------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(run: Path, tmp_path: Path) -> Path:
    return shutil.copytree(run, tmp_path / "run")


def started(folder: Path, **scope: object) -> Actions:
    desk = Desk(load_run(folder))
    return Actions(desk, Listing(desk, Scope(**scope)))  # type: ignore[arg-type]


def listed(actions: Actions, item: str, number: int) -> Listed:
    """The entry of a student on an item."""
    wanted = (cohort.student(number), (item,))
    return next(
        entry
        for question in actions.listing.questions
        for entry in question.entries
        if (entry.entry.student, entry.entry.items) == wanted
    )


def alike(actions: Actions, entry: Listed) -> list[list[str]]:
    """The keys of the entries that are offered together with one."""
    found = actions.listing.find(entry.key)
    assert found is not None
    return [[one.key for one in like.entries] for like in together(actions.listing, *found)]


def test_the_page_and_the_terminal_see_each_others_decisions_and_the_first_one_stands(folder: Path) -> None:
    actions = started(folder)
    entry = listed(actions, DROPOUT, 4)
    terminal = Review(load_run(folder), Scope(items=("8",), students=(cohort.student(4),)), author="Ann")
    terminal.give(Decimal(1), "Right.")
    with pytest.raises(Refused, match="Ann set 1 while you were reviewing"):
        actions.decide(Asked(entry.key, "Ben", {DROPOUT: "none"}, {DROPOUT: ""}))
    assert not listed(actions, DROPOUT, 4).is_open
    assert actions.decide(Asked(listed(actions, DROPOUT, 5).key, "Ben", {DROPOUT: "0.25"})) == "Saved: 0.25 of 1."
    terminal.refresh()
    assert actions.changed_students() == terminal.changed_students() == {cohort.student(4), cohort.student(5)}


def test_equal_answers_are_marked_together_and_each_decision_says_whose_answer_was_read(folder: Path) -> None:
    actions = started(folder)
    entry = listed(actions, DROPOUT, 0)
    equal, near = alike(actions, entry)
    assert (len(equal), near) == (9, [listed(actions, DROPOUT, 1).key])
    taken = next(one for one in equal if one == listed(actions, DROPOUT, 3).key)
    actions.decide(Asked(taken, "Ann", {DROPOUT: "none"}, text="Not that."))
    told = actions.decide(Asked(entry.key, "Ben", {DROPOUT: "full"}, also=(*equal, *near), text=" Right,\n it is. "))
    assert told == "Saved: 1 of 1 for 10 entries. 1 decision of others stayed."
    by_ben = [made for made in read_decisions(folder).entries if made.author == "Ben"]
    assert {made.like for made in by_ben} == {"", cohort.student(0)}
    assert [made.student for made in by_ben if not made.like] == [cohort.student(0)]
    assert {made.reason for made in by_ben} == {"Right, it is."}
    assert len({made.digest for made in by_ben}) > 1, "each decision is about its student's own text"
    assert actions.undo(Asked("", "Ben"))[1] == entry.key
    assert [made.author for made in read_decisions(folder).entries] == ["Ann"]


def test_accepting_a_group_says_accepted_only_if_that_is_what_was_proposed_for_all(folder: Path) -> None:
    actions = started(folder)
    relu, order = listed(actions, "structure.relu", 0), listed(actions, "structure.order", 0)
    (same,) = alike(actions, relu)
    assert len(same) == 2
    actions.decide(Asked(relu.key, "Ann", {"structure.relu": "accept"}, also=tuple(same)))
    assert [made.reason for made in read_decisions(folder).entries] == [ACCEPTED] * 3
    entry, other = listed(actions, DROPOUT, 3), listed(actions, DROPOUT, 6)
    assert actions.listing.results(other)[0].proposed == 1
    actions.decide(Asked(entry.key, "Ann", {DROPOUT: "accept"}, also=(other.key,)))
    assert [(made.new, made.reason) for made in read_decisions(folder).entries[3:]] == [(Decimal("0.5"), "")] * 2
    with pytest.raises(Refused, match="press p"):
        actions.decide(Asked(order.key, "Ann", {"structure.order": "accept"}))
    unsure = listed(actions, DROPOUT, 8)
    with pytest.raises(Refused, match="press p"):
        actions.decide(Asked(unsure.key, "Ann", {DROPOUT: "accept"}))


def test_only_what_is_alike_is_marked_together(folder: Path) -> None:
    actions = started(folder)
    entry, other = listed(actions, DROPOUT, 0), listed(actions, DROPOUT, 4)
    for keys in ((other.key,), (listed(actions, FILTERS, 1).key,), ("0" * 16,)):
        with pytest.raises(Refused, match="not alike"):
            actions.decide(Asked(entry.key, "Ann", {DROPOUT: "full"}, also=keys))
    assert not (folder / DECISIONS_FILE).exists()


def test_a_decision_needs_a_name_points_that_can_be_given_and_an_item_of_the_submission(folder: Path) -> None:
    actions = started(folder)
    key = listed(actions, DROPOUT, 0).key
    for asked, told in (
        (Asked(key, " ", {DROPOUT: "full"}), "Type your name"),
        (Asked(key, "Ann", {DROPOUT: "1.5"}), "at most 1"),
        (Asked(key, "Ann", {DROPOUT: "NaN"}), "0 or more"),
        (Asked(key, "Ann", {DROPOUT: ""}), "No points"),
        (Asked(key, "Ann", {"part1.9": "full"}), "no item part1.9"),
        (Asked("x", "Ann", {DROPOUT: "full"}), "is gone"),
    ):
        with pytest.raises(Refused, match=told):
            actions.decide(asked)
    with pytest.raises(Refused, match="empty comment"):
        actions.comment(Asked(key, "Ann", text=" "))
    assert not (folder / DECISIONS_FILE).exists()


NAMES = {"Anna_Berg": "Student 1", "Carl_Dahl": "Student 2"}


@pytest.fixture
def named(tmp_path: Path) -> FinishedRun:
    """A run of two students, one of whom names himself in an answer."""
    own_names = {"Anna_Berg": cohort.EQUAL, "Carl_Dahl": cohort.NEAR.replace("some", "Carl")}
    reports = []
    for number, (student, text) in enumerate(own_names.items()):
        report = replace(cohort.report_on(10 * number), student=student)
        named = [report_samples.altered(r, text=text) if r.id == DROPOUT else r for r in report.answer_results]
        reports.append(report_samples.changed(report, answers=named))
    return load_run(report_samples.stored_run(tmp_path / "run", *reports))


def anonymous(finished: FinishedRun) -> list[str]:
    """All entries as an anonymous page shows them."""
    desk = Desk(finished)
    listing = Listing(desk, Scope(names=NAMES))
    views = EntryViews(finished.folder, desk, listing, ByNumber(NAMES, desk.reports), partial(desk.offered, "Tess"))
    template = pages.environment().get_template("desk_entry.html")
    seen = [template.render(views.of(question, one)) for question in listing.questions for one in question.entries]
    assert [text for text in seen if re.search("Anna|Berg|Carl|Dahl|answers.docx|readme", text)] == []
    return seen


def test_an_anonymous_page_names_nobody(named: FinishedRun) -> None:
    seen = anonymous(named)
    assert len(seen) == 6
    assert sum("<ins>████</ins>" in text for text in seen) == 1
    assert sum("Student 2" in text for text in seen) > 3


def test_an_anonymous_page_blacks_out_names_in_what_tutors_and_students_wrote(
    named: FinishedRun, tmp_path: Path
) -> None:
    desk = Desk(named)
    requests = tmp_path / "requests.csv"

    def write(student: str, points: Decimal | None) -> None:
        shown = next(result for result in desk.report(student).results if result.id == DROPOUT)
        desk.write([Given(student, shown, points)], author="Tess", reason=f"Told {student[:4]}.")

    def ask(student: str) -> None:
        requests.write_text(f"student,item,words\n{student},8,It is {student[:4]}.\n", encoding="utf-8")
        assert take_requests(named, requests, author="Tess").new == 1
        desk.refresh()

    write("Anna_Berg", None)
    write("Anna_Berg", Decimal(0))
    ask("Anna_Berg")
    write("Carl_Dahl", Decimal(0))
    ask("Carl_Dahl")
    write("Carl_Dahl", Decimal(1))
    carls = next(result for result in desk.report("Carl_Dahl").results if result.id == DROPOUT)
    desk.write([Given("Carl_Dahl", carls, None)], author="Tess", reason="The same as Anna_Berg.")
    seen = anonymous(load_run(named.folder))
    assert ["Told ████." in text for text in seen if "It is ████." in text] == [True, True]
    assert sum(ANOTHER in text for text in seen) == 1


def test_a_blind_audit_shows_neither_marks_nor_what_is_alike(folder: Path) -> None:
    chosen = frozenset({(cohort.student(number), "part1.2") for number in (0, 3, 6)})
    actions = started(folder, audit=chosen)
    (question,) = actions.listing.questions
    assert question.left == 3
    for entry in question.entries:
        (result,) = actions.listing.results(entry)
        assert (result.proposed, result.message, alike(actions, entry)) == (None, "", [])
    actions.decide(Asked(question.entries[0].key, "Ann", {"part1.2": "full"}))
    assert [made.audit for made in read_decisions(folder).entries] == [True]


def test_a_very_long_list_shows_the_first_entries_of_each_question_and_says_how_many_follow(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = load_run(run)
    desk = Desk(finished)
    listing = Listing(desk, Scope())
    app = Application(finished, desk, Actions(desk, listing), author="Tess", identity=ByName(desk.reports)).starlette
    show = next(route for route in app.routes if isinstance(route, Route) and route.path == "/part/list").endpoint
    request = Request({"type": "http", "query_string": b"show=open", "headers": []})
    whole = show(request).body.decode()
    assert whole.count("data-key=") == listing.left
    assert "more are not shown" not in whole
    monkeypatch.setattr(application, "MOST_LISTED", 2 * len(listing.questions))
    cut = show(request).body.decode()
    assert cut.count("data-key=") <= 2 * len(listing.questions) < listing.left
    more = sum(map(int, re.findall(r"(\d+) more are not shown", cut)))
    assert cut.count("data-key=") + more == listing.left
