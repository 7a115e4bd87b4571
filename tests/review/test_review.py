"""The reviewing session: what each key does and writes, and that no decision is lost when a session ends."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from grader.__main__ import main
from grader.model import Decision, Report, UsageFault
from grader.moderation.decisions import Decisions, decisions_text
from grader.moderation.decisions_file import DECISIONS_FILE, DecisionsFile, read_decisions
from grader.moderation.pseudonyms import pseudonyms, secret_of
from grader.storage import records, run_folder
from tests.support import report_samples as samples
from tests.support.places import ROOT
from tests.support.review_samples import ANN, BOB, CODE, HOSTILE, NOBODY, answered, decided

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def review(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Run a session with these lines of input: its exit code, and its output."""
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*lines: str, options: tuple[str, ...] = ("--only", "7c")) -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))
        code = main(["review", str(folder), "--author", "Tess", *options])
        printed = capsys.readouterr()
        assert printed.err == ""
        return code, printed.out

    yield run
    signal.signal(signal.SIGTERM, handler)


def first_of_7c(printed: str) -> str:
    found = re.search(r"^(ann|bob) .* 1 of 2", printed, re.MULTILINE)
    assert found is not None
    return found[1]


# ---- the keys --------------------------------------------------------------------------------------------------------


def test_accepting_saves_the_proposal_with_author_and_time(folder: Path, review: Run) -> None:
    code, printed = review("a", "a")
    assert code == 1, "other items are still open"
    assert sorted(decided(folder)) == [
        ("ann", "part1.7c", Decimal("0.5"), "accepted"),
        ("bob", "part1.7c", Decimal(1), "accepted"),
    ]
    for made in read_decisions(folder).entries:
        assert (made.author, made.old, made.available) == ("Tess", made.new, Decimal(1))
        assert made.time.endswith("+00:00")
    assert "In this session: 2 decisions (2 accepted, 0 of your own), 0 left open." in printed


def test_an_unsure_proposal_is_accepted_only_with_its_points(folder: Path, review: Run) -> None:
    records.write_report(folder, samples.plain(answered("ann", "1", sure=0.4)))
    options = ("--only", "7c", "--student", "ann")
    _, printed = review("a", "", "a 0.5", options=options)
    assert re.search(r"^Proposed +1 of 1, confidence 0.40", printed, re.MULTILINE)
    assert "a accept, with the points" in printed
    assert "No points were typed, so nothing was saved." in printed
    assert "1 is proposed; press c to give other points." in printed
    assert decided(folder) == []
    review("a", "1", options=options)
    assert decided(folder) == [("ann", "part1.7c", Decimal(1), "accepted")]


def test_other_points_need_a_reason(folder: Path, review: Run) -> None:
    _, printed = review("c 0.25", "Only the first half.", "c", ",75", "Nearly.")
    assert [(new, reason) for _, _, new, reason in decided(folder)] == [
        (Decimal("0.25"), "Only the first half."),
        (Decimal("0.75"), "Nearly."),
    ]
    assert "Points, 0 to 1:" in printed
    assert "Reason:" in printed


def test_points_that_cannot_be_given_are_asked_for_again(folder: Path, review: Run) -> None:
    _, printed = review("c", "0.3", "lots", "0.25 half of it")
    assert printed.count("Points, 0 to 1:") == 3
    assert "Points must be a multiple of 0.25 here." in printed
    assert [(new, reason) for *_, new, reason in decided(folder)] == [(Decimal("0.25"), "half of it")]
    assert "1 decision (0 accepted, 1 of your own), 1 left open." in printed, "also what was not passed with a key"


def test_points_and_reason_may_be_on_one_line(folder: Path, review: Run) -> None:
    review("c 0.25 only the first half")
    assert decided(folder)[0][2:] == (Decimal("0.25"), "only the first half")


