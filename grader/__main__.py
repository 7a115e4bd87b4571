"""The command line: arguments in, exit codes out. What a command does is written in the module that it calls."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from pathlib import Path
from types import FrameType

from grader import __version__
from grader.model import GraderFault, Status, UsageFault
from grader.text import visible, visible_block

SETTLED, NEEDS_TUTOR, USAGE, FAULT, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 all settled, 1 a tutor is needed, 2 usage, 3 a grader fault, 130 interrupted."""
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="grader", description="Grade the code of Lab 4: a folder of submissions in, marks and reports out."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    grade = commands.add_parser(
        "grade", help="grade a folder of submissions, or a single one", description="Grade every submission below PATH."
    )
    grade.add_argument("path", type=Path, metavar="PATH", help="a folder or zip of submissions, or one submission")
    place = grade.add_mutually_exclusive_group()
    place.add_argument(
        "--out", type=Path, metavar="DIR", help="the folder for this run; an unfinished run there is continued"
    )
    place.add_argument(
        "--reports",
        type=Path,
        default=Path("reports"),
        metavar="DIR",
        help="make a dated folder for this run below DIR, or continue today's (default: %(default)s)",
    )
    grade.add_argument(
        "--data",
        metavar="DIR",
        help="where MNIST lies, or the word digits (default: LAB4_DATA, else the cache, else a download, else digits)",
    )
    grade.add_argument("--rubric", type=Path, metavar="FILE", help="another rubric.toml")
    grade.add_argument("--key", type=Path, metavar="FILE", help="the answer key for Part 1")
    grade.add_argument(
        "--jobs",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="submissions at a time (default: %(default)s)",
    )
    grade.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="auto",
        help="where nets are trained (default: the best there is)",
    )
    grade.add_argument(
        "--isolation",
        choices=["auto", "require", "off"],
        default="auto",
        help="how submissions are held in: as well as this machine can, not below the full level, or by limits alone "
        "(default: %(default)s)",
    )
    grade.add_argument(
        "--worker-prefix",
        default="",
        metavar="COMMAND",
        help="start the worker through this command, a container's for example (docs/tutors.md)",
    )
    grade.add_argument(
        "--student",
        action="append",
        default=[],
        metavar="NAME",
        help="grade this student anew; repeatable, * and ? allowed",
    )
    grade.add_argument(
        "--only-failed", action="store_true", help="look again at those that lost marks; keep the rest as they are"
    )
    grade.add_argument("--remark", action="store_true", help="mark again from stored evidence; no student code is run")
    grade.add_argument(
        "--full-answers", action="store_true", help="tell students on their pages what a full answer mentions"
    )
    grade.add_argument("--quiet", action="store_true", help="print nothing but errors")
    render = commands.add_parser(
        "render",
        help="write the pages and tables of a stored run again",
        description="Write the pages, results.json and marks.csv of RUN again from what is stored, with the decisions "
        "in its overrides.toml. Nothing is run and nothing is marked.",
    )
    render.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    render.add_argument(
        "--full-answers",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="tell students what a full answer mentions (default: as when the run was graded)",
    )
    doctor = commands.add_parser(
        "doctor",
        help="say what this machine can do: isolation, GPU, data, versions",
        description="Say in plain words what this machine can do, and what to do about what is missing.",
    )
    doctor.add_argument("--data", metavar="DIR", help="where MNIST lies (default: LAB4_DATA, else the cache)")
    doctor.add_argument("--worker-prefix", default="", metavar="COMMAND", help="as for grade")
    marker = commands.add_parser(
        "mark-answers",
        help="mark written answers, and compare with marks that are known",
        description='Mark the answers of FILE: a line each, {"id", "part", "answer"} and optionally "gold", "kind".',
    )
    marker.add_argument("file", type=Path, metavar="FILE", help="answers, one JSON object a line")
    marker.add_argument("--key", type=Path, metavar="FILE", help="the answer key (needed)")
    marker.add_argument("--out", type=Path, metavar="FILE", help="write the verdicts here (default: standard output)")
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _grade(arguments: argparse.Namespace) -> int:
    # Imported here, so that --help and a wrong argument answer at once.
    from grader import store
    from grader.answers.key import load_key
    from grader.data import download_with_torchvision, resolve_data, user_cache
    from grader.grading import Selection, grade_cohort
    from grader.report import html
    from grader.report.console import make_console, print_summary
    from grader.report.progress import Progress
    from grader.rubric import load_rubric
    from grader.sandbox import Wish
    from grader.session import Enclosure

    console = make_console()
    rubric = load_rubric(arguments.rubric)
    key = load_key(arguments.key) if arguments.key is not None else None
    data = resolve_data(
        arguments.data, environment=os.environ, cache=user_cache(os.environ), download=download_with_torchvision
    )
    out, earlier = arguments.out, None
    if out is None:
        out, earlier = store.dated_folder(arguments.reports, arguments.path, date.today())
    if data.name != "mnist" and not arguments.quiet:
        console.print("! Nets are measured on scikit-learn's digits, not on MNIST.", style="bold yellow")
    run, reports = grade_cohort(
        arguments.path,
        out,
        rubric=rubric,
        data=data,
        jobs=arguments.jobs,
        device=arguments.device,
        pages=html,
        progress=Progress(console, 0, is_quiet=arguments.quiet),
        selection=Selection(tuple(arguments.student), arguments.only_failed, arguments.remark),
        earlier=earlier,
        enclosure=Enclosure(
            Wish(arguments.isolation), tuple(_secrets(arguments, user_cache(os.environ))), _words(arguments)
        ),
        answer_key=key,
        shows_full_answers=arguments.full_answers,
    )
    if not arguments.quiet:
        print_summary(console, reports, run, out)
    return _exit_code(report.status for report in reports)


def _render(arguments: argparse.Namespace) -> int:
    from grader.finished import load_run, write_views
    from grader.report import html

    finished = load_run(arguments.run)
    if arguments.full_answers is not None:
        finished = finished.showing_full_answers(arguments.full_answers)
    write_views(finished, html)
    return _exit_code(report.status for report in finished.reports)


def _exit_code(statuses: Iterable[Status]) -> int:
    found = set(statuses)
    if Status.ERROR in found:
        return FAULT
    return NEEDS_TUTOR if Status.NEEDS_REVIEW in found else SETTLED


def _doctor(arguments: argparse.Namespace) -> int:
    from grader.data import user_cache
    from grader.doctor import examine
    from grader.report.console import make_console, print_remark

    console = make_console()
    remarks = examine(
        arguments.data, environment=os.environ, cache=user_cache(os.environ), prefix=_words(arguments)
    )
    is_fine = True
    for remark in remarks:
        print_remark(console, remark.subject, remark.text, remark.advice)
        is_fine = is_fine and remark.is_fine
    return SETTLED if is_fine else NEEDS_TUTOR


def _mark_answers(arguments: argparse.Namespace) -> int:
    from grader.answers.command import mark_file

    mark_file(arguments.file, arguments.key, out=arguments.out, stdout=sys.stdout, stderr=sys.stderr)
    return SETTLED


COMMANDS = {"grade": _grade, "render": _render, "doctor": _doctor, "mark-answers": _mark_answers}


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
