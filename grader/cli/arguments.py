"""Defines the command line: each command with its options. For what they do see :mod:`grader.cli.commands`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from grader import __version__
from grader.cli.exporting import add_export
from grader.cli.machines import add_machines
from grader.cli.sharding import add_merge, add_shard
from grader.cli.tutors import add_tutors

_LATE = "a late policy (docs/tutors.md); the run keeps it until another one is given"


class _Parser(argparse.ArgumentParser):
    """A parser whose messages name what was probably meant."""

    commands: Mapping[str, _Parser] = {}

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As in argparse, but an unknown option is refused by the command to which it was given."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            command = self.commands[parsed.command]
            if parsed.command == "export":
                command = command.commands[parsed.platform]
            options = [name for action in command._actions for name in action.option_strings]
            near = [found for word in unknown if word.startswith("-") for found in _similar(word, options)]
            command.error(f"unrecognized arguments: {' '.join(unknown)}{_meant(near)}")
        return parsed

    def error(self, message: str) -> NoReturn:
        """Print the message, with what was probably meant if it lists the choices, and exit."""
        if found := re.fullmatch(r".*invalid choice: '([^']*)' \(choose from (.*)\)", message, re.DOTALL):
            message += _meant(_similar(found[1], re.findall(r"[\w-]+", found[2])))
        super().error(message)


def _similar(word: str, known: Iterable[str]) -> list[str]:
    import difflib  # here, because only a mistake needs it

    names = {name.strip("-"): name for name in known}
    close = difflib.get_close_matches(word.partition("=")[0].strip("-").lower(), names, n=1)
    return [names[name] for name in close]


def _meant(near: Sequence[str]) -> str:
    return f". Did you mean {' '.join(near)}?" if near else ""


def parser() -> _Parser:
    """The parser of the whole command line."""
    whole = _Parser(
        prog="grader", description="Grade the code of Lab 4: a folder of submissions in, marks and reports out."
    )
    whole.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    whole.commands = commands.choices
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
        help="a folder with all of MNIST, or the word mnist to take it from the cache or a download (default: "
        "LAB4_DATA, else the grader's own 10,000 images of MNIST)",
    )
    grade.add_argument("--rubric", type=Path, metavar="FILE", help="another rubric.toml")
    grade.add_argument("--key", type=Path, metavar="FILE", help="the answer key for Part 1")
    grade.add_argument("--late", type=Path, metavar="FILE", help=_LATE)
    add_machines(grade)
    grade.add_argument(
        "--isolation",
        choices=["auto", "require", "off"],
        default="auto",
        help="how submissions are isolated: auto as well as this machine can, require refuses to grade below the full "
        "level, off uses only limits (default: %(default)s)",
    )
    grade.add_argument(
        "--worker-prefix",
        default="",
        metavar="COMMAND",
        help="start the worker with this command, for example in a container (docs/tutors.md)",
    )
    grade.add_argument(
        "--student",
        action="append",
        default=[],
        metavar="NAME",
        help="grade this student again; repeatable, * and ? allowed",
    )
    grade.add_argument(
        "--only-failed", action="store_true", help="grade again only those that lost marks on their code; keep the rest"
    )
    grade.add_argument("--remark", action="store_true", help="mark again from stored evidence; no student code is run")
    grade.add_argument(
        "--full-answers", action="store_true", help="show on students' pages what a full answer mentions"
    )
    add_shard(grade)
    grade.add_argument(
        "--quiet", action="store_true", help="print nothing but errors, and that isolation is below full"
    )
    grade.add_argument("--verbose", action="store_true", help="also print the time of each stage and what isolates")
    grade.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    merge = commands.add_parser(
        "merge",
        help="make one run of the runs of all shards",
        description="Write the run of a whole cohort to OUT from the runs of its shards, with their decisions. "
        "Nothing is run and nothing is marked.",
    )
    add_merge(merge)
    render = commands.add_parser(
        "render",
        help="write the pages and tables of a stored run again",
        description="Write the pages, results.json and marks.csv of RUN again from stored reports and the decisions in "
        "its overrides.toml. Nothing is run and nothing is marked.",
    )
    render.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    render.add_argument(
        "--full-answers",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="show on students' pages what a full answer mentions (default: as when the run was graded)",
    )
    render.add_argument("--late", type=Path, metavar="FILE", help=_LATE)
    _add_review(
        commands.add_parser(
            "review",
            help="decide what waits for a tutor, one entry at a time",
            description="Go through everything in RUN that waits for a tutor. Each decision is saved at once in its "
            "overrides.toml; the automatic marks are kept. Press ? for the keys.",
        )
    )
    learn = commands.add_parser(
        "learn",
        help="turn tutors' decisions into samples, and show how far they agree with the grader",
        description="Show how far the grader and the tutors of RUN agree on the written answers, and add the tutors' "
        "marks to the samples of the key. You are asked before anything is written.",
    )
    learn.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    learn.add_argument("--key", type=Path, metavar="FILE", help="the answer key whose samples grow")
    learn.add_argument("--yes", action="store_true", help="do not ask, for scripts")
    learn.add_argument("--replace", action="store_true", help="replace samples with the same text and another mark")
    export = commands.add_parser(
        "export",
        help="write the files that a learning platform takes back",
        description="Write the marks and pages of RUN as files for a learning platform. Nothing is run or marked.",
    )
    export.commands = add_export(export)
    _add_similar(
        commands.add_parser(
            "similar",
            help="show which works share what chance does not explain",
            description="Compare the works of RUN, and write a page with the pairs that share most. It is evidence for "
            "a person and changes no mark. Nothing is run.",
        )
    )
    diff = commands.add_parser(
        "diff",
        help="show whose marks differ between two runs, and why",
        description="Compare the marks of two stored runs, with their decisions applied. Exit code 0: no mark differs; "
        "1: some marks differ.",
    )
    diff.add_argument("first", type=Path, metavar="RUN_A", help="the folder of a run")
    diff.add_argument("second", type=Path, metavar="RUN_B", help="the folder of another run")
    diff.add_argument("--json", action="store_true", help="print one JSON object instead")
    doctor = commands.add_parser(
        "doctor",
        help="show what this machine can do: isolation, GPU, data, versions",
        description="Show what this machine can do, and what to do about anything that is missing.",
    )
    doctor.add_argument("--data", metavar="DIR", help="as for grade")
    doctor.add_argument("--worker-prefix", default="", metavar="COMMAND", help="as for grade")
    marker = commands.add_parser(
        "mark-answers",
        help="mark written answers, and compare with known marks",
        description='Mark the answers in FILE, each on a line: {"id", "part", "answer"} and optionally "gold", "kind".',
    )
    marker.add_argument("file", type=Path, metavar="FILE", help="answers, one JSON object on each line")
    marker.add_argument("--key", type=Path, metavar="FILE", help="the answer key (required)")
    marker.add_argument("--out", type=Path, metavar="FILE", help="write the findings here (default: standard output)")
    explain = commands.add_parser(
        "explain",
        help="show what decided the mark of one written answer",
        description="Mark ANSWER, and show the ideas in it, the most similar sample answers and what decided.",
    )
    explain.add_argument("answer", metavar="ANSWER", help="the answer, in quotes")
    explain.add_argument("--part", required=True, metavar="PART", help="the part that it answers, such as 7c")
    explain.add_argument(
        "--key",
        type=Path,
        metavar="FILE",
        help="the answer key (default: key.toml in this folder, or in the one folder below it that has one)",
    )
    return whole


def _add_review(review: argparse.ArgumentParser) -> None:
    review.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    review.add_argument(
        "--by",
        choices=["question", "student"],
        default="question",
        help="group entries by question or by student (default: %(default)s)",
    )
    review.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="ITEM",
        help="only this part (7c) or item (structure.conv); part1: submissions without readable answers; repeatable",
    )
    review.add_argument(
        "--student", action="append", default=[], metavar="NAME", help="only this student; repeatable, * and ? allowed"
    )
    settled = review.add_mutually_exclusive_group()
    settled.add_argument("--all", action="store_true", help="show settled entries as well, for second marking")
    settled.add_argument(
        "--audit",
        type=_percentage,
        metavar="SHARE",
        help="mark this share of the settled answers, such as 10%%, without seeing the grader's marks",
    )
    review.add_argument(
        "--requests",
        type=Path,
        metavar="FILE",
        help="students' requests to look at marks again: a CSV file with student, item and words, or a folder of them",
    )
    review.add_argument(
        "--comments", type=Path, metavar="RUN_OR_FILE", help="also offer what tutors wrote in the review of another run"
    )
    review.add_argument("--anonymous", action="store_true", help="show numbers instead of names")
    review.add_argument(
        "--author", metavar="NAME", help="the tutor who decides (default: LAB4_TUTOR, else your user name)"
    )
    add_tutors(review)
    where = review.add_mutually_exclusive_group()
    where.add_argument("--terminal", action="store_true", help="in this terminal (default without a browser to open)")
    where.add_argument("--page", action="store_true", help="on a page of this computer (default with a browser)")
    review.add_argument("--port", type=_port, metavar="N", help="the port of the page (default: a free one)")


def _add_similar(similar: argparse.ArgumentParser) -> None:
    similar.add_argument("run", type=Path, metavar="RUN", help="the folder of a run")
    similar.add_argument(
        "--key", type=Path, metavar="FILE", help="the answer key, whose samples say which answers are usual"
    )
    similar.add_argument(
        "--handout", type=Path, metavar="DIR", help="the folder that students were given, which is no sign"
    )


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not a port: write a number from 1 to 65535")
    return int(text)


def _percentage(text: str) -> Decimal:
    number = text.strip().removesuffix("%").strip()
    if not (number.isascii() and number.isdecimal()) or not 1 <= int(number) <= 100:
        raise argparse.ArgumentTypeError("must be a percentage from 1% to 100%")
    return Decimal(number) / 100