def test_the_brief_example_works_through_a_pipe(folder: Path) -> None:
    line = [sys.executable, "-m", "grader", "review", str(folder), "--only", "7c"]
    environment = os.environ | {"LAB4_TUTOR": "Tess"}
    done = subprocess.run(
        line, input="a\nc 0.5\nreason\nq\n", cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1, done.stderr
    assert "\x1b" not in done.stdout
    assert [(new, reason) for _, _, new, reason in decided(folder)][1] == (Decimal("0.5"), "reason")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("c lots", "lots is not a number; write points such as 0.5."),
        ("c 1.5 generous", "You can give at most 1 here."),
        ("c -1 strict", "Points must be 0 or more."),
        ("c nan odd", "Points must be 0 or more."),
        ("c 0.3 odd", "Points must be a multiple of 0.25 here."),
        ("0", "0 is only for a submission without readable answers"),
        ("x", "x is not a key here; ? shows all keys."),
        ("u", "There is nothing to undo in this session."),
    ],
)
def test_a_refused_key_is_explained_and_changes_nothing(folder: Path, review: Run, line: str, words: str) -> None:
    _, printed = review(line)
    assert words in printed
    assert not (folder / DECISIONS_FILE).exists()


def test_an_empty_reason_changes_nothing(folder: Path, review: Run) -> None:
    _, printed = review("c 0.25", "", "w", "")
    assert "Nothing was saved, because a reason is needed." in printed
    assert "An empty comment was not saved." in printed
    assert decided(folder) == []


def test_a_comment_changes_no_mark_and_stays_at_the_entry(folder: Path, review: Run) -> None:
    _, printed = review("w see the lab notes", "a")
    (comment, mark) = decided(folder)
    assert comment[2:] == (None, "see the lab notes")
    assert (mark[0], mark[3]) == (comment[0], "accepted")
    assert "1 comment" in printed


def test_skipping_leaves_an_entry_open(folder: Path, review: Run) -> None:
    _, printed = review("s", "s")
    assert decided(folder) == []
    assert "There are no more entries." in printed
    assert "2 left open." in printed


def test_several_steps_are_undone_in_reverse_order(folder: Path, review: Run) -> None:
    _, printed = review("a", "w note", "a", "u", "u", "u", "u", "c 0.75 after all")
    (only,) = decided(folder)
    assert (only[0], only[2:]) == (first_of_7c(printed), (Decimal("0.75"), "after all"))
    assert printed.count("Undone:") == 3
    assert "7c: a comment" in printed
    assert "There is nothing to undo in this session." in printed


def test_undo_returns_to_a_skipped_entry(folder: Path, review: Run) -> None:
    _, printed = review("s", "u", "a")
    assert decided(folder)[0][0] == first_of_7c(printed)


def test_undo_does_not_touch_decisions_of_another_session(folder: Path, review: Run) -> None:
    review("a")
    _, printed = review("u")
    assert "There is nothing to undo in this session." in printed
    assert len(decided(folder)) == 1


def test_next_goes_to_another_question(folder: Path, review: Run) -> None:
    _, printed = review("n", "n", options=("--only", "7c", "--only", "8"))
    assert "Part 1, 7c" in printed
    assert "Part 1, 8" in printed
    assert decided(folder) == []


def test_help_names_every_key(review: Run) -> None:
    _, printed = review("?")
    for key in "acswunv0q?":
        assert re.search(rf"^  {re.escape(key)}  \w+", printed, re.MULTILINE), key


def test_a_submission_without_answers_is_one_decision(folder: Path, review: Run) -> None:
    _, printed = review("a", "c 0 no", "0", "n", options=("--only", "part1"))
    assert decided(folder) == [], "asked, and not confirmed"
    assert "No answer could be read" in printed
    review("0", "y", options=("--only", "part1"))
    assert {(student, new) for student, _, new, _ in decided(folder)} == {("nobody", Decimal(0))}
    assert len(decided(folder)) == len(NOBODY.answer_results)
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    assert results["submissions"][3]["status"] != "needs_review"
    _, printed = review("0", "y", options=("--only", "part1"))
    assert "In this session: 0 decisions" in printed


