"""Choose the script among a submission's files by their text and names, with regular expressions.

The rules, in this order:

1. A file that defines ``Net`` comes before one with another network, and that before any other script. A
   ``task1_cnn.py`` that imports ``Net`` from a module of the submission counts as defining it. It comes before that
   module. If the importing script has another name, the module is chosen.
2. Files that are not called old, a template or a draft.
3. The file with more of a network in it.
4. A name like ``task1_cnn``.
5. A later version, by its name.
6. A script before a notebook before a text file.
7. The file nearest to the top folder, then the one whose name comes first.

Test files and files in a folder of solutions are never chosen. Modification times do not count.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from rapidfuzz import fuzz

from grader.lab4.files import SCRIPT
from grader.model import Flag
from grader.submissions.files import MIB, Found
from grader.submissions.ignored import LOOSE_SUFFIXES, SCRIPT_SUFFIXES, is_foreign_script, is_test_name
from grader.submissions.naming import is_lab_name, natural_key, printable, stem, version, without_version
from grader.submissions.script_imports import module_files, modules, net_imports
from grader.submissions.script_text import code_text, limit

_NET_CLASS = re.compile(r"^[ \t]*class[ \t]+Net[ \t]*[(:\[]", re.M)
_NET_NAME = re.compile(r"^[ \t]*Net[ \t]*(?::[^=\n]*)?=(?!=)", re.M)
_MOST_READ = 64 * MIB
"""Bytes of one submission's scripts and notebooks; a hostile MiB takes a tenth of a second or more."""
_MOST_FLAGS = 3
_NETWORK = re.compile(r"^[ \t]*class[ \t]+\w+[ \t]*\([^)\n]*\bModule\b", re.M)
_TORCH = re.compile(r"^[ \t]*(?:import|from)[ \t]+torch\b", re.M)
_CONV = re.compile(r"conv", re.I)
_FORWARD = re.compile(r"\bforward\b")
_PYTHON = re.compile(r"^[ \t]*(?:def[ \t]+\w+[ \t]*\(|(?:import|from)[ \t]+\w)", re.M)
_TESTS = re.compile(r"^[ \t]*(?:def[ \t]+test_\w|(?:import|from)[ \t]+(?:pytest|unittest)\b)", re.M)

_KINDS = {".py": 0, ".pyw": 1, ".ipynb": 2}
_ALIKE = 75.0

DEFINES, HAS_NETWORK, IS_SCRIPT = 3, 2, 1
"""Tiers of candidates."""


@dataclass(frozen=True)
class Script:
    """A candidate for the script: what its text and its name say."""

    name: str
    tier: int
    defines_net: bool
    imports_net: bool
    is_current: bool
    content: int
    likeness: float
    version: int
    kind: int
    is_blank: bool
    text_digest: str
    imports: frozenset[str]
    """Files of the submission that it imports."""
    modules: frozenset[str]
    """Top-level names that it imports from anywhere."""

    @property
    def alike(self) -> int:
        """2 for the lab's own name in any version, 1 for a similar name, 0 otherwise."""
        return 2 if is_lab_name(PurePosixPath(self.name).name) else int(self.likeness >= _ALIKE)


@dataclass(frozen=True)
class Choice:
    """The candidates, best first; flags for the tutor; and the problem if there is no candidate."""

    candidates: tuple[str, ...]
    flags: tuple[Flag, ...]
    problem: str = ""


_REASONS = (
    "it defines Net",
    "it is the script that imports Net from the other file",
    "its name does not call it old, a template or a draft",
    "the other contains less of a network",
    f"its name is closest to {SCRIPT}",
    "its name says that it is the latest version",
    "a script comes before a notebook or a text file",
    f"it has the name {SCRIPT}",
    "it is nearest to the top folder",
    f"its name is closest to {SCRIPT}",
)


def _order(script: Script) -> tuple[float, ...]:
    path = PurePosixPath(script.name)
    return (
        -script.tier,
        -(script.alike == 2 and script.imports_net and not script.defines_net),
        -script.is_current,
        -script.content,
        -script.alike,
        -script.version,
        script.kind,
        -(path.name == SCRIPT),
        len(path.parts),
        -script.likeness,
    )


