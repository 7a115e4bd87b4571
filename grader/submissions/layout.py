"""Distinguish a submission from a cohort, and find out whose each folder, file and zip is. Unpacks nothing.

The students among the children of a folder are counted:

- Names from an LMS (Moodle, Canvas) always mean a cohort.
- If there is only one folder or zip, its content decides.
- A name is generic if it names work and not a person (``Lab 4``, ``src``, ``part2``).
- If the folder has no script of its own, each folder or zip with a name that is not generic counts. A folder with a
  generic name counts as well if it contains a network, unless the name is a version (``v1``, ``old``).
- Three or more separate documents, scripts, folders and zips with names that are not generic count, unless a document
  or script beside them has a generic name.
- If the folder has scripts of its own, only names that are not generic count: folders with a network, and scripts.
  Scripts that are connected by imports or by name (``cnn_v1``, ``cnn_v2``) count once, and no script counts beside a
  ``task1_cnn``.

Two or more students make a cohort. Then every folder, zip and script in it is a submission, whatever its name, and so
is every other file that is not about the cohort. So a folder with ``task1_cnn.py`` and ``model.py`` is one submission,
and one with ``alice.py`` and ``bob.py`` is two.
"""

from __future__ import annotations

import contextlib
import re
from dataclasses import dataclass
from pathlib import Path

from grader.lab4.files import SCRIPT
from grader.submissions import lms_names
from grader.submissions.candidates import HAS_NETWORK, Script, read_scripts, within_reason
from grader.submissions.files import Found, gather, is_foreign_folder
from grader.submissions.ignored import (
    is_archive,
    is_clutter_file,
    is_clutter_folder,
    is_cohort_note,
    is_document,
    is_test_name,
)
from grader.submissions.naming import (
    is_generic,
    is_lab_name,
    is_version_of,
    natural_key,
    own_words,
    stem,
    without_copy_mark,
)

_PACKAGING = frozenset({"__init__.py", "setup.py"})
_SUFFIX = re.compile(r"\.[a-z][a-z0-9]{0,8}", re.IGNORECASE)
_FEWEST = 3
"""Students of whom some handed in only a document. One student's folder may have two documents with other names."""


@dataclass(frozen=True)
class Children:
    """The children of a folder without clutter, in natural order."""

    folders: tuple[Path, ...]
    archives: tuple[Path, ...]
    files: tuple[Path, ...]
    links: tuple[Path, ...]

    @property
    def boxes(self) -> tuple[Path, ...]:
        """Folders and zips."""
        return self.folders + self.archives

    @property
    def is_empty(self) -> bool:
        """True if there is nothing to grade."""
        return not (self.boxes or self.files or self.links)


def children(folder: Path) -> Children:
    """The children of ``folder``. Links are listed separately and never followed."""
    folders: list[Path] = []
    archives: list[Path] = []
    files: list[Path] = []
    links: list[Path] = []
    for path in sorted(folder.iterdir(), key=lambda p: natural_key(p.name)):
        if path.is_symlink():
            is_wanted = not (is_clutter_folder(path.name) or is_clutter_file(path.name))
            links += [path] if is_wanted else []
        elif path.is_dir():
            is_wanted = not is_clutter_folder(path.name) and not is_foreign_folder(path)
            folders += [path] if is_wanted else []
        elif path.is_file() and not is_clutter_file(path.name):
            (archives if is_archive(path.name) else files).append(path)
    return Children(tuple(folders), tuple(archives), tuple(files), tuple(links))


def origin(path: Path) -> lms_names.Origin | None:
    """Whose a folder or file is, according to Moodle's naming."""
    return lms_names.moodle_folder(path.name) if path.is_dir() else lms_names.moodle_file(path.name)


def is_lms_export(kids: Children) -> bool:
    """True if any name is Moodle's, or at least half of the files have Canvas's names."""
    if any(origin(p) for p in kids.boxes + kids.files):
        return True
    flat = kids.files + kids.archives
    named = [p for p in flat if lms_names.canvas_file(p.name)]
    return bool(named) and 2 * len(named) >= len(flat) and not kids.folders


def lone_box(kids: Children) -> Path | None:
    """The only folder or zip, if there is nothing else except notes about the cohort."""
    if len(kids.boxes) != 1 or kids.links:
        return None
    return kids.boxes[0] if all(is_cohort_note(f.name) and not _is_script_name(f) for f in kids.files) else None


def handed_in(kids: Children) -> Path | None:
    """nbgrader's folder with the submissions, if this is an nbgrader course."""
    names = {p.name for p in kids.folders + kids.files}
    if "submitted" in names and names & {"source", "release", "autograded", "nbgrader_config.py", "gradebook.db"}:
        return next(p for p in kids.folders if p.name == "submitted")
    return None