def test_the_parts_of_a_scan_are_marked_one_by_one(folder: Path, review: Run) -> None:
    _, printed = review("c", "c 1 read in the scan", "s", "c 0.5", "half of it", "n", options=("--only", "part1"))
    first, skipped, third = (result.id for result in NOBODY.answer_results[:3])
    assert decided(folder) == [
        ("nobody", first, Decimal(1), "read in the scan"),
        ("nobody", third, Decimal("0.5"), "half of it"),
    ]
    count = len(NOBODY.answer_results)
    assert f"2 of {count}, question 1 of 1, {count - 1} open" in printed
    _, printed = review(options=("--student", "nobody"))
    assert f"Part 1, {skipped.removeprefix('part1.')}" in printed, "the others stay open"


def test_undo_removes_all_parts_at_once(folder: Path, review: Run) -> None:
    review("0", "y", "u", options=("--only", "part1"))
    assert decided(folder) == []


# ---- what is shown ---------------------------------------------------------------------------------------------------


def test_an_answer_is_shown_completely_without_control_characters(review: Run) -> None:
    _, printed = review(options=("--student", "ann", "--only", "7c"))
    assert "«once» red [bold]each[/bold] ␇place" in printed
    assert "\x1b" not in printed
    assert "\u202e" not in printed
    for words in (
        "Part 1, 7c  Question 7c",
        "0.5 of 1, confidence 0.70",
        "Unsure.",
        "Once for each neuron.",
        "answers.md",
    ):
        assert words in printed
    assert str(Path("students", "ann", "report.html")) in printed, "a path in pieces can be neither copied nor clicked"


def test_a_code_item_is_shown_with_expected_and_seen(folder: Path, review: Run) -> None:
    _, printed = review("a", "c 1.5 close enough", options=("--only", "training.accuracy"))
    for words in (
        "Three seeds lie",
        "at least 97 %",
        "96.9 %",
        "Something was noticed.",
        "nothing; up to 2 can be given",
    ):
        assert words in printed
    assert "Nothing is proposed here; press c to give points." in printed
    assert decided(folder) == [("code", "training.accuracy", Decimal("1.5"), "close enough")]


def test_an_anonymous_review_shows_no_names(folder: Path, review: Run) -> None:
    _, printed = review("s", "a", "a", "a", "0", "y", options=("--anonymous",))
    names = pseudonyms(["ann", "bob", "code", "nobody"], secret_of(folder))
    assert names["ann"] in printed
    for student in names:
        assert not re.search(rf"\b{student}\b", printed.split("In this session")[0]), student
    assert "report.html" not in printed


def test_by_student_keeps_a_students_entries_together(review: Run) -> None:
    _, printed = review("s", "s", "s", options=("--by", "student", "--student", "a*", "--student", "bob"))
    assert re.findall(r"^(\w+) +(\d of \d), student (\d of \d)", printed, re.MULTILINE) == [
        ("ann", "1 of 2", "1 of 2"),
        ("ann", "2 of 2", "1 of 2"),
        ("bob", "1 of 1", "2 of 2"),
    ]


def test_settled_marks_are_shown_for_second_marking(folder: Path, review: Run) -> None:
    options = ("--all", "--student", "bob", "--only", "7b")
    _, printed = review("c 0.5 not quite", options=options)
    assert "passed, 1/1" in printed
    _, printed = review("a", options=options)
    assert "partial, 0.5/1 by Tess" in printed
    first, second = read_decisions(folder).entries
    assert (first.old, first.new, second.old, second.new) == (Decimal(1), Decimal("0.5"), Decimal(1), Decimal("0.5"))


