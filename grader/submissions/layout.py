"""Distinguish a submission from a cohort, and find out whose each folder, file and zip is, by names and a cheap look.

Only the outermost level counts: what a student handed in is never divided, whatever the names in it. The students
among the children of a folder are counted:

- Names from an LMS (Moodle, Canvas) always mean a cohort.
- If there is only one folder or zip, its content decides.
- If all folders and zips have nothing but names from an LMS in them, they are a tutor's tutorial groups. If only some
  have, they are students' who gave their files such names, and assembly holds them for a tutor.
- A name is generic if it names work and not a person (``Lab 4``, ``src``, ``part2``).
- If the folder has no script of its own, each folder or zip with a name that is not generic counts. A folder with a
  generic name counts as well if it contains a network, unless the name is a version (``v1``, ``old``).
- Three or more separate documents, scripts, folders and zips with names that are not generic count, unless a document
  or script beside them has a generic name.
- If the folder has scripts of its own, only names that are not generic count: folders with a network, and scripts.
  Scripts that are connected by imports or by name (``cnn_v1``, ``cnn_v2``) count once. Beside a ``task1_cnn``, scripts
  count only if there are two or more with networks that it does not import.

Two or more students make a cohort. Then every folder, zip and script in it is a submission, whatever its name, and so
is every other file that is not about the cohort. So a folder with ``task1_cnn.py`` and ``model.py`` is one submission,
and one with ``alice.py`` and ``bob.py`` is two.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from grader.submissions import lms_names
from grader.submissions.archives import top_names
from grader.submissions.files import Found, gather, is_foreign_folder
from grader.submissions.glance import Glimpse, has_network, scripts_among
from grader.submissions.ignored import (
    is_archive,
    is_clutter_file,
    is_clutter_folder,
    is_cohort_note,
    is_document,
    is_test_name,
)
from grader.submissions.loose_files import Loose, is_script_name, loose_files
from grader.submissions.naming import (
    is_generic,
    is_lab_name,
    is_version_of,
    natural_key,
    own_words,
    stem,
    stem_of_any,
)

_NBGRADER = frozenset({"submitted", "source", "release", "autograded", "feedback", "downloaded"})
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


def moodle_name(path: Path) -> lms_names.PlatformName | None:
    """Whose a folder or file is, according to Moodle's naming."""
    return lms_names.moodle_folder(path.name) if path.is_dir() else lms_names.moodle_file(path.name)


def source_of(path: Path) -> lms_names.PlatformName | None:
    """Whose a child of an LMS export is, according to its name."""
    return moodle_name(path) or (None if path.is_dir() else lms_names.canvas_file(path.name))


def style_of_platform(kids: Children, sources: Mapping[Path, lms_names.PlatformName]) -> str:
    """The style in which a platform named the children of an LMS export; empty if no style has most of its kind.

    A platform names all in one way. A name in another way, or one of a few such names among many others, is a student's
    or a tutor's. ``sources`` are the children with an LMS's names.
    """
    style, _ = Counter({source.key: source.style for source in sources.values()}.values()).most_common(1)[0]
    kind = kids.folders if style == lms_names.MOODLE_FOLDER else kids.archives + kids.files
    named = sum(path in sources and sources[path].style == style for path in kind)
    return style if 2 * named > sum(path in sources or not is_cohort_note(path.name) for path in kind) else ""


def is_lms_export(kids: Children) -> bool:
    """True if any name is Moodle's, or at least half of the files have Canvas's names."""
    if any(map(moodle_name, kids.boxes + kids.files)):
        return True
    return not kids.folders and lms_names.are_canvas(p.name for p in kids.files + kids.archives)


def hold_exports(kids: Children) -> bool:
    """True if all children are a tutor's downloads from an LMS, such as a folder or zip for each tutorial group.

    If only some are, or one has a student's name, it is a student who gave these names to files.
    """
    if kids.links or not kids.boxes or not all(is_cohort_note(p.name) for p in kids.files):
        return False
    if any(moodle_name(p) or lms_names.canvas_file(p.name) for p in kids.boxes):
        return False
    filled = [box for box in kids.boxes if box.is_file() or not _is_empty(box)]
    return bool(filled) and all(map(_is_export, filled))


def _is_empty(folder: Path) -> bool:
    with contextlib.suppress(OSError):
        return children(folder).is_empty
    return False


