"""The commands: each function takes the parsed arguments and returns an exit code.

Other modules are imported inside the functions, so that ``--help`` and refusals of wrong arguments are immediate.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from grader.cli.exit_codes import ExitCode, exit_code
from grader.cli.reviewing import html_pages, review
from grader.cli.run_settings import run_settings, words
from grader.model import UsageFault

if TYPE_CHECKING:
    from grader.sandbox import ForkServer


def grade(arguments: argparse.Namespace) -> ExitCode:
    """Grade a cohort, and print the summary."""
    from grader.sandbox import Wish, start_server

    # The server first: it imports torch for seconds, in which this process imports the rest and looks for submissions.
    # Not if it may not be needed, nor through a container, for which the command would wait.
    is_known = arguments.out is not None and arguments.out.exists()
    if arguments.remark or arguments.worker_prefix or is_known or not arguments.path.exists():
        return _grade(arguments, None)
    server = start_server(Wish(arguments.isolation))
    try:
        return _grade(arguments, server)
    finally:
        server.stop()  # it still runs if no code had to be run


def _grade(arguments: argparse.Namespace, server: ForkServer | None) -> ExitCode:
    from grader.pipeline.cohort import grade_cohort
    from grader.report.console.notices import print_notices
    from grader.report.console.progress import Progress
    from grader.report.console.summary import make_console, print_summary
    from grader.report.html import pages
    from grader.report.summary_json import summary_record

    # Progress must not be mixed with the JSON, and faults and warnings of a quiet run belong on standard error.
    console = make_console(sys.stderr if arguments.json or arguments.quiet else sys.stdout)
    settings = run_settings(arguments)
    progress = Progress(console, 0, is_quiet=arguments.quiet)
    run, reports = grade_cohort(settings, pages=pages, progress=progress, server=server)
    code = exit_code(report.status for report in reports)
    if arguments.json:
        print(json.dumps(summary_record(reports, run, settings.out, code)))
    elif not arguments.quiet:
        print_summary(console, reports, run, settings.out, is_verbose=arguments.verbose)
    print_notices(console, run)
    return code


def merge(arguments: argparse.Namespace) -> ExitCode:
    """Merge the runs of all shards into one, and print its summary."""
    from grader.pipeline.merging import merge_shards, notes_on
    from grader.report.console.notices import print_notices
    from grader.report.console.summary import make_console, print_summary
    from grader.report.html import pages
    from grader.review.bringing import print_lines

    console = make_console()
    merged = merge_shards(arguments.out, arguments.runs, pages, is_mixed=arguments.mixed)
    print_summary(console, merged.reports, merged.run, merged.folder)
    print_lines(console, notes_on(merged, arguments.runs))
    print_notices(console, merged.run)
    return exit_code(report.status for report in merged.reports)


def render(arguments: argparse.Namespace) -> ExitCode:
    """Write the pages and tables of a stored run again."""
    from grader.moderation.finished_run import load_run, write_views
    from grader.report.html import pages
    from grader.rubric.late_policy import load_late_policy
    from grader.storage import run_folder

    finished = load_run(arguments.run)
    if arguments.full_answers is not None:
        finished = finished.showing_full_answers(arguments.full_answers)
    if arguments.late is not None:
        finished = finished.under(load_late_policy(arguments.late))
        run_folder.keep_late_policy(finished.folder, finished.run)
    write_views(finished, pages)
    return exit_code(report.status for report in finished.reports)


def learn(arguments: argparse.Namespace) -> ExitCode:
    """Print how far the grader and the tutors agree on a run, and turn the tutors' decisions into samples."""
    from grader.moderation.finished_run import load_run
    from grader.report.console.summary import make_console
    from grader.review.learning import learn_from, show_agreement

    finished, console = load_run(arguments.run), make_console()
    show_agreement(console, finished.decisions, arguments.run)
    if arguments.key is None:
        console.print("To turn the decisions into samples, name the key: --key FILE.")
    else:
        learn_from(
            finished,
            arguments.key,
            console=console,
            stdin=sys.stdin,
            is_confirmed=arguments.yes,
            replaces=arguments.replace,
        )
    return ExitCode.SETTLED


def export(arguments: argparse.Namespace) -> ExitCode:
    """Write a run's marks and pages as files for a learning platform."""
    from grader.cli.exporting import export_run

    return exit_code(report.status for report in export_run(arguments))


def similar(arguments: argparse.Namespace) -> ExitCode:
    """Write the page with the works of a run that share most, and print what is above its line."""
    from grader.answers.marker.key import load_key
    from grader.moderation.finished_run import load_run
    from grader.report.console.summary import make_console
    from grader.similarity.command import compare_run, print_compared

    finished = load_run(arguments.run)
    key = load_key(arguments.key) if arguments.key is not None else None
    compared = compare_run(finished, key, arguments.handout)
    html_pages().write_cohort_page(finished.folder, finished.reports, finished.run)  # with a link to the new page
    print_compared(make_console(), compared)
    return ExitCode.SETTLED


def diff(arguments: argparse.Namespace) -> ExitCode:
    """Print whose marks differ between two stored runs."""
    from grader.moderation.comparison import compare
    from grader.moderation.finished_run import load_run
    from grader.report.console.diff import changes_record, print_changes
    from grader.report.console.summary import make_console

    comparison = compare(load_run(arguments.first), load_run(arguments.second))
    if arguments.json:
        print(json.dumps(changes_record(comparison)))
    else:
        print_changes(make_console(), comparison)
    return ExitCode.DIFFERS if comparison.is_different else ExitCode.SAME


def doctor(arguments: argparse.Namespace) -> ExitCode:
    """Print what this machine can do."""
    from grader.cli.doctor import examine
    from grader.data import user_cache
    from grader.report.console.summary import make_console, print_doctor_line

    console = make_console()
    lines = examine(arguments.data, environment=os.environ, cache=user_cache(os.environ), prefix=words(arguments))
    is_fine = True
    for line in lines:
        print_doctor_line(console, line.subject, line.text, line.advice)
        is_fine = is_fine and line.is_fine
    return ExitCode.SETTLED if is_fine else ExitCode.NEEDS_TUTOR


def mark_answers(arguments: argparse.Namespace) -> ExitCode:
    """Mark a file of written answers."""
    from grader.answers.evaluation.command import mark_file

    mark_file(arguments.file, arguments.key, out=arguments.out, stdout=sys.stdout, stderr=sys.stderr)
    return ExitCode.SETTLED


def explain(arguments: argparse.Namespace) -> ExitCode:
    """Print what decided the mark of one written answer."""
    from grader.answers.evaluation.explaining import print_explanation
    from grader.answers.marker.explanation import explain
    from grader.answers.marker.key import load_key
    from grader.report.console.summary import make_console

    key = load_key(arguments.key or _nearest_key())
    print_explanation(explain(key, arguments.part, arguments.answer), make_console())
    return ExitCode.SETTLED


def _nearest_key() -> Path:
    """The key in this folder, or the only one in a folder below it."""
    here = Path("key.toml")
    found = [here] if here.is_file() else sorted(Path().glob("*/key.toml"))
    if len(found) != 1:
        raise UsageFault("explain needs the answer key: add --key FILE.")
    return found[0]


COMMANDS = {
    "grade": grade,
    "merge": merge,
    "render": render,
    "review": review,
    "learn": learn,
    "export": export,
    "similar": similar,
    "diff": diff,
    "doctor": doctor,
    "mark-answers": mark_answers,
    "explain": explain,
}
