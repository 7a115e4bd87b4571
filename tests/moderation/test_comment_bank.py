"""The sentences that are offered again: their order, what is in the file of a run, and that it names no student."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from grader.model import Decision, Origin, UsageFault
from grader.moderation.comment_bank import COMMENTS_FILE, MOST, CommentBank
from grader.moderation.decisions import ACCEPTED, Decisions
from tests.support.review_samples import answered

ANNA = replace(answered("u1234567"), origin=Origin(name="Anna Berg", account="998877"))
ITEM = "part1.8"


def said(*reasons: str, item: str = ITEM, **more: object) -> Decisions:
    made = (
        Decision("u1234567", item, "Tess Tutor", "2025-11-24T09:30:00+00:00", reason, "d", Decimal(1), new=Decimal(1))
        for reason in reasons
    )
    return Decisions(tuple(replace(one, **more) for one in made))  # type: ignore[arg-type]


def test_the_most_used_come_first_and_of_equal_ones_the_later(tmp_path: Path) -> None:
    bank = CommentBank(tmp_path, [ANNA])
    made = said("Rare.", "Often.", "Often. ", ACCEPTED, "", "Late.")
    assert bank.offered(made, ITEM) == ("Often.", "Late.", "Rare.")
    assert bank.offered(made, "part1.7c") == ()
    assert len(bank.offered(said(*map(str, range(20))), ITEM)) == MOST


def test_a_students_request_and_the_copies_of_a_group_are_no_comments(tmp_path: Path) -> None:
    bank = CommentBank(tmp_path, [ANNA])
    assert bank.offered(said("Please look again.", request=True, new=None), ITEM) == ()
    made = Decisions((*said("Own.", "Own.").entries, *said("Like.", "Like.", "Like.", like="u7654321").entries))
    assert bank.offered(made, ITEM) == ("Own.",)


@pytest.mark.parametrize("name", ["Anna", "ANNA BERG", "anna berg", "u1234567", "998877"])
def test_no_file_has_the_name_or_number_of_a_student(tmp_path: Path, name: str) -> None:
    bank = CommentBank(tmp_path, [ANNA])
    bank.keep(said("Say where.", f"Better than {name}'s."))
    text = (tmp_path / COMMENTS_FILE).read_text()
    assert "Say where." in text
    for hidden in ("nna", "Berg", "1234567", "998877", "Tess", "2025"):
        assert hidden.casefold() not in text.casefold()


def test_comments_are_carried_from_a_run_or_its_file_and_carrying_again_changes_nothing(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    CommentBank(old, [ANNA]).keep(said("Often.", "Often.", 'A "quoted" one,\u202e <b>&'))
    for source in (old, old / COMMENTS_FILE):
        assert CommentBank(new, []).carry(source) == 2
    assert (new / COMMENTS_FILE).read_bytes() == (old / COMMENTS_FILE).read_bytes()
    bank = CommentBank(new, [])
    assert bank.offered(said("Own."), ITEM) == ("Often.", "Own.", 'A "quoted" one,\u202e <b>&')
    bank.keep(said("Own."))
    assert CommentBank(new, []).offered(Decisions(), ITEM)[1] == "Own."


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("format = 2", "format should be 1"),
        ('format = 1\n[[comment]]\nitem = "a"', "not a file of comments"),
        ("[", "not a file of comments"),
        (None, "there is no"),
    ],
)
def test_what_is_no_file_of_comments_is_refused(tmp_path: Path, content: str | None, told: str) -> None:
    path = tmp_path / "carried.toml"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UsageFault, match=told):
        CommentBank(tmp_path, []).carry(path)
    with pytest.raises(UsageFault, match="when a review of it ends"):
        CommentBank(tmp_path, []).carry(tmp_path)
