"""The options of ``review`` for several tutors: dealing entries out, and figures about the tutors."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from grader.model import UsageFault

if TYPE_CHECKING:
    from grader.moderation.finished_run import FinishedRun


def add_tutors(review: argparse.ArgumentParser) -> None:
    """Add the options to the parser of ``review``."""
    review.add_argument(
        "--tutors", metavar="NAMES", help="deal the entries out to these tutors, such as ann,ben,cat; the run keeps it"
    )
    review.add_argument(
        "--deal",
        choices=["evenly", "question"],
        help="with --tutors: deal single entries, or whole questions (default: evenly)",
    )
    review.add_argument(
        "--twice",
        type=_whole,
        metavar="K",
        help="with --tutors: deal about one in K entries to two tutors; 0: none (default: 10)",
    )
    review.add_argument("--everyone", action="store_true", help="show what was dealt to other tutors too")
    review.add_argument("--figures", action="store_true", help="print what each tutor did, and how far they agree")


def deal_as_told(arguments: argparse.Namespace, finished: FinishedRun) -> None:
    """Store the deal of ``--tutors``, if it is given."""
    from grader.moderation.dealing import TWICE, deal_out, write_deal

    if arguments.tutors is None:
        if arguments.deal or arguments.twice is not None:
            raise UsageFault("--deal and --twice say how to deal, so they need --tutors.")
        return
    twice = TWICE if arguments.twice is None else arguments.twice
    by_question = arguments.deal == "question"
    deal = deal_out(finished.automatic, arguments.tutors.split(","), by_question=by_question, twice=twice)
    write_deal(finished.folder, deal)


def show_if_dealt(finished: FinishedRun) -> None:
    """Print the figures about the tutors if the run was dealt out."""
    from grader.moderation.dealing import is_dealt
    from grader.report.console.summary import make_console
    from grader.review.tutors import show_tutors

    if is_dealt(finished.folder):
        show_tutors(make_console(), finished)


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise argparse.ArgumentTypeError(f"{text} must be a whole number")
    return int(text)
