"""The check ``loads``: the submission is found, parses, gives a Net, and ``Net()`` builds."""

from __future__ import annotations

import re
from decimal import Decimal

from grader.checks.case import Case, failed, passed, review, skipped
from grader.lab4.files import SCRIPT
from grader.model import Finding
from grader.model.evidence import MEASURED, STAGES, Ending, Problem

ENDINGS = {
    "deadline": "did not finish in the time allowed",
    "exit": "ended the Python process",
    "signal": "crashed the Python process",
    "memory": "used more memory than is allowed",
    "crashed": "sent back something that is not evidence",
    "lost": "brought the grader's worker down",
    "unobserved": "showed the grader something that it is not made for",
    "unrecorded": "did not give a network that can be measured",
    "unmeasured": "could not be finished on the recorded network",
}
WAITING = frozenset({"lost", "unobserved", "unrecorded", "unmeasured"})
"""Endings that say nothing against a submission: what they left unseen waits for a tutor."""


def loads(case: Case) -> Finding:
    """The submission is found, parses, Net is extracted, and ``Net()`` builds an nn.Module with no arguments."""
    load, build, ending = case.evidence.load, case.evidence.build, case.evidence.ending
    if load is None:
        return ended(ending, "Reading the script", "load")
    if load.problem is not None:
        return _not_loaded(load.problem)
    if build is None:
        return ended(ending, "Building Net()", "build")
    if build.problem is not None and load.is_blank:
        return failed(
            "Net is still as blank as in the template.",
            "Write __init__, beginning with super().__init__(), and forward.",
        )
    if build.problem is not None:
        return _not_built(build.problem)
    return passed("Net was found and Net() builds.", seen=load.script)


def ended(ending: Ending, what: str, stage: str = "") -> Finding:
    """A stage that left no record: how the worker's process ended says why.

    ``stage`` names it; when an earlier one was under way at the end, the fault is told there and this one is skipped.
    """
    order = [*STAGES, *MEASURED]
    if stage and ending.stage in order and order.index(ending.stage) < order.index(stage):
        return skipped("Not assessed, because the grader's run of this script ended before it.")
    how = ENDINGS.get(ending.kind, "stopped")
    hints = {
        "deadline": "Look for an endless loop, a very long computation, or a wait for input.",
        "exit": "Take out calls to exit(), quit() or os._exit().",
        "memory": "Look for very large layers or tensors, or a list that grows without end.",
    }
    detail = f" ({ending.detail})" if ending.detail else ""
    if ending.kind in WAITING:
        hint = "A tutor should run this script by hand."
        return review(f"{what} {how}{detail}.", proposed=Decimal(0), hint=hint)
    return failed(
        f"{what} {how}{detail}.", hints.get(ending.kind, "Run the script once by itself and look at what it does.")
    )


def place(problem: Problem) -> str:
    """``in task1_cnn.py, line 12`` or ``in cell 3, line 4``; empty when unknown."""
    if problem.cell > 0 and problem.line > 0:
        return f"in cell {problem.cell}, line {problem.line}"
    if problem.line > 0:
        return f"in {problem.file}, line {problem.line}" if problem.file else f"in line {problem.line}"
    return ""


def at(problem: Problem) -> str:
    """The place with a leading space, for the end of a sentence."""
    where = place(problem)
    return f" {where}" if where else ""


def cause(problem: Problem) -> str:
    """The exception as one short clause: its type and its message."""
    message = problem.message.strip().rstrip(".")
    if problem.exception and not message.startswith(problem.exception):
        return f"{problem.exception}: {message}" if message else problem.exception
    return message


def _not_loaded(problem: Problem) -> Finding:
    hint = _LOAD_HINTS.get(problem.kind, "Correct that, and check that the script still runs by itself.")
    message = problem.message.strip().rstrip(".") or "The script could not be read"
    where = place(problem)
    if where and not re.search(r"\bline \d", message, re.IGNORECASE):
        message = f"{message} ({where})"
    return failed(f"{message}.", hint, seen=problem.code.strip())


_LOAD_HINTS = {
    "syntax": f"Correct the line; python3 {SCRIPT} shows the same error.",
    "python2": "The lab runs Python 3: write print(...) with brackets, and correct the other Python 2 lines.",
    "indentation": "Indent the lines of each block by the same four spaces.",
    "tabs": "Use spaces only: let your editor turn every tab into four spaces.",
    "blank-body": "Fill in __init__ and forward; a body needs at least one statement.",
    "encoding": "Save the file as UTF-8.",
    "null-bytes": "Save the file as plain UTF-8 text.",
    "notebook": f"Save the notebook again from Jupyter, or hand in the script as {SCRIPT}.",
    "missing-package": "Net may use torch and the standard library only; do without this package.",
    "no-net": "Call the class Net, as in the template: class Net(nn.Module).",
    "near-miss": "Call the class exactly Net, with a Latin capital N.",
    "not-a-class": "Net must be the class of your network: class Net(nn.Module).",
    "instance": "Let Net be the class itself, not an object made from it: leave the brackets off.",
}


_LACKS_MODULE = re.compile(r"object has no attribute '_(modules|parameters|buffers)'")


def _not_built(problem: Problem) -> Finding:
    if problem.kind == "not-a-module":
        return failed(f"{problem.message}.", "Derive the class from nn.Module: class Net(nn.Module).")
    text = problem.message
    if "before Module.__init__" in text or _LACKS_MODULE.search(text):
        what = "assigns layers before the nn.Module part is set up" if problem.line else "does not set nn.Module up"
        return failed(
            f"Net.__init__ {what}{at(problem)}.",
            "Begin __init__ with super().__init__().",
            expected="super().__init__() first",
            seen=problem.code.strip(),
        )
    if re.search(r"missing \d+ required (positional|keyword-only) argument", text) and "__init__" in text:
        return failed(
            "Net() cannot be built without arguments.",
            "Give each argument of __init__ a default value, so that Net() works by itself.",
            expected="Net()",
            seen=text,
        )
    return failed(
        f"Net() raises an error{at(problem)}: {cause(problem)}.",
        "Correct that line of __init__.",
        seen=problem.code.strip(),
    )
