"""Several tutors review a run, in the terminal and on the page: what each sees, and the figures at the end."""

from __future__ import annotations

import html
import io
import json
import re
import signal
import sys
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from urllib.error import HTTPError
from urllib.parse import urlencode

import pytest

from grader.__main__ import main
from grader.moderation.dealing import read_deal
from grader.moderation.decisions_file import read_decisions
from grader.moderation.desk import Desk
from grader.moderation.finished_run import load_run
from grader.moderation.worklist import Entry, Scope
from grader.review.page.listing import Listing, key_of
from tests.support import report_samples
from tests.support.desk_server import DeskServer
from tests.support.review_samples import answered

ITEM = "part1.7c"
Review = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    reports = (answered(f"s{number:02}", "0.5", text=f"It is number {number}.") for number in range(12))
    return report_samples.stored_run(tmp_path / "run", *reports)


@pytest.fixture
def review(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Review]:
    """A session of a tutor in the terminal with these lines of input: its output."""
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("COLUMNS", "80")

    def reviewed(author: str, *lines: str, options: tuple[str, ...] = ()) -> str:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        main(["review", str(run), "--terminal", "--author", author, *options])
        return capsys.readouterr().out

    yield reviewed
    signal.signal(signal.SIGTERM, handler)


def decided(run: Path) -> dict[str, list[tuple[str, Decimal | None, bool]]]:
    """The decisions on each student: author, points, and whether it is a second reading."""
    found: dict[str, list[tuple[str, Decimal | None, bool]]] = {}
    for entry in read_decisions(run).entries:
        found.setdefault(entry.student, []).append((entry.author, entry.new, entry.second))
    return found


def test_two_tutors_finish_a_run_and_settle_where_they_differ(run: Path, review: Review) -> None:
    dealt = review("ann", options=("--tutors", "ann,ben", "--twice", "3", "--figures"))
    left = {line.split()[0]: int(line.split()[1]) for line in dealt.splitlines()[2:4]}
    twice = sum(left.values()) - 12
    assert twice > 0
    assert f"1 of {left['ann']}, question 1 of 1" in review("ann", "q")
    assert f"{left['ann']} decisions" in review("ann", *["a"] * left["ann"])
    review("ben", *["c 1 all of it"] * left["ben"])
    made = decided(run)
    assert len(made) == 12
    assert [entries for entries in made.values() if len(entries) > 1] == [
        [("ann", Decimal("0.5"), False), ("ben", Decimal(1), True)]
    ] * twice
    printed = review("ann", *["c 0.75 agreed"] * twice, "q")
    assert "Tutors differ: ann gave 0.5, ben gave 1 (all of it)." in printed
    assert f"1 of {twice}, question 1 of 1" in printed
    figures = review("ann", options=("--figures",))
    assert "differ on" not in figures
    ann, ben, *rest = (line.split() for line in figures.splitlines()[2:] if line.strip())
    assert ann[:3] == ["ann", "0", str(left["ann"] + twice)]
    assert (ben[:3], ben[4:]) == (["ben", "0", str(left["ben"])], ["0%", "+0.50"])
    assert ["7c", str(twice), "–", "0.0%"] in rest, "ann gave all the same, so kappa has no meaning"
    marks = Counter(one.awarded for report in load_run(run).reports for one in report.results if one.id == ITEM)
    alone = left["ann"] - twice
    assert marks == {Decimal("0.5"): alone, Decimal("0.75"): twice, Decimal(1): left["ben"] - twice}


