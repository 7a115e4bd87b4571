"""The check ``loads``: the script is found and can be read, it defines Net, and ``Net()`` works."""

from __future__ import annotations

import re
from decimal import Decimal

from grader.checks.case import Case, failed, passed, review, skipped
from grader.model import Finding
from grader.model.evidence import MEASURED, STAGES, Ending, Problem

ENDINGS = {
    "deadline": "did not finish within the time limit",
    "exit": "ended the Python process",
    "signal": "crashed the Python process",
    "memory": "used more memory than is allowed",
    "crashed": "sent invalid data back to the grader",
    "lost": "crashed the grader's worker process",
    "unobserved": "used something that the grader does not support",
    "unrecorded": "did not give a network that can be measured",
    "unmeasured": "could not be finished on the recorded network",
}
WAITING = frozenset({"lost", "unobserved", "unrecorded", "unmeasured"})
"""Endings that are not the submission's fault: a tutor checks what they left unchecked."""


def loads(case: Case) -> Finding:
    """The script is found and can be read, and ``Net()`` gives an nn.Module without arguments."""
    load, build, ending = case.evidence.load, case.evidence.build, case.evidence.ending
    if load is None:
        return ended(ending, "Reading the script", "load")
    if load.problem is not None:
        return _not_loaded(load.problem)
    if build is None:
        return ended(ending, "Building Net()", "build")
    if build.problem is not None and load.is_blank:
        return failed(
            "Net is still blank, as in the template.",
            "Write __init__, which begins with super().__init__(), and forward.",
        )
    if build.problem is not None:
        return _not_built(build.problem)
    return passed("The script defines Net, and Net() works.", seen=load.script)


def ended(ending: Ending, what: str, stage: str = "") -> Finding:
    """The finding when a stage left no record. It says how the worker process ended.

    ``what`` is the subject of the sentence. If the process ended in a stage before ``stage``, the check of that earlier
    stage reports the fault, and this one is skipped.
    """
    order = [*STAGES, *MEASURED]
    if stage and ending.stage in order and order.index(ending.stage) < order.index(stage):
        return skipped("Not checked, because the grader's run of this script ended earlier.")
    how = ENDINGS.get(ending.kind, "stopped")
    hints = {
        "deadline": "Look for an endless loop, a very long computation, or a call to input().",
        "exit": "Remove calls to exit(), quit() or os._exit().",
        "memory": "Look for very large layers or tensors, or a list that never stops growing.",
    }
    detail = f" ({ending.detail})" if ending.detail else ""
    if ending.kind in WAITING:
        hint = "A tutor should run this script by hand."
        return review(f"{what} {how}{detail}.", proposed=Decimal(0), hint=hint)
    return failed(
        f"{what} {how}{detail}.",
        hints.get(ending.kind, "Run the script yourself with python task1_cnn.py, and look at what it does."),
    )


def place(problem: Problem) -> str:
    """``in task1_cnn.py, line 12`` or ``in cell 3, line 4``; empty when unknown."""
    if problem.cell > 0 and problem.line > 0:
        return f"in cell {problem.cell}, line {problem.line}"
    if problem.line > 0:
        return f"in {problem.file}, line {problem.line}" if problem.file else f"in line {problem.line}"
    return ""


def at(problem: Problem) -> str:
    """The place of a problem with a space before it, for the end of a sentence; empty when unknown."""
    where = place(problem)
    return f" {where}" if where else ""


def cause(problem: Problem) -> str:
    """The exception as one short clause: its type and its message."""
    message = problem.message.strip().rstrip(".")
    if problem.exception and not message.startswith(problem.exception):
        return f"{problem.exception}: {message}" if message else problem.exception
    return message


def _not_loaded(problem: Problem) -> Finding:
    hint = _LOAD_HINTS.get(
        problem.kind, "Correct this, and then run python task1_cnn.py to see whether the script works."
    )
    message = problem.message.strip().rstrip(".") or "The script could not be read"
    where = place(problem)
    if where and not re.search(r"\bline \d", message, re.IGNORECASE):
        message = f"{message} ({where})"
    return failed(f"{message}.", hint, seen=problem.code.strip())


_LOAD_HINTS = {
    "syntax": "Correct that line; python task1_cnn.py shows the same error.",
    "python2": "The lab uses Python 3: write print(...) with brackets, and correct the other Python 2 lines.",
    "indentation": "Indent the lines of each block by the same four spaces.",
    "tabs": "Use spaces only: your editor can replace every tab by four spaces.",
    "blank-body": "Write the bodies of __init__ and forward; each needs at least one statement.",
    "encoding": "Save the file as UTF-8.",
    "null-bytes": "Save the file as plain UTF-8 text.",
    "notebook": "Save the notebook again from Jupyter, or hand in the script as task1_cnn.py.",
    "missing-package": "Write Net without this package: it may use only torch and the Python standard library.",
    "no-net": "Name the class Net, as in the template: class Net(nn.Module).",
    "near-miss": "Name the class exactly Net, with a capital N from the Latin alphabet.",
    "not-a-class": "Make Net the class of your network: class Net(nn.Module).",
    "instance": "Make Net the class itself, not an object of it: leave out the brackets.",
}


_LACKS_MODULE = re.compile(r"object has no attribute '_(modules|parameters|buffers)'")


def _not_built(problem: Problem) -> Finding:
    if problem.kind == "not-a-module":
        return failed(f"{problem.message}.", "Make Net a subclass of nn.Module: class Net(nn.Module).")
    text = problem.message
    if "before Module.__init__" in text or _LACKS_MODULE.search(text):
        what = "creates layers before it calls" if problem.line else "does not call"
        return failed(
            f"Net.__init__ {what} super().__init__(){at(problem)}.",
            "Begin __init__ with super().__init__().",
            expected="super().__init__() first",
            seen=problem.code.strip(),
        )
    if re.search(r"missing \d+ required (positional|keyword-only) argument", text) and "__init__" in text:
        return failed(
            "Net() cannot be built without arguments.",
            "Give each argument of __init__ a default value, so that Net() works without arguments.",
            expected="Net()",
            seen=text,
        )
    return failed(
        f"Net() raises an error{at(problem)}: {cause(problem)}.",
        "Correct that line of __init__.",
        seen=problem.code.strip(),
    )
