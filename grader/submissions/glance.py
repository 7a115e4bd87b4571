"""A cheap look at scripts, by which the survey tells a submission from a cohort before anything is graded.

Nothing is parsed as Python: a look reads at most 1 MiB and takes time in proportion to it, whatever a student wrote.
:mod:`grader.submissions.candidates` reads scripts in earnest, when a submission's turn comes.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from grader.submissions.files import MIB, Found
from grader.submissions.ignored import SCRIPT_SUFFIXES, is_foreign_script, is_loose, is_test_name
from grader.submissions.script_imports import module_files, modules

_MOST_CODE = MIB // 4
"""Characters of one script's code that are looked at; the lab's script has about ten thousand."""
_MOST_FILES = 60
_MOST_BYTES = 8 * MIB
"""Limits of a look into one folder; the template and its answers together have 30 kB."""
_NET = ("class Net(", "class Net:", "class Net ", "\nNet =", "\nNet=", "\nNet:")
_NETWORK = (*_NET, "nn.Module", "(Module)", "Sequential(")


@dataclass(frozen=True)
class Glimpse:
    """A script at a glance. ``modules`` are top-level names that it imports, ``imports`` files beside it among them."""

    name: str
    defines_net: bool
    has_network: bool
    modules: frozenset[str]
    imports: frozenset[str]


def scripts_among(files: Iterable[Found]) -> list[Glimpse]:
    """The files that look like scripts, in the order given. A file that cannot be read is left out."""
    files = list(files)
    local = frozenset(found.name for found in files)
    seen = []
    for found in files:
        with contextlib.suppress(OSError):  # its own submission reports it
            seen += [glimpse] if (glimpse := _glimpse(found, local)) else []
    return seen


def has_network(files: Iterable[Found]) -> bool:
    """Whether a script among the files of one folder seems to contain a network; only the smallest files are read."""
    scripts = sorted((f for f in files if _may_be_script(f.name)), key=lambda f: f.size)
    total = 0
    for found in scripts[:_MOST_FILES]:
        total += min(found.size, MIB)
        if total > _MOST_BYTES:
            return False
        if any(glimpse.has_network for glimpse in scripts_among([found])):
            return True
    return False


def imports_of(found: Found, beside: Iterable[str]) -> frozenset[str]:
    """The files, of those with the names ``beside``, that a script imports. Raises OSError if it cannot be read."""
    return _files_of(modules(_code(found.path)), PurePosixPath(found.name), frozenset(beside))


def _files_of(names: Iterable[str], importer: PurePosixPath, local: frozenset[str]) -> frozenset[str]:
    return frozenset(file for name in names for file in module_files(name, importer, local))


def _may_be_script(name: str) -> bool:
    path = PurePosixPath(name)
    return not is_foreign_script(name) and (path.suffix.casefold() in SCRIPT_SUFFIXES or is_loose(path.name))


def _glimpse(found: Found, local: frozenset[str]) -> Glimpse | None:
    if not _may_be_script(found.name):
        return None
    path = PurePosixPath(found.name)
    text = _code(found.path)
    defines_net = any(mark in text for mark in _NET)
    is_network = any(mark in text for mark in _NETWORK)
    names = modules(text)
    is_python = path.suffix.casefold() in SCRIPT_SUFFIXES - {".ipynb"}
    if not (is_python or (is_network and names)) or (is_test_name(path.name) and not defines_net):
        return None
    return Glimpse(
        name=found.name,
        defines_net=defines_net,
        has_network=is_network,
        modules=frozenset(name.lstrip(".").partition(".")[0] for name in names),
        imports=_files_of(names, path, local),
    )


def _code(path: Path) -> str:
    r"""The first MiB of a script, or of a notebook's code, with ``\n`` in front of each line."""
    with path.open("rb") as stream:
        raw = stream.read(MIB)
    text = raw.replace(b"\0", b"").decode("utf-8", "replace")
    if path.suffix.casefold() == ".ipynb":
        text = _cells(text)
    return "\n" + text[:_MOST_CODE].replace("\r\n", "\n").replace("\r", "\n")


def _cells(text: str) -> str:
    """The code of a notebook; of one that is damaged, or longer than was read, its lines in quotes."""
    try:
        cells = json.loads(text)["cells"]
        sources = [cell["source"] for cell in cells if cell["cell_type"] == "code"]
        return "\n".join("".join(source) for source in sources)
    except (ValueError, RecursionError, TypeError, KeyError):
        return text.replace("\\n", "\n").replace('"', "")
