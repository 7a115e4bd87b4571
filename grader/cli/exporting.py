"""The command ``export``: the options for each platform, and the call of its module in :mod:`grader.export`.

Other modules are imported inside the functions, as in :mod:`grader.cli.commands`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grader.model.origin import CANVAS, GRADESCOPE, MOODLE, NBGRADER

if TYPE_CHECKING:
    from grader.export.outcome import Outcome
    from grader.export.selection import Chosen
    from grader.model import Report

    Writing = tuple[Callable[[Path], Outcome], tuple[Path, ...]]
    """What writes the files of an export into a folder, and the paths that it reads."""

DOLOS = "dolos"
"""Not a learning platform: it gets scripts and no marks."""


def add_export(export: argparse.ArgumentParser) -> Any:
    """Add a sub-command for each platform. Returns their parsers by name."""
    platforms = export.add_subparsers(dest="platform", required=True, metavar="PLATFORM")
    moodle = _platform(platforms, MOODLE, "Fill Moodle's offline grading worksheet, and zip the pages for students.")
    moodle.add_argument("worksheet", type=Path, metavar="WORKSHEET", help="the grading worksheet, as downloaded")
    moodle.add_argument(
        "--out-of", type=_maximum, metavar="N", help="scale marks to N points, the maximum grade in the worksheet"
    )
    moodle.add_argument(
        "--overwrite-comments", action="store_true", help="replace feedback comments that are in the worksheet already"
    )
    canvas = _platform(platforms, CANVAS, "Fill one column of Canvas's gradebook, and zip the pages for students.")
    canvas.add_argument("gradebook", type=Path, metavar="GRADEBOOK.csv", help="the gradebook, as exported")
    canvas.add_argument(
        "--column", default="", metavar="TITLE", help='the assignment\'s column, with its number: "Lab 4 (4567)"'
    )
    canvas.add_argument(
        "--rubric", type=Path, metavar="FILE", help="fill this export of the rubric's assessments as well"
    )
    canvas.add_argument(
        "--criteria",
        type=Path,
        metavar="FILE",
        help='what the rubric\'s criteria stand for, in TOML: "CNN design" = ["structure", "forward"]',
    )
    canvas.add_argument("--out-of", type=_maximum, metavar="N", help="scale marks to N points, the maximum in Canvas")
    _platform(platforms, GRADESCOPE, "Write a results.json for each submission, for an autograder of Gradescope.")
    nbgrader = _platform(platforms, NBGRADER, "Lay out the pages for students as the feedback of an nbgrader course.")
    nbgrader.add_argument("course", type=Path, metavar="COURSE", help="the folder of the course, with submitted/")
    nbgrader.add_argument("--assignment", default="", metavar="NAME", help="the assignment, if there are several")
    dolos = platforms.add_parser(
        DOLOS,
        help="write the scripts for Dolos, which compares code",
        description="Write the stored scripts and an info.csv for Dolos, which compares source code.",
    )
    _add_places(dolos, DOLOS)
    return platforms.choices


def _platform(platforms: Any, name: str, description: str) -> argparse.ArgumentParser:
    """A platform's parser with the arguments that all platforms share."""
    added: argparse.ArgumentParser = platforms.add_parser(
        name, help=description[0].lower() + description[1:].rstrip("."), description=description
    )
    _add_places(added, name)
    added.add_argument(
        "--settled-only", action="store_true", help="leave out students with anything open, instead of refusing"
    )
    added.add_argument(
        "--apply-late", action="store_true", help="deduct what the late policy says; not if the platform does so too"
    )
    return added


def _add_places(added: argparse.ArgumentParser, name: str) -> None:
    added.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    added.add_argument("--out", type=Path, metavar="DIR", help=f"write the files into DIR (default: RUN/export/{name})")


def _maximum(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and value > 0):
        raise argparse.ArgumentTypeError("must be a number above 0, such as 20")
    return value


def _moodle(chosen: Chosen, arguments: argparse.Namespace) -> Writing:
    from grader.export import moodle

    filled = moodle.fill(
        chosen, arguments.worksheet, out_of=arguments.out_of, overwrites_comments=arguments.overwrite_comments
    )
    return filled.write, (arguments.worksheet,)


def _canvas(chosen: Chosen, arguments: argparse.Namespace) -> Writing:
    from grader.export import canvas
    from grader.export.canvas_rubric import read_rubric
    from grader.export.gradebook import read_gradebook

    book = read_gradebook(arguments.gradebook, title=chosen.title, column=arguments.column)
    rubric = None
    if arguments.rubric is not None:
        rubric = read_rubric(arguments.rubric, chosen.settled, arguments.criteria)
    filled = canvas.fill(chosen, book, rubric=rubric, out_of=arguments.out_of)
    return filled.write, tuple(filter(None, (arguments.gradebook, arguments.rubric, arguments.criteria)))


def _gradescope(chosen: Chosen, arguments: argparse.Namespace) -> Writing:
    from grader.export import gradescope

    return gradescope.results(chosen).write, ()


def _nbgrader(chosen: Chosen, arguments: argparse.Namespace) -> Writing:
    from grader.export import nbgrader

    return nbgrader.feedback(chosen, arguments.course, assignment=arguments.assignment).write, (arguments.course,)


PLATFORMS = {MOODLE: _moodle, CANVAS: _canvas, GRADESCOPE: _gradescope, NBGRADER: _nbgrader}
"""For each platform, what writes its files into a folder, and the paths that it reads."""


def export_run(arguments: argparse.Namespace) -> tuple[Report, ...]:
    """Export a run, and print what was written and what was not. Returns the reports that are left open."""
    from grader.export.folder import export_folder, write_export
    from grader.export.outcome import print_outcome
    from grader.export.selection import choose
    from grader.moderation.finished_run import load_run
    from grader.report.console.summary import make_console

    folder = arguments.out or export_folder(arguments.run, arguments.platform)
    if arguments.platform == DOLOS:
        from grader.export.dolos import scripts

        print_outcome(
            make_console(), write_export(folder, scripts(load_run(arguments.run)).write, inputs=()), str(folder)
        )
        return ()
    chosen = choose(load_run(arguments.run), settled_only=arguments.settled_only, applies_late=arguments.apply_late)
    write, inputs = PLATFORMS[arguments.platform](chosen, arguments)
    print_outcome(make_console(), write_export(folder, write, inputs=inputs), str(folder))
    return chosen.open
