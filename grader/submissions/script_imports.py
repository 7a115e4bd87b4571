"""Find the imports in a script's text with regular expressions.

No expression may backtrack over the same text: a student could stop the run with a line of a million characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import PurePosixPath

_FROM = re.compile(r"^[ \t]*from[ \t]+([.\w]+)[ \t]+import\b", re.M)
_NET_WORD = re.compile(r"\bNet\b")
_LONGEST_IMPORT = 2000
"""Characters after ``import`` that are searched for ``Net``."""
_MOST_MODULES = 500
_IMPORT = re.compile(r"^[ \t]*(?:from[ \t]+([.\w]+)[ \t]+import\b|import[ \t]+([\w., \t]+))", re.M)


def net_imports(text: str) -> Iterator[str]:
    """The modules from which ``Net`` or ``*`` is imported."""
    for match in islice(_FROM.finditer(text), _MOST_MODULES):
        names = text[match.end() : match.end() + _LONGEST_IMPORT].lstrip(" \t")
        end = r"\)" if names.startswith("(") else r"[\n#(]"
        names = re.split(end, names, maxsplit=1)[0]
        if names.startswith("*") or _NET_WORD.search(names):
            yield match[1]


def modules(text: str) -> list[str]:
    """The modules that the text imports, without repetitions; at most as many as a real script may have."""
    found: dict[str, None] = {}
    for match in _IMPORT.finditer(text):
        names = [match[1]] if match[1] else [part.split()[0] for part in match[2].split(",") if part.strip()]
        found |= dict.fromkeys(names)
        if len(found) > _MOST_MODULES:
            break
    return list(found)[:_MOST_MODULES]


def module_files(module: str, importer: PurePosixPath, local: frozenset[str]) -> Iterable[str]:
    """The files of the submission that ``module`` may mean when the file ``importer`` imports it."""
    inner = module.lstrip(".").replace(".", "/")
    if not inner:
        return
    for folder in {importer.parent, PurePosixPath(".")}:
        for name in (f"{inner}.py", f"{inner}/__init__.py"):
            if (full := str(folder / name)) in local and full != str(importer):
                yield full
