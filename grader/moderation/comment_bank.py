"""What tutors wrote before on a question, so that nobody types the same sentence twice.

The run's file of comments holds the sentences and how often each was used, and nothing about students. So it can be
kept, given to colleagues, and carried to the run of another year.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
import tomli_w

from grader.model import Report, UsageFault
from grader.moderation.decisions import STANDARD_REASONS, Decisions
from grader.moderation.student_names import NamesOfMany, names_of
from grader.safe_text import visible
from grader.storage.json_files import encodable, write_file

COMMENTS_FILE = "comments.toml"
MOST = 9
"""Sentences that are offered, one for each digit key."""
_FORMAT = 1
_HEAD = """\
# What tutors wrote on the items of this run, without the names of its students, and how often. To offer these sentences
# in the review of another run: `python -m grader review RUN --comments THIS_FILE`. You may edit them.
"""


class _Comment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    item: str
    text: str
    used: int = 1


class _Content(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    comment: list[_Comment] = []


class CommentBank:
    """The sentences for the run at ``folder``: those in its file, and the reasons and comments in its decisions.

    A sentence with a name, number or address of a student of the run, whose ``reports`` these are, is left out.
    Raises UsageFault if the file is invalid.
    """

    def __init__(self, folder: Path, reports: Iterable[Report]) -> None:
        self._path = folder / COMMENTS_FILE
        self._kept = _read(self._path) if self._path.exists() else {}
        self._names = NamesOfMany(name for one in reports for name in names_of(one.student, one.origin))

    def offered(self, decisions: Decisions, item: str) -> tuple[str, ...]:
        """The sentences on ``item``, most used first, at most MOST; of equally frequent ones the later first."""
        used = [(text, count) for (of, text), count in self._uses(decisions).items() if of == item]
        return tuple(text for text, _ in sorted(used, key=lambda one: -one[1])[:MOST])

    def carry(self, source: Path) -> int:
        """Take over the sentences of another run, or of a file that it wrote, and return how many there are.

        Raises UsageFault if there are none, and if the file is invalid or cannot be written.
        """
        path = source / COMMENTS_FILE if source.is_dir() else source
        if not path.exists():
            advice = " A run gets it when a review of it ends." if source.is_dir() else ""
            raise UsageFault(f"--comments: there is no {visible(str(path))}.{advice}")
        carried = {key: used for key, used in _read(path).items() if not self._names.are_in(key[1])}
        self._write(_merged(self._kept, carried))
        return len(carried)

    def keep(self, decisions: Decisions) -> None:
        """Write the run's file, with the sentences in its decisions; no file if there are none."""
        self._write(self._uses(decisions))

    def _uses(self, decisions: Decisions) -> dict[tuple[str, str], int]:
        """How often each sentence was used: by item and text, the latest first."""
        own: dict[tuple[str, str], int] = {}
        for item, text in _written(decisions):
            own[item, text] = own.get((item, text), 0) + 1
        own = {(item, text): count for (item, text), count in own.items() if not self._names.are_in(text)}
        return _merged(own, self._kept)

    def _write(self, uses: Mapping[tuple[str, str], int]) -> None:
        if uses == self._kept:
            return
        rows = [{"item": encodable(item), "text": encodable(text), "used": used} for (item, text), used in uses.items()]
        try:
            text = tomli_w.dumps({"format": _FORMAT, "comment": sorted(rows, key=lambda row: str(row["item"]))})
            write_file(self._path, (_HEAD + text).encode())
        except OSError as error:
            raise UsageFault(f"{visible(str(self._path))} cannot be written: {error.strerror or error}.") from error
        self._kept = dict(uses)


def _written(decisions: Decisions) -> Iterator[tuple[str, str]]:
    """Item and text of each reason and comment on an item, the latest first; of a group of like entries once."""
    for entry in reversed(decisions.entries):
        text = " ".join(entry.reason.split())
        if text not in STANDARD_REASONS and not (entry.like or entry.request or entry.flag):
            yield entry.item, text


def _merged(first: Mapping[tuple[str, str], int], second: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    """The higher count of each sentence, so that taking over the same file again changes nothing."""
    return {key: max(first.get(key, 0), second.get(key, 0)) for key in (*first, *second)}


def _read(path: Path) -> dict[tuple[str, str], int]:
    try:
        content = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8-sig")), _Content)
    except OSError as error:
        raise UsageFault(f"{visible(str(path))} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:  # not UTF-8, not TOML, or other fields
        raise UsageFault(f"{visible(str(path))} is not a file of comments: {visible(str(error))}.") from error
    if content.format != _FORMAT:
        raise UsageFault(f"{visible(str(path))}: format should be {_FORMAT}.")
    return {(one.item, " ".join(one.text.split())): one.used for one in content.comment if one.text.strip()}
