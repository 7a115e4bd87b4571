"""Several tutors of one run: who is dealt what, what each may see, and what counts when two of them differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from grader.answers.evaluation.agreement import agreement
from grader.model import Decision, Report, Result, Status, UsageFault
from grader.moderation.agreement import compared, second_readings
from grader.moderation.comment_bank import COMMENTS_FILE
from grader.moderation.comparison import compare
from grader.moderation.dealing import TUTORS_FILE, Deal, carry_over_deal, deal_out, read_deal, write_deal
from grader.moderation.decisions import Decisions, decisions_text, parse_decisions, subject_digest, with_decisions
from grader.moderation.desk import Desk, Given
from grader.moderation.finished_run import load_run
from grader.moderation.offers import Refused
from grader.moderation.regrade_requests import take_requests
from grader.moderation.seen import Place, shares_of
from grader.moderation.session import Review
from grader.moderation.tutor_figures import tutor_figures
from grader.moderation.worklist import DISPUTED, UNANSWERED, Scope, groups_of
from grader.report.console.summary import make_console
from grader.review.tutors import show_tutors
from tests.support import report_samples
from tests.support.review_samples import NOBODY, answered

ITEM = "part1.7c"
TUTORS = ("ann", "ben", "cat")
REPORTS = tuple(answered(f"s{number:03}", "0.5", text=f"It is number {number}.") for number in range(300))
"""In each, 7c is open."""


def dealt(deal: Deal, reports: Iterable[Report], item: str = ITEM) -> dict[str, set[str]]:
    """The students whose ``item`` is dealt to each tutor."""
    shares = shares_of(deal, tuple(reports))
    return {tutor: {student for student, own in share.own if own == item} for tutor, share in shares.items()}


# ---- the deal --------------------------------------------------------------------------------------------------------


def test_each_entry_is_dealt_to_one_tutor_and_all_get_about_as_many() -> None:
    students = dealt(Deal(TUTORS, twice=0), REPORTS)
    assert sorted(student for own in students.values() for student in own) == [report.student for report in REPORTS]
    assert all(75 <= len(own) <= 125 for own in students.values()), "100 each, within three standard deviations"


def test_the_deal_stays_when_students_are_added_and_in_any_order() -> None:
    deal = Deal(TUTORS)
    few, many = dealt(deal, REPORTS[:50]), dealt(deal, reversed(REPORTS))
    present = {report.student for report in REPORTS[:50]}
    assert {tutor: own & present for tutor, own in many.items()} == few


def test_with_another_tutor_an_entry_stays_or_moves_to_that_tutor() -> None:
    before, after = dealt(Deal(TUTORS, twice=0), REPORTS), dealt(Deal((*TUTORS, "dan"), twice=0), REPORTS)
    assert all(after[tutor] < before[tutor] for tutor in TUTORS)
    assert 50 <= len(after["dan"]) <= 100


def test_equal_answers_are_dealt_to_the_same_tutors() -> None:
    texts = ("It keeps neurons independent.", "it keeps  neurons independent")
    reports = [answered(f"s{number}", "0.5", text=texts[number % 2]) for number in range(20)]
    assert sorted(len(own) for own in dealt(Deal(TUTORS, twice=0), reports).values()) == [0, 0, 20]
    assert sorted(len(own) for own in dealt(Deal(TUTORS, twice=1), reports).values()) == [0, 20, 20]


def test_about_one_in_k_is_dealt_to_two_tutors() -> None:
    def readers(deal: Deal) -> Counter[int]:
        counts = Counter(student for own in dealt(deal, REPORTS).values() for student in own)
        return Counter(counts.values())

    assert 15 <= readers(Deal(TUTORS, twice=10))[2] <= 45
    assert readers(Deal(TUTORS, twice=1)) == {2: 300}
    assert readers(Deal(TUTORS, twice=0)) == readers(Deal(("ann",), twice=1)) == {1: 300}


def test_a_question_goes_to_one_tutor_and_the_largest_first() -> None:
    reports = [answered(f"s{number}", *("0.5", "1")[: 1 + number % 2], text=f"It is {number}.") for number in range(9)]
    deal = deal_out([*reports, NOBODY], ["ann", " ben "], by_question=True, twice=0)
    assert deal.questions == {ITEM: "ann", "part1.8": "ben", UNANSWERED: "ben"}
    assert dealt(deal, reports) == {"ann": {report.student for report in reports}, "ben": set()}
    assert sorted(map(len, dealt(deal, reports, "part1.1").values())) == [0, 9], "nothing of it was open"
    assert sorted(map(len, dealt(msgspec.structs.replace(deal, twice=1), reports).values())) == [9, 9]


@pytest.mark.parametrize("twice", [0, 1])
def test_all_parts_of_unread_answers_are_dealt_together(twice: int) -> None:
    unread = [replace(NOBODY, student=f"n{number}") for number in range(8)]
    shares = shares_of(Deal(TUTORS, twice=twice), unread)
    for report in unread:
        parts = {(report.student, result.id) for result in report.answer_results}
        assert [len(parts & share.own) for share in shares.values()].count(len(parts)) == 1 + twice


def test_the_deal_is_stored_with_the_run(tmp_path: Path) -> None:
    assert read_deal(tmp_path) is None
    deal = deal_out(REPORTS, ["Jörg", "ben"], by_question=True, twice=5)
    write_deal(tmp_path, deal)
    assert read_deal(tmp_path) == deal
    for number, own in enumerate((None, Deal(("ann",)))):
        later = tmp_path / f"run{number}"
        later.mkdir()
        if own is not None:
            write_deal(later, own)
        carry_over_deal(later, tmp_path)
        assert read_deal(later) == (own or deal)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tutors = []", "a name is empty"),
        ("tutors = ['ann', 'ann']", "a name comes twice"),
        ("tutors = ['ann']\nquestions = {'part1.8' = 'eve'}", "eve has a question"),
        ("tutors = ['ann']\ntwise = 3", "unknown field `twise`"),
        ("tutors = ", "not a list of tutors"),
    ],
)
def test_a_deal_that_cannot_be_used_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / TUTORS_FILE).write_text(text)
    with pytest.raises(UsageFault, match=reason):
        read_deal(tmp_path)


# ---- two tutors on one entry -----------------------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """Three students; everything is dealt to two of ann and ben."""
    folder = report_samples.stored_run(tmp_path / "run", *REPORTS[:3])
    write_deal(folder, Deal(("ann", "ben"), twice=1))
    return folder


def result_of(desk: Desk, author: str, student: str = "s000") -> Result:
    return next(result for result in desk.seen_by(author).report(student).results if result.id == ITEM)


def give(desk: Desk, author: str, points: str, student: str = "s000", reason: str = "") -> Decision:
    shown = result_of(desk, author, student)
    (made,) = desk.write([Given(student, shown, Decimal(points))], author=author, reason=reason)
    return made


def disputed(desk: Desk, author: str) -> list[Place]:
    groups = groups_of(desk.seen_by(author).reports, Scope())
    return [(entry.student, entry.items[0]) for group in groups if group.id == DISPUTED for entry in group.entries]


def test_the_second_tutor_sees_nothing_of_the_first(run: Path) -> None:
    desk = Desk(load_run(run))
    untouched = result_of(desk, "ben")
    first = give(desk, "ann", "0.5", reason="half of it")
    desk.write([Given("s000", result_of(desk, "ann"), None)], author="ann", reason="a comment")
    assert result_of(desk, "ben") == untouched
    assert desk.seen_by("ben").decisions == Decisions()
    assert result_of(desk, "ann").decision == result_of(desk, "cat").decision == first, "cat is in no deal"
    second = give(desk, "ben", "0.5")
    assert (first.second, second.second) == (False, True)
    for author in ("ann", "ben", "cat"):
        assert result_of(desk, author).decision == first
        assert result_of(desk, author).readings == (first, second)
        assert result_of(desk, author).comments
    assert not disputed(desk, "ann")


def test_tutors_who_differ_on_an_unread_submission_have_a_conflict_in_each_part(tmp_path: Path) -> None:
    folder = report_samples.stored_run(tmp_path / "run", NOBODY)
    write_deal(folder, Deal(("ann", "ben"), twice=1))
    desk = Desk(load_run(folder))
    for author, points in (("ann", "0"), ("ben", "1")):
        results = desk.seen_by(author).report("nobody").answer_results
        desk.write([Given("nobody", result, Decimal(points)) for result in results], author=author, reason="")
    groups = {group.id: group.entries for group in groups_of(desk.reports, Scope())}
    assert UNANSWERED not in groups
    assert len(groups[DISPUTED]) == len(results)


def test_figures_leave_out_an_item_that_the_rubric_no_longer_has(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    desk = Desk(load_run(run))
    give(desk, "ann", "0.5")
    give(desk, "ben", "0.5")
    file = run / "overrides.toml"
    file.write_text(file.read_text(encoding="utf-8").replace(ITEM, "part1.99"), encoding="utf-8")
    show_tutors(make_console(), load_run(run))
    assert "blind" not in capsys.readouterr().out


def test_a_request_of_the_student_ends_the_blind_reading(run: Path, tmp_path: Path) -> None:
    desk = Desk(load_run(run))
    first = give(desk, "ann", "0.5", reason="half of it")
    requests = tmp_path / "requests.csv"
    requests.write_text("student,item,words\ns000,7c,You gave me half.\n", encoding="utf-8")
    assert take_requests(load_run(run), requests, author="cat").new == 1
    desk.refresh()
    shown = result_of(desk, "ben")
    assert shown.decision == first
    assert shown.asked is not None
    answer = give(desk, "ben", "1")
    assert not answer.second
    for author in ("ann", "ben", "cat"):
        result = result_of(desk, author)
        assert (result.decision, result.asked, result.answered) == (answer, None, shown.asked)


def test_what_is_dealt_to_one_tutor_is_visible_and_the_first_decision_stands(run: Path) -> None:
    write_deal(run, Deal(("ann", "ben"), twice=0))
    desk = Desk(load_run(run))
    shown = result_of(desk, "ben")
    first = give(desk, "ann", "0.5")
    assert result_of(desk, "ben").decision == first
    with pytest.raises(Refused, match=r"ann set 0\.5"):
        desk.write([Given("s000", shown, Decimal(1))], author="ben", reason="")


def test_a_difference_waits_as_an_entry_of_its_own_until_somebody_settles_it(run: Path) -> None:
    desk = Desk(load_run(run))
    settled_points = sum(result.awarded for result in desk.report("s000").results)
    made = give(desk, "ann", "0.5", reason="half of it"), give(desk, "ben", "1")
    result = result_of(desk, "cat")
    assert (result.status, result.awarded, result.proposed) == (Status.NEEDS_REVIEW, Decimal(0), None)
    assert (result.decision, result.readings) == (None, made)
    assert result.message.startswith("Tutors differ: ann gave 0.5 (half of it), ben gave 1. Decide which points count.")
    assert desk.report("s000").awarded == settled_points
    for author in ("ann", "ben", "cat"):
        assert disputed(desk, author) == [("s000", ITEM)]
    shown = result_of(desk, "cat")
    settled = give(desk, "ann", "0.75")
    assert not settled.second
    assert result_of(desk, "ben").decision == settled
    assert not disputed(desk, "ben")
    with pytest.raises(Refused, match=r"ann set 0\.75"):
        desk.write([Given("s000", shown, Decimal(0))], author="cat", reason="")
    desk.withdraw([settled])
    assert disputed(desk, "ben") == [("s000", ITEM)]


def test_a_difference_that_somebody_has_not_seen_is_not_settled(run: Path) -> None:
    desk = Desk(load_run(run))
    shown = result_of(desk, "cat")
    give(desk, "ann", "0.5")
    give(desk, "ben", "1")
    with pytest.raises(Refused, match="Two tutors set different points"):
        desk.write([Given("s000", shown, Decimal(0))], author="cat", reason="")
    assert disputed(desk, "cat") == [("s000", ITEM)]


def test_a_difference_is_shown_to_tutors_to_whom_nothing_of_it_was_dealt(run: Path) -> None:
    desk = Desk(load_run(run))
    give(desk, "ann", "0.5")
    give(desk, "ben", "1")
    groups = list(groups_of(desk.reports, Scope(dealt=frozenset({("s001", ITEM)}))))
    assert [(group.id, [entry.student for entry in group.entries]) for group in groups] == [
        (DISPUTED, ["s000"]),
        (ITEM, ["s001"]),
    ]


def test_a_reading_that_another_tutor_has_read_blind_cannot_be_undone(run: Path) -> None:
    desk = Desk(load_run(run))
    first, alone = give(desk, "ann", "0.5"), give(desk, "ann", "0.5", "s001")
    second = give(desk, "ben", "1")
    assert desk.withdraw([second]) == ()
    assert desk.withdraw([first, alone]) == (alone,)
    assert disputed(desk, "ann") == disputed(desk, "ben") == [("s000", ITEM)]
    assert result_of(desk, "ann", "s001").decision is None
    settled = give(desk, "ben", "0.5")
    assert not settled.second, "ben has seen the points of ann"
    (reading,) = second_readings(desk.decisions)
    assert (reading.part, reading.gold, reading.awarded) == (ITEM, Decimal("0.5"), Decimal(1))


def test_after_an_undo_that_is_refused_the_step_before_can_be_undone(run: Path) -> None:
    write_deal(run, Deal(("ann", "ben"), twice=1))
    ann = Review(load_run(run), Scope(), author="ann")
    ann.accept()
    ann.accept()
    at = ann.entry
    twice = ann.made[-1].student
    give(Desk(load_run(run)), "ben", "1", twice)
    with pytest.raises(Refused, match="decide again"):
        ann.undo()
    assert (ann.entry, len(ann.made)) == (at, 1)
    assert [made.student for made in ann.undo().made] != [twice]


def test_what_is_settled_is_never_dealt_to_two_tutors() -> None:
    shares = shares_of(Deal(("ann", "ben"), twice=1), REPORTS[:1])
    settled = {("s000", result.id) for result in REPORTS[0].results if result.status is not Status.NEEDS_REVIEW}
    assert settled
    assert shares["ann"].own | shares["ben"].own >= settled
    assert not settled & (shares["ann"].own & shares["ben"].own)
    assert all(set(share.twice) == {("s000", ITEM)} for share in shares.values())


@pytest.mark.parametrize("spelling", ["Ben", " ben ", "BEN"])
def test_a_tutor_is_the_same_in_another_spelling(run: Path, spelling: str) -> None:
    desk = Desk(load_run(run))
    assert desk.named(spelling) == "ben"
    assert desk.named(f"{spelling}jamin") not in desk.tutors
    session = Review(load_run(run), Scope(), author=spelling)
    assert session.note == ""
    session.accept()
    assert [made.author for made in session.made] == ["ben"]


def test_what_a_second_tutor_may_not_see_yet_is_not_kept_among_the_comments(run: Path) -> None:
    desk = Desk(load_run(run))
    give(desk, "ann", "0.5", reason="Names one use only.")
    give(desk, "cat", "1", "s001", reason="Both uses.")
    desk.keep_comments()
    assert not (run / COMMENTS_FILE).exists()
    assert Desk(load_run(run)).offered("ben", ITEM) == ()
    give(desk, "ben", "0.5", reason="One use.")
    desk.keep_comments()
    assert Desk(load_run(run)).offered("ben", ITEM) == ("One use.", "Names one use only.")


def test_an_entry_that_two_others_decided_is_not_read_a_third_time(run: Path) -> None:
    desk = Desk(load_run(run))
    give(desk, "cat", "0.5")
    assert result_of(desk, "ben").decision is None
    give(desk, "ann", "0.5")
    assert result_of(desk, "ben").decision is not None


def test_a_second_reading_of_other_work_is_the_only_one(run: Path) -> None:
    desk = Desk(load_run(run))
    first = replace(give(desk, "ann", "0.5"), digest="of an earlier answer")
    second = give(desk, "ben", "1")
    report = with_decisions(REPORTS[0], Decisions((first, second)))
    (result,) = (result for result in report.results if result.id == ITEM)
    assert (result.decision, result.readings) == (second, ())
    assert second_readings(Decisions((first, second))) == []


def test_in_a_file_of_an_earlier_version_the_last_decision_counts() -> None:
    result = next(result for result in REPORTS[0].results if result.id == ITEM)
    digest = subject_digest(REPORTS[0], result)
    head = f'student = "s000"\nitem = "{ITEM}"\ntime = "2025-11-24T09:30:00+00:00"\nreason = ""\navailable = 1\n'
    tables = (
        f'[[override]]\n{head}digest = "{digest}"\nauthor = "{author}"\nold = 0.5\nnew = {new}\n'
        for author, new in (("ann", "0.5"), ("ben", "1"))
    )
    decisions = parse_decisions(Path("overrides.toml"), f"format = 1\n{''.join(tables)}".encode())
    (result,) = (one for one in with_decisions(REPORTS[0], decisions).results if one.id == ITEM)
    assert (result.awarded, result.readings) == (Decimal(1), ())
    assert b"second" not in decisions_text(decisions).partition(b"format")[2]
    assert second_readings(decisions) == []


def test_a_comparison_of_runs_says_that_tutors_differ(run: Path) -> None:
    before = load_run(run)
    desk = Desk(before)
    give(desk, "ann", "0.5", reason="half")
    agreed = load_run(run)
    give(desk, "ben", "1")
    (student,) = compare(agreed, load_run(run)).students
    (change,) = student.changes
    assert [reason.text for reason in change.reasons] == ["tutors differ: ann gave 0.5 (half), ben gave 1 ()"]


# ---- the figures -----------------------------------------------------------------------------------------------------


def decision(student: str, author: str, new: str, *, minute: float = 0, **changes: object) -> Decision:
    seconds = round(60 * minute)
    time = f"2025-11-24T{9 + seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}+00:00"
    made = Decision(student, ITEM, author, time, "", "digest", Decimal(1), Decimal("0.5"), Decimal(new))
    return replace(made, **changes)  # type: ignore[arg-type]  # each field gets its own type


def test_the_kappa_of_two_tutors_is_that_computed_by_hand() -> None:
    pairs = [("0", "0"), ("0.5", "0.5"), ("1", "1"), ("1", "0.5")]
    entries = [
        decision(f"s{number}", author, points, second=author == "ben")
        for number, pair in enumerate(pairs)
        for author, points in zip(("ann", "ben"), pair, strict=True)
    ]
    entries.append(decision("s3", "cat", "0.75"))  # settles the difference, and is no second reading
    figures = agreement(second_readings(Decisions(tuple(entries))))
    assert (figures.count, figures.exact) == (4, 0.75)
    # Mean squared difference 0.0625; by chance, from the counts of both, 5 / 16. So 1 - 0.0625 / 0.3125.
    assert figures.kappa == pytest.approx(0.8)
    assert len(compared(Decisions(tuple(entries)))) == 4, "a second reading is not compared with the grader again"


def test_the_figures_of_a_tutor() -> None:
    entries = (
        decision("s0", "ann", "0.5", minute=0),
        decision("s1", "ann", "1", minute=1.5),
        decision("s2", "ann", "0.5", minute=61.5),
        decision("s3", "ann", "0.25", minute=62, old=None),
        decision("s4", "ann", "0", minute=62.5, audit=True),
        replace(decision("s5", "ann", "1", minute=63), new=None),
        decision("s6", "ben", "1", time="yesterday"),
    )
    ann, ben = tutor_figures(Decisions(entries))
    assert (ann.tutor, ann.count, ann.minutes) == ("ann", 5, 2.5), "a break of an hour is not work"
    assert ann.accepted == pytest.approx(2 / 3)
    assert ann.change is not None
    assert float(ann.change) == pytest.approx(0.5 / 3)
    assert (ben.count, ben.minutes, ben.accepted, ben.change) == (1, 0, 0, Decimal("0.5"))
