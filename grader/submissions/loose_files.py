"""Decide which files that lie directly in a cohort's folder are one student's.

Students choose the names of such files, so a name proves nothing. Therefore:

- Files belong together if their names differ only in generic words: ``alice.py`` and ``alice_answers.md``. Anybody can
  add such an answer to a script of somebody else, so the answers of files that were put together wait for a tutor.
- No script replaces another. Of several scripts, the one named like most of the other students' is the student's, then
  the one without a version (``alice.py`` beside ``alice_v9.py``). Every other one is a submission of its own that waits
  for a tutor; if the names leave it open which is the student's, all wait. A script takes along what it imports.
- A document whose name is another's with a version (``alice_answers_v2.md``) waits as a submission of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grader.lab4.files import SCRIPT
from grader.submissions.glance import Glimpse
from grader.submissions.ignored import SCRIPT_SUFFIXES, is_cohort_note, is_document, is_test_name
from grader.submissions.naming import (
    copy_number,
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


def loose_files(paths: Sequence[Path], scripts: Mapping[str, Glimpse]) -> list[Loose]:
    """Every file in a cohort's folder but those about the cohort; ``scripts`` has those that look like scripts."""
    groups = _by_owner(paths, scripts)
    usual = _usual_form(groups, scripts)
    return [loose for group in groups for loose in _divided(group, scripts, usual)]


def _by_owner(paths: Sequence[Path], scripts: Mapping[str, Glimpse]) -> list[list[Path]]:
    known = {stem_of_any(path.name) for path in paths}
    groups: dict[tuple[str, ...], list[Path]] = {}
    for path in paths:
        is_script = not is_test_name(path.name) and (path.name in scripts or is_script_name(path))
        if path.name not in _PACKAGING and (is_script or not is_cohort_note(path.name)):
            name = stem_of_any(path.name)
            name = first if (first := without_copy_mark(name)) in known else name
            groups.setdefault(own_words(name) or (name,), []).append(path)
    return [group for group in groups.values() if any(_names_somebody(path, scripts) for path in group)]


def _names_somebody(path: Path, scripts: Mapping[str, Glimpse]) -> bool:
    is_work = path.name in scripts or is_script_name(path)
    return is_work or not (is_generic(stem_of_any(path.name)) or is_test_name(path.name))


def is_script_name(path: Path) -> bool:
    """Whether a file has a script's suffix or the lab's name for it."""
    return path.suffix.casefold() in SCRIPT_SUFFIXES or stem(path.name) == stem(SCRIPT)


def _works(group: Sequence[Path], scripts: Mapping[str, Glimpse]) -> list[Path]:
    """The files that would be graded as scripts; a notebook without a network has answers."""
    return [p for p in group if p.name in scripts and not is_test_name(p.name)]


def _form(path: Path) -> tuple[str, ...]:
    """The words of a name that name the work, such as ``task1 cnn``."""
    own = set(own_words(stem_of_any(path.name)))
    return tuple(word for word in words(stem_of_any(path.name)) if word not in own)


def _usual_form(groups: Sequence[Sequence[Path]], scripts: Mapping[str, Glimpse]) -> tuple[str, ...] | None:
    """The form of the names of more than half of the students' scripts; None without one."""
    forms = [{_form(path) for path in works} for group in groups if (works := _works(group, scripts))]
    counts = Counter(form for several in forms for form in several).most_common(2)
    if not counts or 2 * counts[0][1] <= len(forms) or (len(counts) > 1 and counts[1][1] == counts[0][1]):
        return None
    return counts[0][0]


def _is_version(path: Path) -> bool:
    name = stem_of_any(path.name)
    return bool(version(name) or copy_number(name)) or without_copy_mark(name) != name


def _divided(group: Sequence[Path], scripts: Mapping[str, Glimpse], usual: tuple[str, ...] | None) -> list[Loose]:
    works = _works(group, scripts)
    documents = [path for path in group if path not in works]
    plain = {without_version(stem_of_any(p.name)) for p in documents if not _is_version(p)}
    versions = [p for p in documents if _is_version(p) and without_version(stem_of_any(p.name)) in plain]
    documents = [path for path in documents if path not in versions]
    rest = works
    for kept in ([p for p in works if _form(p) == usual], [p for p in works if not _is_version(p)]):
        rest = [p for p in rest if p in kept] or rest
    claimers = [p for p in works if p not in rest]
    is_open = len(rest) > 1 or bool(
        rest and not scripts[rest[0].name].has_network and any(scripts[p.name].has_network for p in claimers)
    )
    if is_open:
        rest, claimers = works, []
    claim = f"It may be another student's version of the same work: {_listed(works)}." if is_open else ""
    found = [_with(p, scripts, group, documents, claim) for p in rest]
    if not works and documents:
        id = min((stem_of_any(p.name) for p in documents if _names_somebody(p, scripts)), key=len, default="")
        id = id or stem_of_any(documents[0].name)
        found = [Loose(id, tuple(documents), answers_claim=_put_together(documents))]
    for path in (*claimers, *versions):
        of = printable(found[0].paths[0].name)
        told = f"Its name says that it is another version of {of}, and anybody can choose a name."
        claimed = _with(path, scripts, group, (), told) if path in claimers else Loose(stem_of_any(path.name), (path,))
        found.append(replace(claimed, claim=told, is_version=True))
    return found


def _with(
    script: Path, scripts: Mapping[str, Glimpse], group: Sequence[Path], documents: Sequence[Path], claim: str
) -> Loose:
    """A script with what it imports from the files of the same owner, and with ``documents``."""
    wanted = [script.name]
    for name in wanted:
        wanted += sorted(scripts[name].imports & {p.name for p in group if p.name in scripts} - set(wanted))
    paths = [script, *(p for p in group if p.name in wanted[1:]), *documents]
    return Loose(stem_of_any(script.name), tuple(paths), script.name, claim, _put_together([script, *documents]))


def _put_together(paths: Sequence[Path]) -> str:
    """Why the answers in these files wait; empty if there is only one file."""
    if len(paths) < 2 or not any(is_document(p.name) for p in paths[1:]):
        return ""
    return f"These files were put together by their names, which anybody can choose: {_listed(paths)}."


def _listed(paths: Sequence[Path]) -> str:
    names = [printable(path.name) for path in paths]
    return ", ".join(names[:4]) + (", ..." if len(names) > 4 else "")
