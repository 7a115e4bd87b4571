"""The command ``review``: on a page or in the terminal.

Other modules are imported inside the functions, so that ``--help`` and refusals of wrong arguments are immediate.
"""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from grader.cli.exit_codes import ExitCode, exit_code
from grader.model import UsageFault

if TYPE_CHECKING:
    from grader.moderation.finished_run import Pages
    from grader.review.keyboard import Keys
    from grader.review.screen import Screen


def review(arguments: argparse.Namespace) -> ExitCode:
    """Let a tutor decide what is open in a stored run."""
    from grader.cli.tutors import deal_as_told, show_if_dealt
    from grader.moderation.audit import audited
    from grader.moderation.finished_run import is_outdated, load_run
    from grader.moderation.pseudonyms import names_in, secret_of
    from grader.moderation.queue import is_waiting
    from grader.moderation.session import Review
    from grader.moderation.worklist import Scope
    from grader.report.console.summary import make_console
    from grader.review.bringing import bring, print_lines
    from grader.review.keyboard import keys_of
    from grader.review.page.browser import has_browser
    from grader.review.prompt import Dialogue, Session, leave
    from grader.review.screen import Screen
    from grader.review.tutors import show_tutors

    finished, was_outdated = load_run(arguments.run), is_outdated(arguments.run)
    deal_as_told(arguments, finished)
    if arguments.figures:
        show_tutors(make_console(), finished)
        return ExitCode.SETTLED
    names = None
    if arguments.anonymous:
        names = names_in(arguments.run, finished.run, (report.student for report in finished.automatic))
    scope = Scope(
        by_student=arguments.by == "student",
        items=tuple(arguments.only),
        students=tuple(arguments.student),
        settled_too=arguments.all,
        audit=audited(finished.automatic, arguments.audit, secret_of(arguments.run)) if arguments.audit else None,
        names=names,
    )
    if arguments.terminal and arguments.port is not None:
        raise UsageFault("--port is the port of the page, so it does not go with --terminal.")
    console, author = make_console(), _known_author(arguments)
    not_taken = bring(finished, requests=arguments.requests, comments=arguments.comments, author=author, to=console)
    session: Session
    if arguments.page or arguments.port is not None or (has_browser() and not arguments.terminal):
        from grader.review.page.serving import Page

        screen = Screen(console, arguments.run, is_single=False, names=names)
        page = Page(finished, scope, author=author, names=names)
        page.serve(port=arguments.port or 0, opens=has_browser(), tell=screen.print_address)
        session = page.actions
    else:
        with keys_of(sys.stdin) as keys:
            screen = Screen(console, arguments.run, is_single=keys.is_single, names=names)
            author = _author(arguments, screen, keys)
            session = review = Review(finished, scope, author=author, is_for_all=arguments.everyone)
            if review.note:
                screen.print(review.note)
            try:
                if review.entry is not None:
                    Dialogue(review, screen, keys).run()
            except KeyboardInterrupt:  # Ctrl-C ends the session like q: every decision is on disk
                screen.print("")
    leave(session, screen, arguments.run, html_pages, was_outdated=was_outdated)
    show_if_dealt(finished)
    print_lines(console, not_taken)  # again: in a terminal, the review has covered them
    is_asked = any(map(is_waiting, (result for report in session.reports for result in report.results)))
    code = exit_code(report.status for report in session.reports)
    return max(code, ExitCode.NEEDS_TUTOR) if is_asked or not_taken else code


def html_pages() -> Pages:
    """The module that writes pages, which imports jinja2."""
    from grader.report.html import pages

    return pages


def _known_author(arguments: argparse.Namespace) -> str:
    """The name of the tutor who decides: from the arguments, the environment or the user name; empty without any."""
    named = arguments.author or os.environ.get("LAB4_TUTOR") or ""
    if not named.strip():
        with suppress(OSError, KeyError, ImportError):  # getpass raises these when there is no user name
            named = getpass.getuser()
    return str(named).strip()


def _author(arguments: argparse.Namespace, screen: Screen, keys: Keys) -> str:
    """The name of the tutor who decides, if need be from a prompt."""
    named = _known_author(arguments)
    if not named:
        screen.ask("Your name, which is saved with each decision: ")
        named = keys.line() or ""
    if not named.strip():
        raise UsageFault("Decisions need your name: use --author NAME or set LAB4_TUTOR.")
    return named.strip()
