"""Commands as hints name them: the way in which the tutor gives them."""

from __future__ import annotations

import os
import shlex
import subprocess

STARTED_BY_NOX = "LAB4_STARTED_BY_NOX"
"""Set by noxfile.py for the commands that it starts."""
_SESSIONS = frozenset({"grade", "merge", "review", "learn", "similar", "export", "doctor"})
"""Commands for which noxfile.py has a session of the same name."""


def command_line(command: str, *arguments: str) -> str:
    """A command of the grader, quoted for the shell: ``nox -s review -- RUN`` if nox started this process."""
    if os.environ.get(STARTED_BY_NOX) and command in _SESSIONS:
        words = ["nox", "-s", command, *(["--", *arguments] if arguments else [])]
    else:
        words = ["python", "-m", "grader", command, *arguments]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)
