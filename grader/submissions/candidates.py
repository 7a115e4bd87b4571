"""Read the files that can be the script, and put them in the order in which they come for it.

:mod:`grader.submissions.script_choice` gives the rules, and chooses.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from grader.lab4.files import SCRIPT
from grader.submissions.files import MIB, Found
from grader.submissions.ignored import SCRIPT_SUFFIXES, is_foreign_script, is_loose, is_test_name
from grader.submissions.naming import copy_number, is_lab_name, natural_key, stem, version, without_version
from grader.submissions.script_content import Content, content_of
from grader.submissions.script_imports import module_files, modules, net_imports
from grader.submissions.script_text import code_pieces, limit

_MOST_READ = 64 * MIB
"""Bytes of one submission's scripts and notebooks; a hostile MiB takes a tenth of a second or more."""
_TORCH = re.compile(r"^[ \t]*(?:import|from)[ \t]+torch\b", re.M)
_PYTHON = re.compile(r"^[ \t]*(?:def[ \t]+\w+[ \t]*\(|(?:import|from)[ \t]+\w)", re.M)
_TESTS = re.compile(r"^[ \t]*(?:def[ \t]+test_\w|(?:import|from)[ \t]+(?:pytest|unittest)\b)", re.M)

_KINDS = {".py": 0, ".pyw": 1, ".ipynb": 2}
_LAB_NAME = "task1cnn"
_ALIKE = 75.0
_SAME = 100.0
"""Percent of the letters of two names that they share."""
_ONE_TIME = 120.0
"""Seconds. An LMS or an editor gives all files of an archive times within these; they do not say which is newer."""

DEFINES, HAS_NETWORK, IS_SCRIPT = 3, 2, 1
"""Tiers of candidates."""


@dataclass(frozen=True)
class Script:
    """A candidate for the script: what its code and its name say."""

    name: str
    tier: int
    content: Content
    imports_net: bool
    is_current: bool
    likeness: float
    version: int
    modified: float
    kind: int
    is_blank: bool
    text_digest: str
    imports: frozenset[str]
    """Files of the submission that it imports."""
    modules: frozenset[str]
    """Top-level names that it imports from anywhere."""

    @property
    def defines_net(self) -> bool:
        """Whether its own code defines ``Net``."""
        return self.content.defines_net

    @property
    def has_lab_name(self) -> bool:
        """Whether it has the lab's own name, in any version."""
        return is_lab_name(PurePosixPath(self.name).name)

    @property
    def alike(self) -> int:
        """2 for a name that contains the lab's own, 1 for a similar name, 0 otherwise."""
        return 2 if self.likeness == _SAME else int(self.likeness >= _ALIKE)


REASONS = (
    "the other is still blank",
    "it defines Net",
    "it is the script that imports Net from the other file",
    "Python cannot read the other",
    "its name does not call it old, a template or a draft, and it has layers and a forward",
    "the other contains less of a network",
    f"its name is closest to {SCRIPT}",
    "its name says that it is the latest version",
    "it is the newest by the times in the archive",
    f"its name is closest to {SCRIPT}",
    "a script comes before a notebook or a text file",
    f"it has the name {SCRIPT}",
    "it is nearest to the top folder",
    f"its name is closest to {SCRIPT}",
)


def order(script: Script) -> tuple[float, ...]:
    """What the candidates are sorted by, least first; :data:`REASONS` says each in words."""
    path, content = PurePosixPath(script.name), script.content
    return (
        -content.is_work,
        -script.tier,
        -(script.has_lab_name and script.imports_net and not script.defines_net),
        -content.parses,
        -(script.is_current and content.is_complete),
        -content.amount,
        -script.alike,
        -script.version,
        -script.modified,
        -script.has_lab_name,
        script.kind,
        -(path.name == SCRIPT),
        len(path.parts),
        -script.likeness,
    )


