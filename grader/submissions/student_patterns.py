"""Match students against the shell patterns that a tutor gives with ``--student``."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Mapping, Sequence

from grader.model import UsageFault
from grader.submissions.naming import printable

_NEAR = 3
"""Near misses that a refusal names."""


def is_named(student: str, patterns: Iterable[str]) -> bool:
    """Whether one of the shell patterns matches this student; a student's exact name always matches."""
    return any(student == pattern or fnmatch.fnmatchcase(student, pattern) for pattern in patterns)


def matching(patterns: Iterable[str], students: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """The ids of the students whom the patterns name, by id or by one of the other names that ``students`` has for it.

    Raises UsageFault, with near misses, for a pattern that names nobody.
    """
    chosen: dict[str, None] = {}
    for pattern in patterns:
        found = [id for id, names in students.items() if any(is_named(name, (pattern,)) for name in (id, *names))]
        if not found:
            known = [name for id, names in students.items() for name in (*names, id) if name]
            raise UsageFault(f"--student: nobody is called {printable(pattern)}. {_advice(pattern, known)}")
        chosen |= dict.fromkeys(found)
    return tuple(chosen)


def _advice(pattern: str, names: Iterable[str]) -> str:
    folded: dict[str, str] = {}
    for name in names:
        folded.setdefault(name.casefold(), name)
    wanted = pattern.casefold()
    near = [name for low, name in folded.items() if wanted in low]
    near += [folded[low] for low in difflib.get_close_matches(wanted, folded, n=_NEAR)]
    meant = [printable(name) for name in dict.fromkeys(near)][:_NEAR]
    return f"Did you mean {' or '.join(meant)}?" if meant else "* stands for any text, as in 'Jane*'."
