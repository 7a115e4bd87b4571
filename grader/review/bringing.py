"""Brings students' requests and earlier comments into a run before its review, and says what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.model.quantities import quantity
from grader.moderation.comment_bank import CommentBank
from grader.moderation.finished_run import FinishedRun
from grader.moderation.regrade_requests import take_requests
from grader.safe_text import visible


def bring(
    finished: FinishedRun, *, requests: Path | None, comments: Path | None, author: str, to: Console
) -> tuple[str, ...]:
    """Store what the paths hold in the run ``finished``, and print what was taken ``to`` the console.

    Returns a sentence, also printed, for each line of a file that was not taken. Raises UsageFault for a file that
    cannot be used.
    """
    if comments is not None:
        count = CommentBank(finished.folder, finished.automatic).carry(comments)
        print_lines(to, [f"{quantity(count, 'comment')} of another review will be offered."])
    if requests is None:
        return ()
    found = take_requests(finished, requests, author=author)
    known = f"; the run has {found.known} already" if found.known else ""
    print_lines(to, [f"{quantity(found.new, 'new request')} of students{known}.", *found.problems])
    return found.problems


def print_lines(console: Console, lines: Sequence[str]) -> None:
    """Print sentences that may quote students."""
    for line in lines:
        console.print(Text(visible(line)), soft_wrap=True)