def read_script(found: Found, local: frozenset[str]) -> Script | None:
    """``found`` as a candidate; None if it is not a script. ``local`` are the names of all files of the submission."""
    path = PurePosixPath(found.name)
    suffix = path.suffix.casefold()
    has_other_suffix = suffix not in SCRIPT_SUFFIXES
    if has_other_suffix and not is_loose(path.name):
        return None
    if is_foreign_script(found.name) or found.size > limit(found.name):
        return None
    pieces = code_pieces(found.path)
    text, content = "\n".join(pieces), content_of(pieces)
    is_code = content.defines_net and _PYTHON.search(text) and (content.parses or ".py" in path.suffixes)
    if has_other_suffix and ("\0" in text or not is_code):
        return None  # code within a text is found like that in other documents
    if is_test_name(path.name) and (not content.defines_net or _TESTS.search(text)):
        return None
    if suffix == ".ipynb" and not (
        content.defines_net or content.has_network or content.has_class or _TORCH.search(text)
    ):
        return None
    imported = {f for module in net_imports(text) for f in module_files(module, path, local)}
    imports_net = bool(imported)
    is_main = imports_net and is_lab_name(path.name)
    imports = modules(text)
    return Script(
        name=found.name,
        tier=DEFINES
        if content.defines_net or is_main
        else HAS_NETWORK
        if content.has_network or content.has_class
        else IS_SCRIPT,
        content=content,
        imports_net=imports_net,
        is_current=_lowest_version(path) > -1000,
        likeness=_likeness(path.name),
        version=_version(path),
        modified=found.modified,
        kind=_KINDS.get(suffix, 3),
        is_blank=not text.strip(),
        text_digest=hashlib.sha256(text.strip().encode("utf-8", "replace")).hexdigest(),
        imports=frozenset(f for m in imports for f in module_files(m, path, local)),
        modules=frozenset(m.lstrip(".").partition(".")[0] for m in imports),
    )


def _version(path: PurePosixPath) -> int:
    name = stem(path.name)
    numbers = [copy_number(part) for part in path.parts[:-1] if part.endswith(")")]
    states = max((version(part) for part in path.parts[:-1]), default=0) + version(name)
    return states + max([copy_number(name), *numbers])


def _lowest_version(path: PurePosixPath) -> int:
    return min(version(part) for part in (*path.parts[:-1], stem(path.name)))


def _likeness(name: str) -> float:
    text = without_version(stem(name))
    if _LAB_NAME in text:
        return _SAME
    return 200 * _shared(text, _LAB_NAME) / (len(text) + len(_LAB_NAME))


def _shared(text: str, other: str) -> int:
    """The length of the longest sequence of letters that two texts have in common, perhaps with others between."""
    best = [0] * (len(other) + 1)
    for letter in text:
        before = list(best)
        for place, one in enumerate(other, 1):
            best[place] = before[place - 1] + 1 if one == letter else max(before[place], best[place - 1])
    return best[-1]


def within_reason(files: Iterable[Found]) -> tuple[list[Found], int]:
    """The files of one submission in which its script is looked for, and the number of scripts left out.

    If they are too large together, the smallest ones are taken.
    """
    files = list(files)
    seen = left_out = 0
    kept = []
    for found in sorted(files, key=lambda f: f.size):
        is_script = PurePosixPath(found.name).suffix.casefold() in SCRIPT_SUFFIXES or is_loose(found.name)
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
    scripts: list[Script] = []
    for found in files:
        # A file that cannot be read must not stop the survey of the cohort; its own submission reports it.
        with contextlib.suppress(OSError):
            scripts += [s] if (s := read_script(found, local)) is not None else []
    scripts = [_with_imported(script, scripts) for script in scripts]
    times = [script.modified for script in scripts]
    if times and (not min(times) or max(times) - min(times) < _ONE_TIME):
        scripts = [replace(script, modified=0.0) for script in scripts]
    return sorted(scripts, key=lambda s: (order(s), natural_key(s.name)))


def _with_imported(script: Script, scripts: list[Script]) -> Script:
    """A script that only imports ``Net`` contains as much of a network as the file that it imports."""
    owners = [s.content for s in scripts if s.name in script.imports and s.defines_net]
    if not script.imports_net or script.defines_net or not owners:
        return script
    best = max(owners, key=lambda content: (content.is_work, content.amount))
    return replace(script, content=replace(best, defines_net=False, parses=best.parses and script.content.parses))
