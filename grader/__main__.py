"""The command line: arguments in, exit codes out. What a command does is written in the module that it calls."""

from __future__ import annotations

import argparse
import gc
import getpass
import json
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from grader.cli.arguments import parser
from grader.model import GraderFault, Status, UsageFault
from grader.safe_text import visible, visible_block

if TYPE_CHECKING:
    from grader.moderation.finished_run import Pages
    from grader.review.keyboard import Keys
    from grader.review.screen import Screen

SETTLED, NEEDS_TUTOR, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130
SAME, DIFFERS = 0, 1
"""What ``diff`` ends with."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 all settled, 1 a tutor is needed, 2 usage, 3 a grader fault, 130 interrupted."""
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    # Reports and evidence are trees: the search for cycles in them finds none, and takes an eighth of the time.
    gc.set_threshold(100_000)
    try:
        return COMMANDS[arguments.command](arguments)
    except UsageFault as fault:
        print(f"grader: {visible(str(fault))}", file=sys.stderr)
        return USAGE
    except GraderFault as fault:
        print(f"grader: a fault of the grader itself: {visible(str(fault))}", file=sys.stderr)
        return FAULT
    except Exception:  # Python's own exit code for it, 1, would read as "a tutor should look"
        print(visible_block(traceback.format_exc()), file=sys.stderr)
        return FAULT
    except KeyboardInterrupt:
        print("grader: interrupted. What was finished is stored; the same command goes on from there.", file=sys.stderr)
        return INTERRUPTED


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _grade(arguments: argparse.Namespace) -> int:
    # Imported here, so that --help and a wrong argument answer at once.
    from grader.answers.marker.key import load_key
    from grader.data import DataSet, download_with_torchvision, resolve_data, user_cache
    from grader.pipeline.cohort import Selection, grade_cohort
    from grader.pipeline.run import Enclosure
    from grader.report.console.progress import Progress
    from grader.report.console.summary import make_console, print_summary
    from grader.report.html import pages
    from grader.report.summary_json import summary_record
    from grader.rubric.loading import load_rubric
    from grader.sandbox import Wish
    from grader.storage import run_folder

    # What is said on the way must not mix with the JSON, and faults of a quiet run belong to the errors.
    console = make_console(sys.stderr if arguments.json or arguments.quiet else sys.stdout)
    rubric = load_rubric(arguments.rubric)
    key = load_key(arguments.key) if arguments.key is not None else None
    out, earlier = arguments.out, None
    if out is None:
        out, earlier = run_folder.dated_folder(arguments.reports, arguments.path, date.today())
    before = run_folder.read_run(out) or (earlier and run_folder.read_run(earlier)) if arguments.remark else None
    if before and before.run and arguments.data is None:
        data = DataSet.unopened(before.run.data, before.run.data_note)  # what the stored evidence was measured on
    else:
        data = resolve_data(
            arguments.data, environment=os.environ, cache=user_cache(os.environ), download=download_with_torchvision
        )
    if data.name != "mnist" and not arguments.quiet:
        console.print("! Nets are measured on scikit-learn's digits, not on MNIST.", style="bold yellow")
    run, reports = grade_cohort(
        arguments.path,
        out,
        rubric=rubric,
        data=data,
        jobs=arguments.jobs,
        device=arguments.device,
        pages=pages,
        progress=Progress(console, 0, is_quiet=arguments.quiet),
        selection=Selection(tuple(arguments.student), arguments.only_failed, arguments.remark),
        earlier=earlier,
        enclosure=Enclosure(
            Wish(arguments.isolation), tuple(_secrets(arguments, user_cache(os.environ))), _words(arguments)
        ),
        answer_key=key,
        shows_full_answers=arguments.full_answers,
    )
    code = _exit_code(report.status for report in reports)
    if arguments.json:
        print(json.dumps(summary_record(reports, run, out, code)))
    elif not arguments.quiet:
        print_summary(console, reports, run, out)
    return code


def _render(arguments: argparse.Namespace) -> int:
    from grader.moderation.finished_run import load_run, write_views
    from grader.report.html import pages

    finished = load_run(arguments.run)
    if arguments.full_answers is not None:
        finished = finished.showing_full_answers(arguments.full_answers)
    write_views(finished, pages)
    return _exit_code(report.status for report in finished.reports)