def test_an_audit_shows_settled_answers_without_the_graders_marks(folder: Path, review: Run) -> None:
    options = ("--audit", "50%", "--only", "7b", "--only", "7c")
    _, printed = review("a", "c 0.5", options=options)
    student = re.search(r"^(ann|bob) ", printed, re.MULTILINE)
    assert student is not None
    assert "Part 1, 7b" in printed
    assert "Part 1, 7c" not in printed, "it is open, so it is no part of the audit"
    assert "A filter." in printed
    for words in ("passed", "0.90", "Right.", "report.html", "«", "1/1"):
        assert words not in printed, words
    assert "Nothing is proposed here; press c to give points." in printed
    assert decided(folder) == [(student[1], "part1.7b", Decimal("0.5"), "marked without seeing the grader's mark")]
    (made,) = read_decisions(folder).entries
    assert (made.audit, made.old, made.author) == (True, Decimal(1), "Tess")
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))["submissions"]
    (answer,) = (entry for entry in results[student[1] == "bob"]["answers"] if entry["part"] == "7b")
    assert (answer["awarded"], answer["override"]["audit"]) == (0.5, True)
    _, printed = review(options=options)
    assert "Part 1, 7b" not in printed, "the same answers are chosen, and this one is decided"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--only", "structure.konv"), "Did you mean structure.conv?"),
        (("--only", "9"), "this run has no such item"),
        (("--student", "zoe"), "--student: nobody is called zoe."),
    ],
)
def test_an_unknown_item_or_student_is_a_usage_error(
    folder: Path, options: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["review", str(folder), "--author", "T", *options]) == 2
    assert words in capsys.readouterr().err


def test_nothing_open_ends_at_once(folder: Path, review: Run) -> None:
    review("a", "a")
    _, printed = review()
    assert "In this session: 0 decisions" in printed
    assert "Part 1, 7c" not in printed


# ---- who decides -----------------------------------------------------------------------------------------------------


def test_the_author_comes_from_the_environment(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB4_TUTOR", "Theo")
    monkeypatch.setattr(sys, "stdin", io.StringIO("a\n"))
    main(["review", str(folder), "--only", "7c"])
    assert read_decisions(folder).entries[0].author == "Theo"


def test_the_author_is_asked_for_when_unknown(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAB4_TUTOR", " ")

    def unknown() -> str:
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", unknown)
    monkeypatch.setattr(sys, "stdin", io.StringIO("Thea\na\n"))
    main(["review", str(folder), "--only", "7c"])
    assert read_decisions(folder).entries[0].author == "Thea"
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert main(["review", str(folder), "--only", "7c"]) == 2
    assert "Decisions need your name" in capsys.readouterr().err


# ---- what is written -------------------------------------------------------------------------------------------------


def test_leaving_writes_the_changed_pages_and_the_tables(folder: Path, review: Run) -> None:
    before = {report.student: records.read_report(folder, report.student) for report in (ANN, BOB, CODE, NOBODY)}
    review("a", options=("--student", "ann", "--only", "7c"))
    page = (folder / run_folder.page_path("ann")).read_text(encoding="utf-8")
    assert "Tess" in page
    assert not (folder / run_folder.page_path("bob")).exists(), "his marks are the same"
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))["submissions"]
    (answer,) = (entry for entry in results[0]["answers"] if entry["part"] == "7c")
    assert (answer["awarded"], answer["override"]["author"]) == (0.5, "Tess")
    assert "0.5" in (folder / "marks.csv").read_text(encoding="utf-8-sig").splitlines()[1]
    assert (folder / "index.html").exists()
    after = {student: records.read_report(folder, student) for student in before}
    assert after == before, "automatic marks are never edited"


def test_the_next_session_writes_the_pages_of_a_killed_one(folder: Path, review: Run) -> None:
    made = Decision(
        "bob", "part1.7c", "Theo", "2025-11-24T09:30:00+00:00", "ok", _digest(BOB), Decimal(1), Decimal(1), Decimal(1)
    )
    samples.decide(folder, made)
    os.utime(folder / "results.json", (1, 1))
    review(options=("--only", "8"))
    assert "Theo" in (folder / run_folder.page_path("bob")).read_text(encoding="utf-8")
    assert '"author": "Theo"' in (folder / "results.json").read_text(encoding="utf-8")


def _digest(report: Report) -> str:
    from grader.moderation.decisions import subject_digest

    return subject_digest(report, next(result for result in report.results if result.id == "part1.7c"))