def _is_export(box: Path) -> bool:
    if box.is_file():
        return _names_are_export(top_names(box))
    with contextlib.suppress(OSError):
        kids = children(box)
        if len(kids.archives) == 1 and not kids.folders and not kids.files:
            return _names_are_export(top_names(kids.archives[0]))
        return not kids.links and _names_are_export([p.name for p in kids.boxes + kids.files])
    return False


def _names_are_export(names: Sequence[str]) -> bool:
    """True if all names but those about the cohort are an LMS's."""
    theirs = [name for name in names if not (is_clutter_folder(name) or is_clutter_file(name))]
    named = {n for n in theirs if lms_names.moodle_folder(n) or lms_names.moodle_file(n) or lms_names.canvas_file(n)}
    return bool(named) and all(name in named or is_cohort_note(name) for name in theirs)


def lone_box(kids: Children) -> Path | None:
    """The only folder or zip, if there is nothing else except notes about the cohort."""
    if len(kids.boxes) != 1 or kids.links:
        return None
    return kids.boxes[0] if all(is_cohort_note(f.name) and not is_script_name(f) for f in kids.files) else None


def handed_in(kids: Children) -> Path | None:
    """nbgrader's folder with the submissions, if this is an nbgrader course and nobody's work is beside it."""
    names = {p.name for p in kids.folders + kids.files}
    is_course = names & {"source", "release", "autograded", "nbgrader_config.py", "gradebook.db"}
    others = [p for p in kids.boxes if p.name not in _NBGRADER and not is_generic(stem(p.name))]
    if "submitted" in {p.name for p in kids.folders} and is_course and not others:
        return next(p for p in kids.folders if p.name == "submitted")
    return None


def scripts_in(kids: Children) -> list[Glimpse]:
    """The scripts directly in a folder."""
    found = []
    for path in kids.files:
        with contextlib.suppress(OSError):  # a file that has disappeared must not stop the survey of a cohort
            found.append(Found(path.name, path, path.stat().st_size))
    return scripts_among(found)


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
    count = len(named) + len(kids.links)
    if len(named) >= 2:
        return count
    others = [b for b in kids.folders if b not in named and not is_version_of(b.name)]
    exports = sum(_is_export(b) for b in kids.boxes if b not in named)
    return count + max(exports, sum(map(_has_network, others)))


def _count_with_documents(kids: Children) -> int:
    """The number of students, some with only a document; 0 without such, or if a document has a name of work."""
    written = [p for p in kids.files if is_document(p.name) or is_script_name(p)]
    mine = [p for p in written if not is_cohort_note(p.name)]
    scripts = {own_words(stem_of_any(p.name)) for p in mine if is_script_name(p)}
    owners = {own_words(stem_of_any(p.name)) for p in mine}
    if owners == scripts or any(is_generic(stem_of_any(p.name)) for p in written):
        return 0
    return len(owners | {own_words(stem(box.name)) for box in kids.boxes if not is_generic(stem(box.name))})


def _has_network(folder: Path) -> bool:
    try:
        return has_network(gather(folder).files)
    except OSError:
        return False


def _count_scripts(scripts: list[Glimpse]) -> int:
    """The number of groups of scripts that may be different students'."""
    owners = {s.name for s in scripts if s.defines_net}
    groups: list[set[object]] = []
    for script in scripts:
        if not is_generic(stem(script.name)):
            # A script takes its Net from one file; more of them are guesses at the names of other students' scripts.
            imports = script.imports if len(script.imports & owners) < 2 else script.imports - owners
            ties: set[object] = {script.name, own_words(stem(script.name)), *imports}
            tied = [g for g in groups if g & ties]
            groups = [g for g in groups if not g & ties] + [ties.union(*tied)]
    main = [s for s in scripts if is_lab_name(s.name)]
    if main:  # one student's, with other scripts beside it; or one file with the lab's name among those of students
        wanted = {name for s in main for name in s.imports if len(s.imports & owners) < 2}
        networks = {s.name for s in scripts if s.has_network}
        groups = [g for g in groups if g & networks and not g & wanted]
        return len(groups) if len(groups) >= 2 else 0
    return len(groups)


def loose_in(kids: Children) -> list[Loose]:
    """The files directly in a cohort's folder, by student."""
    scripts = {s.name: s for s in scripts_in(kids)}
    return loose_files(kids.files, scripts, boxes=[stem(box.name) for box in kids.boxes])