def scripts_in(kids: Children) -> list[Script]:
    """The scripts directly in a folder."""
    found = []
    for path in kids.files:
        with contextlib.suppress(OSError):  # a file that has disappeared must not stop the survey of a cohort
            found.append(Found(path.name, path, path.stat().st_size))
    return read_scripts(found)


def is_cohort(kids: Children) -> bool:
    """True if at least two children are students."""
    scripts = [s for s in scripts_in(kids) if not is_test_name(s.name)]
    if _count_with_documents(kids) >= _FEWEST:
        return True
    if not scripts:
        return _count_boxes(kids) >= 2
    imported = {module for s in scripts for module in s.modules}
    if sum(box.name in imported and _has_network(box) for box in kids.folders) > 1:
        imported = set()  # one student's network is in one package; other names are guesses at other students
    students = [
        box
        for box in kids.boxes
        if not is_generic(stem(box.name)) and box.name not in imported and (box in kids.archives or _has_network(box))
    ]
    return len(students) + _count_scripts(scripts) >= 2


def has_several_students(kids: Children) -> bool:
    """True if the scripts in a folder are different students'."""
    return _count_scripts([s for s in scripts_in(kids) if not is_test_name(s.name)]) >= 2


def _count_boxes(kids: Children) -> int:
    named = [b for b in kids.boxes if not is_generic(stem(b.name))]
    others = [b for b in kids.folders if b not in named and not is_version_of(b.name)]
    if len(named) >= 2 or not others:
        return len(named) + len(kids.links)
    return len(named) + len(kids.links) + sum(_has_network(b) for b in others)


def _count_with_documents(kids: Children) -> int:
    """The number of students, some with only a document; 0 without such, or if a document has a name of work."""
    written = [p for p in kids.files if is_document(p.name) or _is_script_name(p)]
    mine = [p for p in written if not is_cohort_note(p.name)]
    scripts = {own_words(_stem(p)) for p in mine if _is_script_name(p)}
    owners = {own_words(_stem(p)) for p in mine}
    if owners == scripts or any(is_generic(_stem(p)) for p in written):
        return 0
    return len(owners | {own_words(stem(box.name)) for box in kids.boxes if not is_generic(stem(box.name))})


def _has_network(folder: Path) -> bool:
    try:
        return any(s.tier >= HAS_NETWORK for s in read_scripts(within_reason(gather(folder).files)[0]))
    except OSError:
        return False


def _count_scripts(scripts: list[Script]) -> int:
    """The number of groups of scripts that may be different students'."""
    if any(is_lab_name(s.name) for s in scripts):
        return 0
    owners = {s.name for s in scripts if s.defines_net}
    groups: list[set[object]] = []
    for script in scripts:
        if not is_generic(stem(script.name)):
            # A script takes its Net from one file; more of them are guesses at the names of other students' scripts.
            imports = script.imports if len(script.imports & owners) < 2 else script.imports - owners
            ties: set[object] = {script.name, own_words(stem(script.name)), *imports}
            tied = [g for g in groups if g & ties]
            groups = [g for g in groups if not g & ties] + [ties.union(*tied)]
    return len(groups)


def loose_groups(kids: Children) -> list[tuple[str, tuple[Path, ...]]]:
    """The files directly in a cohort's folder, by student. Names that differ only in generic words belong together,
    and so do ``alice (1)`` and ``alice``.

    The id is the script's stem, or that of another file without a script. Only files about the cohort have no student.
    """
    scripts = {s.name for s in scripts_in(kids) if not is_test_name(s.name)}
    known = {_stem(path) for path in kids.files}
    groups: dict[tuple[str, ...], list[Path]] = {}
    for path in kids.files:
        is_script = path.name in scripts or (_is_script_name(path) and not is_test_name(path.name))
        if path.name not in _PACKAGING and (is_script or not is_cohort_note(path.name)):
            name = _stem(path)
            name = first if (first := without_copy_mark(name)) in known else name
            groups.setdefault(own_words(name) or (name,), []).append(path)
    result = []
    for paths in groups.values():
        mine = [p for p in paths if p.name in scripts] or [p for p in paths if _is_script_name(p)]
        named = [p for p in paths if not is_generic(_stem(p)) and not is_test_name(p.name)]
        if mine or named:
            result.append((min((_stem(p) for p in mine or named), key=len), tuple(paths)))
    return result


def _stem(path: Path) -> str:
    """The name of a file without its suffixes, known or not."""
    name = stem(path.name)
    return name if name != path.name or not _SUFFIX.fullmatch(path.suffix) else path.stem


def _is_script_name(path: Path) -> bool:
    return path.suffix.casefold() in {".py", ".pyw", ".ipynb"} or stem(path.name) == stem(SCRIPT)
