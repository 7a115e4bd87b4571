"""A member of an archive, the limits of unpacking, and the refusal of an archive, in words that all formats share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

from grader.submissions.files import MIB
from grader.submissions.naming import printable

RATIO = 200
RATIO_FROM = 16 * MIB
"""Text compresses some 5 to 50 times; deflate's limit is 1032. Small files may compress better by chance."""
DAMAGED = "is broken or is not an archive; please send it again as a .zip"
UNREADABLE_COMPRESSION = "uses a compression that cannot be read; please make an ordinary .zip"
_TOGETHER = "is not unpacked: the archives of this submission contain too much together"
GROWS = f"grows more than {RATIO}-fold when unpacked"


class Refused(Exception):
    """An archive that is not unpacked; the message is the end of a sentence that begins with its name.

    ``unpacked`` counts the bytes that were unpacked until then, and removed again.
    """

    unpacked = 0


@dataclass(frozen=True)
class Limits:
    """Limits for an unpacked archive: members, bytes together, and bytes of one file.

    ``is_rest`` says that they are what other archives of the same submission have left.
    """

    members: int
    size: int
    file_size: int
    is_rest: bool = False

    def after(self, members: int, size: int) -> Limits:
        """What an archive with so many members and bytes leaves for the next one."""
        left = max(0, self.size - size)
        return Limits(max(0, self.members - members), left, min(self.file_size, left), is_rest=True)


@dataclass(frozen=True)
class Member:
    """A member: its name as stored, and its bytes in the archive.

    ``fault`` says why it must not be unpacked (the end of a sentence that begins with the archive's name), or is empty.
    ``modified`` is its time in seconds; 0 if it is not known.
    """

    name: str
    is_folder: bool
    packed: int
    modified: float
    fault: str
    open: Callable[[], IO[bytes]]


def unopened(kind: str) -> str:
    """The reason for an archive whose format is not opened."""
    return f"is a {kind} archive, which cannot be opened here; please send a .zip"


def too_large(limits: Limits) -> str:
    """The reason for an archive whose members together exceed the limit."""
    if limits.is_rest:
        return _TOGETHER
    return f"unpacks to more than {limits.size // MIB} MiB"


def too_many(limits: Limits, members: int = 0) -> str:
    """The reason for an archive with more than the allowed number of members; with ``members``, it names theirs."""
    if limits.is_rest:
        return _TOGETHER
    if members:
        return f"contains {members} files; at most {limits.members} are unpacked"
    return f"contains more than {limits.members} files"


def kind_fault(name: str, *, is_link: bool, is_special: bool) -> str:
    """The fault of a link or of a pipe, socket or device; empty for files and folders."""
    if is_link:
        return f"contains a link ({printable(name)}); links are not followed"
    return f"contains something that is not an ordinary file ({printable(name)})" if is_special else ""
