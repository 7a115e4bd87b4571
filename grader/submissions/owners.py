"""Divide the members of a cohort's archive among the students, so that each has a budget of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from grader.submissions.ignored import is_cohort_note
from grader.submissions.lms_names import canvas_file, moodle_file, moodle_folder


def below_root(paths: Sequence[str]) -> list[str]:
    """The POSIX paths of files without the folders that contain all of them, except for notes about the cohort."""
    depth = _depth([path.split("/") for path in paths])
    return [_below(path, depth) for path in paths]


def owners_among(paths: Sequence[str]) -> Callable[[str], str]:
    """A function from a path, of the given files or another one, to its student: by a platform's name or a folder.

    ``paths`` are POSIX paths of files. Folders around the whole cohort do not count. Within tutorial groups, a
    platform's names are one level down; this holds only if all groups have them, because a student can write such names
    too.
    """
    depth = _depth([path.split("/") for path in paths])
    inner = {tuple(_below(path, depth).split("/")[:2]) for path in paths}
    is_grouped = all(len(parts) > 1 and not _platforms(parts[0]) and _platforms(parts[1]) for parts in inner)

    def owner_of(path: str) -> str:
        parts = _below(path, depth).split("/")
        level = 1 if is_grouped and len(parts) > 1 else 0
        return "/".join((*parts[:level], _platforms(parts[level]) or parts[level]))

    return owner_of


def _below(path: str, depth: int) -> str:
    parts = path.split("/")
    return "/".join(parts[depth:] or parts[-1:])


def _platforms(name: str) -> str | None:
    named = moodle_folder(name) or moodle_file(name) or canvas_file(name)
    return named.key if named else None


def _depth(split: Sequence[Sequence[str]]) -> int:
    depth = 0
    while True:
        rest = [parts for parts in split if len(parts) > depth + 1 or not is_cohort_note(parts[-1])]
        if not rest or any(len(parts) <= depth + 1 for parts in rest) or len({parts[depth] for parts in rest}) > 1:
            return depth
        if moodle_folder(rest[0][depth]):
            return depth
        depth += 1