def read_script(found: Found, local: frozenset[str]) -> Script | None:
    """``found`` as a candidate; None if it is not a script. ``local`` are the names of all files of the submission."""
    path = PurePosixPath(found.name)
    suffix = path.suffix.casefold()
    is_loose = suffix in LOOSE_SUFFIXES
    if suffix not in SCRIPT_SUFFIXES and not is_loose:
        return None
    if is_foreign_script(found.name) or found.size > limit(found.name):
        return None
    text = code_text(found.path)
    defines = bool(_NET_CLASS.search(text) or _NET_NAME.search(text))
    has_network = bool(_NETWORK.search(text))
    if is_loose and ("\0" in text or not (_NET_CLASS.search(text) and _PYTHON.search(text))):
        return None
    if is_test_name(path.name) and (not defines or _TESTS.search(text)):
        return None
    if suffix == ".ipynb" and not (defines or has_network or _TORCH.search(text)):
        return None
    imported = {f for module in net_imports(text) for f in module_files(module, path, local)}
    imports_net = bool(imported)
    is_main = imports_net and is_lab_name(path.name)
    imports = modules(text)
    return Script(
        name=found.name,
        tier=DEFINES if defines or is_main else HAS_NETWORK if has_network else IS_SCRIPT,
        defines_net=defines,
        imports_net=imports_net,
        is_current=_lowest_version(path) > -1000,
        content=has_network + bool(_CONV.search(text)) + bool(_FORWARD.search(text)),
        likeness=_likeness(path.name),
        version=_version(path),
        kind=_KINDS.get(suffix, 3),
        is_blank=not text.strip(),
        text_digest=hashlib.sha256(text.strip().encode("utf-8", "replace")).hexdigest(),
        imports=frozenset(f for m in imports for f in module_files(m, path, local)),
        modules=frozenset(m.lstrip(".").partition(".")[0] for m in imports),
    )


def _version(path: PurePosixPath) -> int:
    return max((version(part) for part in path.parts[:-1]), default=0) + version(stem(path.name))


def _lowest_version(path: PurePosixPath) -> int:
    return min(version(part) for part in (*path.parts[:-1], stem(path.name)))


def _likeness(name: str) -> float:
    text = without_version(stem(name))
    return 100.0 if "task1cnn" in text else fuzz.ratio(text, "task1cnn")


def within_reason(files: Iterable[Found]) -> tuple[list[Found], int]:
    """The files of one submission in which its script is looked for, and the number of scripts left out.

    If they are too large together, the smallest ones are taken.
    """
    files = list(files)
    seen = left_out = 0
    kept = []
    for found in sorted(files, key=lambda f: f.size):
        is_script = PurePosixPath(found.name).suffix.casefold() in SCRIPT_SUFFIXES | LOOSE_SUFFIXES
        seen += found.size if is_script and found.size <= limit(found.name) else 0
        if seen > _MOST_READ and is_script:
            left_out += found.size <= limit(found.name)
        else:
            kept.append(found.name)
    names = set(kept)
    return [f for f in files if f.name in names], left_out


def read_scripts(files: Iterable[Found]) -> list[Script]:
    """All files that can be the script, best first."""
    files = list(files)
    local = frozenset(f.name for f in files)
    scripts = []
    for found in files:
        # A file that cannot be read must not stop the survey of the cohort; its own submission reports it.
        with contextlib.suppress(OSError):
            scripts += [s] if (s := read_script(found, local)) is not None else []
    return sorted(scripts, key=lambda s: (_order(s), natural_key(s.name)))


def choose(files: Iterable[Found], *, is_named_by_student: bool) -> Choice:
    """Choose the script. If ``is_named_by_student``, its name is the student's name and needs no flag."""
    files = list(files)
    large = _too_large(files)
    flags = [Flag("script-too-large", text) for text in large[:_MOST_FLAGS]]
    looked_at, left_out = within_reason(files)
    if left_out:
        message = f"{left_out} of the scripts were not read, because all scripts together are too large."
        flags.append(Flag("scripts-not-read", message))
    scripts = read_scripts(looked_at)
    filled = [s for s in scripts if not s.is_blank]
    if not filled:
        return Choice((), tuple(flags), _why_none(scripts, files, large))
    scripts, chosen = filled, filled[0]
    best = chosen.tier
    candidates = [s for s in scripts if s.tier == best or s.tier >= HAS_NETWORK]
    several = _several(chosen, [s for s in candidates if s.tier == best])
    if not is_named_by_student and not _has_lab_name(chosen.name):
        flags.append(Flag("renamed-script", _renamed(chosen)))
    if several:
        flags.append(Flag("several-scripts", several))
    return Choice(tuple(s.name for s in candidates), tuple(flags))


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
    names = ", ".join(printable(s.name) for s in scripts[:5]) + (", ..." if len(scripts) > 5 else "")
    return (
        f"{len(scripts)} {what} ({names}); {printable(chosen.name)} was graded because {_reason(chosen, scripts[1])}."
    )


def _reason(chosen: Script, second: Script) -> str:
    for mine, other, reason in zip(_order(chosen), _order(second), _REASONS, strict=True):
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
