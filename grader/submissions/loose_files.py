"""Decide which files that lie directly in a cohort's folder are one student's.

Students choose the names of such files, so a name proves nothing. Therefore:

- Files belong together if their names differ only in generic words: ``alice.py`` and ``alice_answers.md``. Anybody can
  add such a file to those of somebody else, so answers wait for a tutor if several files may have them.
- No script replaces another. Of several scripts, the one named like most of the other students' is the student's, then
  the one without a version (``alice.py`` beside ``alice_v9.py``). Every other one is a submission of its own that waits
  for a tutor; if the names leave it open which is the student's, all wait. A script takes along what it imports.
- Another file whose name is one of theirs with a version (``alice_answers_v2.md``) waits as a submission of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.lab4.files import SCRIPT
from grader.submissions.glance import Glimpse
from grader.submissions.ignored import SCRIPT_SUFFIXES, is_cohort_note, is_document, is_test_name
from grader.submissions.naming import (
    copy_number,
    folded,
    is_generic,
    own_words,
    printable,
    stem,
    stem_of_any,
    version,
    without_copy_mark,
    without_version,
    words,
)

_PACKAGING = frozenset({"__init__.py", "setup.py"})
_MOST_IMPORTED = 20
_TABLE = "experiment"
"""In the name of a student's table of experiments, which otherwise looks like a file about the cohort."""


@dataclass(frozen=True)
class Loose:
    """The loose files of one student, or one that claims to be a student's.

    ``script`` is the name of the only file that may be the script, or empty. ``claim`` says why everything waits for a
    tutor, ``answers_claim`` why the answers do; both are empty if nothing is open. ``is_version`` says that its name
    claims to be a version of another one's.
    """

    id: str
    paths: tuple[Path, ...]
    script: str = ""
    claim: str = ""
    answers_claim: str = ""
    is_version: bool = False


def loose_files(paths: Sequence[Path], scripts: Mapping[str, Glimpse], *, boxes: Sequence[str]) -> list[Loose]:
    """Every file in a cohort's folder but those about the cohort.

    ``scripts`` has those that look like scripts, ``boxes`` the names of the folders and archives beside them.
    """
    groups = _by_owner(paths, scripts, {*boxes, *(stem_of_any(path.name) for path in paths)})
    usual = _usual_form(groups.values(), scripts)
    owners = {_owner(box): box for box in boxes}
    return [
        _beside(owners[owner], loose) if owner in owners else loose
        for owner, group in groups.items()
        for loose in _divided(group, scripts, usual)
    ]


def _beside(box: str, loose: Loose) -> Loose:
    """Files named after the student of a folder or archive, which may be that student's; equal names are told later."""
    is_clear = folded(loose.id) == folded(box) or (_is_version(box) and not _is_version(loose.id))
    return loose if is_clear else replace(loose, claim=_told(box), is_version=True)


def claim_of_box(box: str, boxes: Iterable[str], scripts: Iterable[str]) -> str:
    """Why the work in a folder or archive may be another student's; empty if it is not open.

    ``boxes`` are the names of all folders and archives at that place, ``scripts`` those of the students with a loose
    script. Equal names are told later.
    """
    is_version = _is_version(box)
    rivals = [name for name in scripts if _owner(name) == _owner(box) and folded(name) != folded(box)]
    rivals += [name for name in boxes if is_version and without_version(name) == without_version(box) and name != box]
    plain = [name for name in rivals if not _is_version(name)]
    if not plain:
        return ""
    return _told(plain[0]) if is_version else _doubt([box, *plain])


def _owner(name: str) -> tuple[str, ...]:
    return own_words(without_copy_mark(name))


def _doubt(names: Sequence[str]) -> str:
    return f"It may be another student's version of the same work: {_listed(names)}."


def _told(name: str) -> str:
    return f"Its name says that it is another version of {printable(name)}, and anybody can choose a name."


def _by_owner(
    paths: Sequence[Path], scripts: Mapping[str, Glimpse], known: Collection[str]
) -> dict[tuple[str, ...], list[Path]]:
    """The files by the words of their names that may name a person; ``known`` are the names without copy marks."""
    groups: dict[tuple[str, ...], list[Path]] = {}
    for path in paths:
        is_script = not is_test_name(path.name) and (path.name in scripts or is_script_name(path))
        is_note = is_cohort_note(path.name) and _TABLE not in path.name.casefold()
        if path.name not in _PACKAGING and (is_script or not is_note):
            name = stem_of_any(path.name)
            name = first if (first := without_copy_mark(name)) in known else name
            groups.setdefault(own_words(name) or (name,), []).append(path)
    return {own: group for own, group in groups.items() if any(_names_somebody(path, scripts) for path in group)}