def _review(arguments: argparse.Namespace) -> int:
    from grader.moderation.finished_run import load_run
    from grader.moderation.pseudonyms import code_names, secret_of
    from grader.moderation.session import Review
    from grader.moderation.worklist import Wishes
    from grader.report.console.summary import make_console
    from grader.review.keyboard import keys_of
    from grader.review.prompt import Dialogue, is_behind, leave
    from grader.review.screen import Screen

    finished, was_behind = load_run(arguments.run), is_behind(arguments.run)
    names = None
    if arguments.anonymous:
        names = code_names((report.student for report in finished.automatic), secret_of(arguments.run))
    wishes = Wishes(
        by_student=arguments.by == "student",
        items=tuple(arguments.only),
        students=tuple(arguments.student),
        settled_too=arguments.all,
        names=names,
    )
    with keys_of(sys.stdin) as keys:
        screen = Screen(make_console(), arguments.run, is_single=keys.is_single, names=names)
        review = Review(finished, wishes, author=_author(arguments, screen, keys))
        try:
            if review.entry is not None:
                Dialogue(review, screen, keys).hold()
        except KeyboardInterrupt:  # Ctrl-C is a way to leave: every decision is on disk
            screen.tell("")
    leave(review, screen, arguments.run, _pages, was_behind=was_behind)
    return _exit_code(report.status for report in review.reports)


def _pages() -> Pages:
    from grader.report.html import pages

    return pages


def _author(arguments: argparse.Namespace, screen: Screen, keys: Keys) -> str:
    """Who decides, asked for when nobody says it."""
    named = arguments.author or os.environ.get("LAB4_TUTOR") or ""
    if not named.strip():
        with suppress(OSError, KeyError, ImportError):  # what getpass raises where there is no user name
            named = getpass.getuser()
    if not named.strip():
        screen.ask("Your name, to be kept with each decision: ")
        named = keys.line() or ""
    if not named.strip():
        raise UsageFault("Say who decides, with --author NAME or in LAB4_TUTOR.")
    return named.strip()


def _diff(arguments: argparse.Namespace) -> int:
    from grader.moderation.comparison import compare
    from grader.moderation.finished_run import load_run
    from grader.report.console.diff import changes_record, print_changes
    from grader.report.console.summary import make_console

    comparison = compare(load_run(arguments.first), load_run(arguments.second))
    if arguments.json:
        print(json.dumps(changes_record(comparison)))
    else:
        print_changes(make_console(), comparison)
    return DIFFERS if comparison.is_different else SAME


def _exit_code(statuses: Iterable[Status]) -> int:
    found = set(statuses)
    if Status.ERROR in found:
        return FAULT
    return NEEDS_TUTOR if Status.NEEDS_REVIEW in found else SETTLED


def _doctor(arguments: argparse.Namespace) -> int:
    from grader.cli.doctor import examine
    from grader.data import user_cache
    from grader.report.console.summary import make_console, print_remark

    console = make_console()
    remarks = examine(arguments.data, environment=os.environ, cache=user_cache(os.environ), prefix=_words(arguments))
    is_fine = True
    for remark in remarks:
        print_remark(console, remark.subject, remark.text, remark.advice)
        is_fine = is_fine and remark.is_fine
    return SETTLED if is_fine else NEEDS_TUTOR


def _mark_answers(arguments: argparse.Namespace) -> int:
    from grader.answers.evaluation.command import mark_file

    mark_file(arguments.file, arguments.key, out=arguments.out, stdout=sys.stdout, stderr=sys.stderr)
    return SETTLED


COMMANDS = {
    "grade": _grade,
    "render": _render,
    "review": _review,
    "diff": _diff,
    "doctor": _doctor,
    "mark-answers": _mark_answers,
}


def _secrets(arguments: argparse.Namespace, cache: Path) -> Iterator[Path]:
    """Where labels, keys and other runs lie."""
    yield cache
    named = (arguments.data, os.environ.get("LAB4_DATA"), arguments.key, arguments.rubric, arguments.reports)
    yield from (Path(place) for place in named if place and Path(place).exists())


def _words(arguments: argparse.Namespace) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(arguments.worker_prefix))
    except ValueError as problem:
        raise UsageFault(f"--worker-prefix cannot be read: {problem}") from None


if __name__ == "__main__":
    sys.exit(main())
