"""Match students against the shell patterns that a tutor gives with ``--student``."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Iterable, Sequence

from grader.model import UsageFault
from grader.submissions.naming import printable

_NEAR = 3
"""Near misses that a refusal names."""


def is_named(student: str, patterns: Iterable[str]) -> bool:
    """Whether one of the shell patterns matches this student; a student's exact name always matches."""
    return any(student == pattern or fnmatch.fnmatchcase(student, pattern) for pattern in patterns)


def matching(patterns: Iterable[str], students: Sequence[str]) -> tuple[str, ...]:
    """The students whom the patterns name. Raises UsageFault, with near misses, for a pattern that names nobody."""
    chosen: dict[str, None] = {}
    for pattern in patterns:
        found = [student for student in students if is_named(student, (pattern,))]
        if not found:
            raise UsageFault(f"--student: nobody is called {printable(pattern)}. {_advice(pattern, students)}")
        chosen |= dict.fromkeys(found)
    return tuple(chosen)


def _advice(pattern: str, students: Sequence[str]) -> str:
    folded = {student.casefold(): student for student in students}
    wanted = pattern.casefold()
    near = [student for low, student in folded.items() if wanted in low]
    near += [folded[low] for low in difflib.get_close_matches(wanted, folded, n=_NEAR)]
    names = [printable(student) for student in dict.fromkeys(near)][:_NEAR]
    return f"Did you mean {' or '.join(names)}?" if names else "* stands for any text, as in 'Jane*'."