def _names_somebody(path: Path, scripts: Mapping[str, Glimpse]) -> bool:
    name = path.name
    is_work = name in scripts or is_script_name(path)
    return is_work or not (is_generic(stem_of_any(name)) or is_test_name(name) or is_cohort_note(name))


def is_script_name(path: Path) -> bool:
    """Whether a file has a script's suffix or the lab's name for it."""
    return path.suffix.casefold() in SCRIPT_SUFFIXES or stem(path.name) == stem(SCRIPT)


def _works(names: Iterable[str], scripts: Mapping[str, Glimpse]) -> list[str]:
    """The files that would be graded as scripts; a notebook without a network has answers."""
    return [name for name in names if name in scripts and not is_test_name(name)]


def _form(name: str) -> tuple[str, ...]:
    """The words of a name that name the work, such as ``task1 cnn``."""
    own = set(own_words(stem_of_any(name)))
    return tuple(word for word in words(stem_of_any(name)) if word not in own)


def _usual_form(groups: Iterable[Sequence[Path]], scripts: Mapping[str, Glimpse]) -> tuple[str, ...] | None:
    """The form of the names of more than half of the students' scripts; None without one."""
    forms = [{_form(name) for name in _works((p.name for p in group), scripts)} for group in groups]
    forms = [several for several in forms if several]
    counts = Counter(form for several in forms for form in several).most_common(2)
    if not counts or 2 * counts[0][1] <= len(forms) or (len(counts) > 1 and counts[1][1] == counts[0][1]):
        return None
    return counts[0][0]


def _is_version(name: str) -> bool:
    bare = stem_of_any(name)
    return bool(version(bare) or copy_number(bare)) or without_copy_mark(bare) != bare


def _divided(group: Sequence[Path], scripts: Mapping[str, Glimpse], usual: tuple[str, ...] | None) -> Iterator[Loose]:
    """The files of one owner as one submission, and others for the files that claim to be that owner's."""
    here = {path.name: path for path in group}
    works = _works(here, scripts)
    plain = {without_version(stem_of_any(name)) for name in here if not _is_version(name)}
    others = [name for name in here if name not in set(works)]
    versions = [name for name in others if _is_version(name) and without_version(stem_of_any(name)) in plain]
    documents = [name for name in others if name not in set(versions)]
    needed = {name: _needed(name, scripts, here) for name in works}
    main = _main(works, usual)
    rivals = [name for name in works if name not in needed.get(main, ())]
    has_network = {name: any(scripts[file].has_network for file in needed[name]) for name in works}
    if main and not has_network[main] and any(has_network[name] for name in rivals):
        main = ""
    doubt = "" if main else _doubt(works)
    for name in [main] if main else works:
        files = (*needed[name], *documents)
        yield Loose(stem_of_any(name), tuple(here[file] for file in files), name, doubt, _put_together(documents))
    if documents and not works:
        first = min(documents, key=lambda name: (not _names_somebody(here[name], scripts), len(stem_of_any(name))))
        yield Loose(stem_of_any(first), tuple(here[name] for name in documents), answers_claim=_put_together(documents))
    for name in (*(rivals if main else ()), *versions):
        paths = tuple(here[file] for file in needed.get(name, (name,)))
        yield Loose(
            stem_of_any(name), paths, name if name in needed else "", _told(main or group[0].name), is_version=True
        )


def _main(works: Sequence[str], usual: tuple[str, ...] | None) -> str:
    """The script that is the student's by its name; empty if there is none, or if several may be."""
    rest = list(works)
    for kept in ({name for name in works if _form(name) == usual}, {name for name in works if not _is_version(name)}):
        rest = [name for name in rest if name in kept] or rest
    return rest[0] if len(rest) == 1 else ""


def _needed(script: str, scripts: Mapping[str, Glimpse], here: Collection[str]) -> list[str]:
    """A script, and the scripts of the same owner that it imports, directly or not."""
    wanted = [script]
    for name in wanted:
        if len(wanted) < _MOST_IMPORTED:
            wanted += sorted(
                file for file in scripts[name].imports if file in here and file in scripts and file not in wanted
            )
    return wanted


def _put_together(names: Sequence[str]) -> str:
    """Why the answers in these files wait; empty if only one of them may have answers, and one a table."""
    answers = [name for name in names if is_document(name)]
    if len(answers) < 2 and len(names) - len(answers) < 2:
        return ""
    return f"These files were put together by their names, which anybody can choose: {_listed(names)}."


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(printable, names[:4])) + (", ..." if len(names) > 4 else "")