def test_a_stranger_and_who_asks_for_it_see_all_entries(run: Path, review: Review) -> None:
    review("ann", options=("--tutors", "ann,ben", "--twice", "0", "--figures"))
    deal = read_deal(run)
    assert deal is not None
    assert deal.tutors == ("ann", "ben")
    printed = review("dan", "q")
    assert "dan is not among the tutors (ann, ben), so all entries are shown." in printed
    assert "1 of 12" in printed
    assert "1 of 12" in review("ann", "q", options=("--everyone",))
    assert "1 of 12" not in review("ann", "q")


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--tutors", "ann,,ben"), "--tutors: a name is empty; write names such as ann,ben."),
        (("--tutors", "ann, ann"), "--tutors: a name comes twice."),
        (("--twice", "3"), "--deal and --twice say how to deal, so they need --tutors."),
    ],
)
def test_a_deal_that_cannot_be_made_is_refused(
    run: Path, options: tuple[str, ...], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", str(run), "--terminal", "--author", "ann", *options]) == 2
    assert reason in " ".join(capsys.readouterr().err.split())
    assert read_deal(run) is None


# ---- the page --------------------------------------------------------------------------------------------------------


class Page:
    """The page of a run as a process, asked in the name of several tutors."""

    def __init__(self, server: DeskServer) -> None:
        self._server = server
        self._cookie = f"lab4-review-{server.origin.rpartition(':')[2]}={server.token}"

    def get(self, path: str, **asked: str) -> str:
        return self._answer(urllib.request.Request(f"{self._server.origin}{path}?{urlencode(asked)}"))

    def post(self, path: str, asked: object) -> str:
        headers = {"Origin": self._server.origin}
        return self._answer(urllib.request.Request(f"{self._server.origin}{path}", json.dumps(asked).encode(), headers))

    def _answer(self, request: urllib.request.Request) -> str:
        request.add_header("Cookie", self._cookie)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return str(answer.read().decode())
        except HTTPError as refused:
            return refused.read().decode()


def readers_of(run: Path, student: str) -> tuple[str, ...]:
    deal = read_deal(run)
    assert deal is not None
    report = next(report for report in load_run(run).automatic if report.student == student)
    return deal.readers(report, next(result for result in report.results if result.id == ITEM))


def test_the_page_shows_a_tutor_what_was_dealt_to_him_and_hides_what_the_other_decided(
    run: Path, review: Review
) -> None:
    review("ann", options=("--tutors", "ann,ben,cat", "--twice", "1", "--figures"))
    with DeskServer(run, "--author", "ann") as server:
        check_what_each_sees(run, Page(server))


def test_entries_of_a_student_on_which_tutors_differ_are_shown_to_all(run: Path, review: Review) -> None:
    review("ann", options=("--tutors", "ann,ben,cat", "--twice", "1", "--figures"))
    first, second = readers_of(run, "s00")
    (third,) = {"ann", "ben", "cat"} - {first, second}
    with DeskServer(run, "--author", "ann", "--by", "student") as server:
        page = Page(server)
        key = key_of(Entry("s00", (ITEM,)))
        assert key not in page.get("/part/list", author=third, show="dealt")
        for author, points in ((first, "half"), (second, "full")):
            asked = {"key": key, "author": author, "points": {ITEM: points}, "seen": {ITEM: ""}}
            assert "message" in page.post("/do/decide", asked)
        assert key in page.get("/part/list", author=third, show="dealt")
        check_the_figures(page.get("/part/figures"), (first, second, third))


def check_the_figures(shown: str, tutors: tuple[str, str, str]) -> None:
    """``tutors`` are the two who have read one entry, and the third, to whom others are dealt."""
    rows = {row[0]: row[1:] for row in (re.findall("<t[hd][^>]*>([^<]*)<", line) for line in shown.splitlines()) if row}
    assert [rows[tutor][1] for tutor in tutors] == ["1", "1", "0"]
    assert rows["7c"] == ["1", "–", "0.0%"]
    assert "Tutors differ on 1 entry" in shown


def check_what_each_sees(run: Path, page: Page) -> None:
    first, second = readers_of(run, "s00")
    (third,) = {"ann", "ben", "cat"} - {first, second}
    listing = Listing(Desk(load_run(run)), Scope())
    key = next(
        key_of(one.entry) for question in listing.questions for one in question.entries if one.entry.student == "s00"
    )

    def shown(author: str, show: str = "dealt") -> str:
        return page.get("/part/list", author=author, show=show)

    def give(author: str, points: str, seen: str = "") -> dict[str, str]:
        text = f"the reason of {author}"
        asked = {"key": key, "author": author, "points": {ITEM: points}, "seen": {ITEM: seen}, "text": text}
        answer: dict[str, str] = json.loads(page.post("/do/decide", asked))
        return answer

    assert key in shown(first)
    assert key in shown(second)
    assert key not in shown(third)
    assert key in shown(third, "open")
    before = page.get(f"/part/entry/{key}", author=second)
    assert "message" in give(first, "half")
    assert page.get(f"/part/entry/{key}", author=second) == before
    assert page.get(f"/part/entry/{key}", author=f" {second.upper()} ") == before
    assert "not among the tutors" in shown("eve")
    assert "not among the tutors" not in shown(second)
    sheet = page.get(f"/student/{key}", author=second)
    assert f"the reason of {first}" not in sheet
    assert f"the reason of {first}" in page.get(f"/student/{key}", author=third)
    assert key in shown(second)
    assert key not in shown(first)
    assert "refused" in give(third, "none"), "it was not dealt to this tutor, and is decided"
    assert "message" in give(second, "full")
    for author in (first, second, third):
        assert "Tutors differ" in shown(author)
        assert "7c s00" in shown(author)
        assert f"{first} gave 0.5 (the reason of {first})" in page.get(f"/part/entry/{key}", author=author)
    assert "refused" in give(third, "none"), "the page showed this tutor an entry without decisions"
    seen = re.search(rf'data-item="{ITEM}" data-seen="([^"]+)"', page.get(f"/part/entry/{key}", author=third))
    assert seen is not None
    assert "message" in give(third, "none", html.unescape(seen[1]))
    assert "Tutors differ" not in shown(first)
    assert [entry[2] for entry in decided(run)["s00"]] == [False, True, False]


def test_a_page_of_a_run_that_was_not_dealt_out_has_no_list_of_ones_own(run: Path) -> None:
    with DeskServer(run, "--author", "ann") as server:
        page = Page(server)
        assert "Dealt to you" not in page.get("/part/list")
        assert 'data-show="open"' in page.get("/")
