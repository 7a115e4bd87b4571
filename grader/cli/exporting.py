"""The command ``export``: the options for each platform, and the call of its module in :mod:`grader.export`.

Other modules are imported inside the functions, as in :mod:`grader.cli.commands`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from grader.export.outcome import Outcome
    from grader.export.selection import Chosen
    from grader.model import Report


def add_export(export: argparse.ArgumentParser) -> Any:
    """Add a sub-command for each platform. Returns their parsers by name."""
    platforms = export.add_subparsers(dest="platform", required=True, metavar="PLATFORM")
    moodle = _platform(platforms, "moodle", "Fill Moodle's offline grading worksheet, and zip the pages for students.")
    moodle.add_argument("worksheet", type=Path, metavar="WORKSHEET", help="the grading worksheet, as downloaded")
    moodle.add_argument(
        "--out-of", type=_maximum, metavar="N", help="scale marks to N points, the maximum grade in the worksheet"
    )
    moodle.add_argument(
        "--overwrite-comments", action="store_true", help="replace feedback comments that are in the worksheet already"
    )
    return platforms.choices


def _platform(platforms: Any, name: str, description: str) -> argparse.ArgumentParser:
    """A platform's parser with the arguments that all platforms share."""
    added: argparse.ArgumentParser = platforms.add_parser(
        name, help=description[0].lower() + description[1:].rstrip("."), description=description
    )
    added.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    added.add_argument(
        "--settled-only", action="store_true", help="leave out students with anything open, instead of refusing"
    )
    added.add_argument(
        "--apply-late", action="store_true", help="deduct what the late policy says; not if the platform does so too"
    )
    added.add_argument("--out", type=Path, metavar="DIR", help=f"write the files into DIR (default: RUN/export/{name})")
    return added


def _maximum(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal(0)
    if not (value.is_finite() and value > 0):
        raise argparse.ArgumentTypeError("must be a number above 0, such as 20")
    return value


def _moodle(chosen: Chosen, arguments: argparse.Namespace) -> tuple[Callable[[Path], Outcome], tuple[Path, ...]]:
    from grader.export import moodle

    filled = moodle.fill(
        chosen, arguments.worksheet, out_of=arguments.out_of, overwrites_comments=arguments.overwrite_comments
    )
    return filled.write, (arguments.worksheet,)


PLATFORMS = {"moodle": _moodle}
"""For each platform, what writes its files into a folder, and the paths that it reads."""


def export_run(arguments: argparse.Namespace) -> tuple[Report, ...]:
    """Export a run, and print what was written and what was not. Returns the reports that are left open."""
    from grader.export.folder import export_folder, write_export
    from grader.export.outcome import print_outcome
    from grader.export.selection import choose
    from grader.moderation.finished_run import load_run
    from grader.report.console.summary import make_console

    chosen = choose(load_run(arguments.run), settled_only=arguments.settled_only, applies_late=arguments.apply_late)
    folder = arguments.out or export_folder(arguments.run, arguments.platform)
    write, inputs = PLATFORMS[arguments.platform](chosen, arguments)
    print_outcome(make_console(), write_export(folder, write, inputs=inputs), str(folder))
    return chosen.open
