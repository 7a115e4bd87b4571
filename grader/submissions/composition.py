"""Make a submission of the files that a student handed in: a folder with all of them, the script and the documents."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from grader.model import Submission
from grader.submissions.files import Found, copy_files, digest, tidied
from grader.submissions.ignored import is_document
from grader.submissions.naming import clean_component, natural_key
from grader.submissions.script_choice import Choice, choose


@dataclass(frozen=True)
class Composition:
    """A submission, and how its script was chosen. Its flags and its problem are those of the choice."""

    submission: Submission
    choice: Choice


def compose(
    id: str, files: list[Found], scratch: Path, *, is_named_by_student: bool = False, main: str = ""
) -> Composition:
    """The submission of these files. They are copied below ``scratch`` if they are not all in one folder.

    ``is_named_by_student`` and ``main`` are those of :func:`choose`. Raises OSError if a file cannot be read.
    """
    root, files = _rooted(files, scratch)
    choice = choose(files, is_named_by_student=is_named_by_student, main=clean_component(main) if main else "")
    script = choice.candidates[0] if choice.candidates else None
    submission = Submission(
        id=id,
        root=root,
        script=script,
        files=tuple(f.name for f in files),
        digest=digest((f.name, f.path) for f in files),
        candidates=choice.candidates,
        documents=tuple(f.name for f in files if is_document(f.name) and f.name != script),
        problem="" if script else choice.problem,
        flags=choice.flags,
        has_network=choice.has_network,
    )
    return Composition(submission, choice)


def _rooted(files: list[Found], scratch: Path) -> tuple[Path, list[Found]]:
    """A folder with ``files`` under names that are safe to show; copied below ``scratch`` if needed."""
    tidy = sorted(tidied(files), key=lambda f: natural_key(f.name))
    roots = {_root(f) for f in tidy}
    if len(roots) == 1 and (root := next(iter(roots))) is not None:
        return root, tidy
    root = Path(tempfile.mkdtemp(prefix="files-", dir=scratch))
    copy_files(((f.name, f.path) for f in tidy), root)
    return root, [replace(f, path=root / f.name) for f in tidy]


def _root(found: Found) -> Path | None:
    """The folder in which ``found`` has exactly its name; None if there is none, or if its path cannot be shown."""
    parts = PurePosixPath(found.name).parts
    if found.path.parts[-len(parts) :] != parts:
        return None
    root = found.path.parents[len(parts) - 1]
    return root if all(clean_component(p) == p for p in root.parts[1:]) else None