def test_decisions_survive_a_killed_session(folder: Path) -> None:
    session = subprocess.Popen(
        [sys.executable, "-m", "grader", "review", str(folder), "--only", "7c", "--author", "Tess"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )
    assert session.stdin is not None
    session.stdin.write(b"a\n")
    session.stdin.flush()
    deadline = time.monotonic() + 30
    while not decided(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    session.kill()
    session.wait()
    session.stdin.close()
    assert [reason for *_, reason in decided(folder)] == ["accepted"]


def test_ctrl_c_ends_a_session_like_q(folder: Path) -> None:
    session = subprocess.Popen(
        [sys.executable, "-m", "grader", "review", str(folder), "--only", "7c", "--author", "Tess"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert session.stdin is not None
    session.stdin.write("a\n")
    session.stdin.flush()
    deadline = time.monotonic() + 30
    while not decided(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
    session.send_signal(signal.SIGINT)
    printed, _ = session.communicate(timeout=60)
    assert session.returncode == 1
    assert "In this session: 1 decision" in printed
    assert '"author": "Tess"' in (folder / "results.json").read_text(encoding="utf-8")


# ---- two tutors ------------------------------------------------------------------------------------------------------


class TwoTutors:
    """Input lines of one tutor; before line number ``at`` is read, another tutor does ``meanwhile``."""

    def __init__(self, lines: list[str], at: int, meanwhile: Callable[[], object]) -> None:
        self._lines, self._at, self._meanwhile = iter(lines), at, meanwhile

    def isatty(self) -> bool:
        return False

    def readline(self) -> str:
        if self._at == 0:
            self._meanwhile()
        self._at -= 1
        return next(self._lines, "")


def by_theo(report: Report) -> Decision:
    return Decision(
        report.student,
        "part1.7c",
        "Theo",
        "2025-11-24T09:30:00+00:00",
        "mine",
        _digest(report),
        Decimal(1),
        Decimal(1),
        Decimal(0),
    )


def test_a_decision_of_another_tutor_is_kept(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stdin = TwoTutors(["a\n"], 0, lambda: [samples.decide(folder, by_theo(report)) for report in (ANN, BOB)])
    monkeypatch.setattr(sys, "stdin", stdin)
    main(["review", str(folder), "--author", "Tess", "--only", "7c"])
    printed = capsys.readouterr().out
    assert "Theo set 0 while you were reviewing this. That decision stands; yours was not saved." in printed
    assert {entry.author for entry in read_decisions(folder).entries} == {"Theo"}
    assert "Theo" in (folder / run_folder.page_path("bob")).read_text(encoding="utf-8"), "whoever decided it"


def test_an_entry_settled_by_another_tutor_is_not_shown_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def meanwhile() -> None:
        waiting = {"ann", "bob"} - {entry.student for entry in read_decisions(folder).entries}
        samples.decide(folder, by_theo(ANN if "ann" in waiting else BOB))

    monkeypatch.setattr(sys, "stdin", TwoTutors(["w note\n", "a\n"], 1, meanwhile))
    main(["review", str(folder), "--author", "Tess", "--only", "7c"])
    made = [(entry.author, entry.new) for entry in read_decisions(folder).entries if entry.new is not None]
    assert made[0] == ("Theo", Decimal(0))
    assert len({entry.student for entry in read_decisions(folder).entries if entry.new is not None}) == len(made)


# ---- the file of decisions -------------------------------------------------------------------------------------------


def test_appended_decisions_read_like_written_ones(tmp_path: Path) -> None:
    made = tuple(replace(by_theo(ANN), reason=f"{HOSTILE} {number}") for number in range(4))
    decisions = DecisionsFile(tmp_path)
    for decision in made:
        with decisions.locked():
            decisions.add(decision)
    assert read_decisions(tmp_path) == DecisionsFile(tmp_path).read() == Decisions(made)
    with decisions.locked():
        decisions.remove(made[3])
        decisions.remove(made[1])
    assert read_decisions(tmp_path) == decisions.read() == Decisions((made[0], made[2]))


@pytest.mark.parametrize("ending", ["", "\n", "\n# a last word", "\r\n"])
def test_a_decision_is_added_to_a_file_edited_by_hand(tmp_path: Path, ending: str) -> None:
    (tmp_path / DECISIONS_FILE).write_bytes(decisions_text(Decisions((by_theo(ANN),))).rstrip() + ending.encode())
    decisions = DecisionsFile(tmp_path)
    with decisions.locked():
        decisions.add(by_theo(BOB))
    assert read_decisions(tmp_path) == Decisions((by_theo(ANN), by_theo(BOB)))


def test_a_decision_is_added_to_an_inline_list(tmp_path: Path) -> None:
    (tmp_path / DECISIONS_FILE).write_text("format = 1\noverride = []\n", encoding="utf-8")
    decisions = DecisionsFile(tmp_path)
    with decisions.locked():
        decisions.add(by_theo(BOB))
    assert read_decisions(tmp_path) == Decisions((by_theo(BOB),))


def test_two_sessions_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, dataclasses; from pathlib import Path\n"
        "from grader.moderation.decisions_file import DecisionsFile\n"
        "from tests.review.test_review import by_theo\nfrom tests.support.review_samples import ANN\n"
        "decisions = DecisionsFile(Path(sys.argv[1]))\n"
        "for number in range(15):\n"
        "    made = dataclasses.replace(by_theo(ANN), reason=f'{sys.argv[2]} {number}')\n"
        "    with decisions.locked(): decisions.add(made)\n"
    )
    sessions = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), name], cwd=ROOT) for name in ("one", "two")
    ]
    assert [session.wait(timeout=60) for session in sessions] == [0, 0]
    assert len({entry.reason for entry in read_decisions(tmp_path).entries}) == 30


HOLD = (
    "import sys, time; from pathlib import Path\n"
    "from grader.moderation.decisions_file import DecisionsFile\n"
    "with DecisionsFile(Path(sys.argv[1])).locked():\n"
    "    print('locked', flush=True); time.sleep(60)\n"
)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another session, which has locked the file of decisions."""
    line = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(line, cwd=ROOT, stdout=subprocess.PIPE, text=True) as session:
        assert session.stdout is not None
        assert session.stdout.readline() == "locked\n"
        yield session
        session.kill()


def test_a_session_waits_for_one_that_writes(
    tmp_path: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("grader.moderation.decisions_file._PATIENCE", 0.1)
    with pytest.raises(UsageFault, match="is being changed by another session"), DecisionsFile(tmp_path).locked():
        pass
    assert holder.poll() is None, "the other session still runs, and still has the lock"
    with pytest.raises(UsageFault), DecisionsFile(tmp_path).locked():
        pass


def test_a_killed_session_leaves_no_lock(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    holder.kill()
    decisions = DecisionsFile(tmp_path)
    with decisions.locked():
        decisions.add(by_theo(BOB))
    assert len(read_decisions(tmp_path).entries) == 1


def test_a_lock_file_of_an_earlier_version_does_not_lock(tmp_path: Path) -> None:
    (tmp_path / f".{DECISIONS_FILE}.lock").write_bytes(b"")
    decisions = DecisionsFile(tmp_path)
    with decisions.locked():
        decisions.add(by_theo(BOB))
    assert len(read_decisions(tmp_path).entries) == 1


def test_a_run_that_was_moved_gets_no_decision_and_is_not_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    decisions = DecisionsFile(folder)
    with decisions.locked():
        decisions.add(by_theo(ANN))
    folder.rename(tmp_path / "moved")
    with pytest.raises(UsageFault, match="is not there any more"), decisions.locked():
        decisions.add(by_theo(BOB))
    with pytest.raises(UsageFault, match="is not there any more"):
        decisions.read()
    assert not folder.exists()


def test_a_file_that_cannot_be_used_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / DECISIONS_FILE).write_text("format = 2\n", encoding="utf-8")
    with pytest.raises(UsageFault):
        DecisionsFile(folder).read()
    assert main(["review", str(folder), "--author", "T"]) == 2
    assert "format should be 1" in capsys.readouterr().err
