"""Choose the script among a submission's files by their code and names.

The rules, in this order; :mod:`grader.submissions.script_content` judges the code:

1. A file whose network somebody has begun to write: the blank template never comes before work.
2. A file that defines ``Net`` comes before one with another network, and that before any other script. A
   ``task1_cnn.py`` that imports ``Net`` from a module of the submission counts as defining it. It comes before that
   module. If the importing script has another name, the module is chosen.
3. A file that Python can read.
4. A network with layers and a ``forward``, in a file that is not called old, a template or a draft.
5. The file with more of a network in it.
6. A name like ``task1_cnn``.
7. The newest: the later version or higher number by its name, then by the times that an archive gives its files.
8. A script before a notebook before a text file.
9. The file nearest to the top folder, then the one whose name comes first.

Test files and files in a folder of solutions are never chosen. Times outside an archive do not count: copying and
downloading change them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from grader.lab4.files import SCRIPT
from grader.model import Flag
from grader.submissions.candidates import (
    DEFINES,
    HAS_NETWORK,
    IS_SCRIPT,
    REASONS,
    Script,
    order,
    read_scripts,
    within_reason,
)
from grader.submissions.files import MIB, Found
from grader.submissions.ignored import SCRIPT_SUFFIXES, is_foreign_script
from grader.submissions.naming import printable, stem
from grader.submissions.script_text import limit

_MOST_FLAGS = 3


@dataclass(frozen=True)
class Choice:
    """The candidates, best first; flags for the tutor; and the problem if there is no candidate.

    ``left_out`` counts scripts that were not considered: they are too large, or in a folder of solutions or handouts.
    ``has_network`` says that somebody has begun to write a network in one of the scripts. ``reason`` says why the first
    candidate was chosen and not the file with the lab's name at the top; empty if it is that file.
    """

    candidates: tuple[str, ...]
    flags: tuple[Flag, ...]
    problem: str = ""
    left_out: int = 0
    has_network: bool = False
    reason: str = ""


def choose(files: Iterable[Found], *, is_named_by_student: bool, main: str = "") -> Choice:
    """Choose the script. If ``is_named_by_student``, its name is the student's name and needs no flag.

    ``main`` is the only file that may be the script unless it is blank; empty if any may.
    """
    files = list(files)
    large = _too_large(files)
    flags = [Flag("script-too-large", text) for text in large[:_MOST_FLAGS]]
    looked_at, left_out = within_reason(files)
    if left_out:
        message = f"{left_out} of the scripts were not read, because all scripts together are too large."
        flags.append(Flag("scripts-not-read", message))
    read = read_scripts(looked_at)
    filled = [s for s in read if not s.is_blank]
    filled = [s for s in filled if s.name == main] or filled
    if not filled:
        left_out += len(large) + sum(is_foreign_script(f.name) and f.name.casefold().endswith(".py") for f in files)
        return Choice((), tuple(flags), _why_none(read, files, large), left_out)
    scripts, chosen = filled, filled[0]
    best = chosen.tier
    candidates = [s for s in scripts if s.tier == best or s.tier >= HAS_NETWORK]
    several = _several(chosen, [s for s in candidates if s.tier >= best])
    if not is_named_by_student and not _has_lab_name(chosen.name):
        flags.append(Flag("renamed-script", _renamed(chosen)))
    if several:
        flags.append(Flag("several-scripts", several))
    has_network = any(s.content.is_work for s in scripts)
    names = tuple(s.name for s in candidates)
    return Choice(names, tuple(flags), has_network=has_network, reason=_preferred(chosen, read))


def _preferred(chosen: Script, scripts: list[Script]) -> str:
    """Why ``chosen`` comes before the file with the lab's name at the top."""
    named = next((s for s in scripts if s.name == SCRIPT), None)
    if chosen.name == SCRIPT:
        return ""
    if named is None:
        return f"there is no {SCRIPT} beside it"
    return f"{SCRIPT} is empty" if named.is_blank else _reason(chosen, named).replace("the other", SCRIPT)


def _has_lab_name(name: str) -> bool:
    """True for the lab sheet's file name, as a script or notebook, perhaps with a number from a browser or LMS."""
    base = re.sub(r"(?:\s*\(\d{1,2}\)|-\d{1,2})$", "", PurePosixPath(name).stem)
    return base == stem(SCRIPT) and PurePosixPath(name).suffix.casefold() in {".py", ".ipynb"}


def _renamed(chosen: Script) -> str:
    why = {
        DEFINES: "it defines Net" if chosen.defines_net else "it imports Net",
        HAS_NETWORK: "it contains a network, although none called Net",
        IS_SCRIPT: "it is the likeliest script, although it contains no network",
    }[chosen.tier]
    return f"The script is called {printable(chosen.name)}, not {SCRIPT}; it was graded because {why}."


def _several(chosen: Script, rivals: list[Script]) -> str:
    """One sentence if other files could be the script; copies of the same text and imported files do not count."""
    unlike: dict[str, Script] = {}
    for rival in rivals:
        if rival.name not in chosen.imports:
            unlike.setdefault(rival.text_digest, rival)
    scripts = list(unlike.values())
    if len(scripts) < 2:
        return ""
    what = {
        DEFINES: "files define Net",
        HAS_NETWORK: "files contain a network and none defines Net",
        IS_SCRIPT: "scripts were found and none contains a network",
    }[chosen.tier]
    if any(s.tier > chosen.tier for s in scripts):
        what = "files could be the script"
    names = ", ".join(printable(s.name) for s in scripts[:5]) + (", ..." if len(scripts) > 5 else "")
    return (
        f"{len(scripts)} {what} ({names}); {printable(chosen.name)} was graded because {_reason(chosen, scripts[1])}."
    )


def _reason(chosen: Script, second: Script) -> str:
    for mine, other, reason in zip(order(chosen), order(second), REASONS, strict=True):
        if mine != other:
            return reason
    return "its name comes first"


def _too_large(files: list[Found]) -> list[str]:
    return [
        f"{printable(f.name)} was not considered: it has {f.size / MIB:.1f} MiB "
        f"and a script may have {limit(f.name) // MIB} MiB."
        for f in files
        if PurePosixPath(f.name).suffix.casefold() in SCRIPT_SUFFIXES and f.size > limit(f.name)
    ]


def _why_none(scripts: list[Script], files: list[Found], large: list[str]) -> str:
    if large:
        return large[0]
    if scripts:
        return f"{printable(scripts[0].name)} is empty."
    if not files:
        return "The folder is empty."
    names = [printable(f.name) for f in files]
    shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
    if any(is_foreign_script(f.name) and f.name.casefold().endswith(".py") for f in files):
        return f"The only scripts are in a folder of solutions or handouts, which is not graded ({shown})."
    return f"No Python script with a network was found; handed in: {shown}."
