"""The check ``loads``: the script is found and can be read, it defines Net, and ``Net()`` works.

A fault that the grader repaired fails this check only. What nothing could be assessed behind waits for a tutor, unless
the submission holds no network.
"""

from __future__ import annotations

import re
from dataclasses import replace
from decimal import Decimal

from grader.checks.case import PASS, Case, failed, passed, undecided
from grader.checks.endings import ended
from grader.checks.error_meanings import meaning
from grader.checks.problem_text import at, cause, place
from grader.lab4.files import SCRIPT
from grader.model import Finding, Status
from grader.model.evidence import Loading, Problem, Repair
from grader.model.repair_kinds import NEWER_PYTHON


def loads(case: Case) -> Finding:
    """The script is found and can be read, and ``Net()`` gives an nn.Module without arguments."""
    load, build, ending = case.evidence.load, case.evidence.build, case.evidence.ending
    if load is None:
        return ended(ending, "Reading the script", "load")
    if load.problem is not None:
        return _waiting(_not_loaded(load.problem), load, load.problem)
    if build is None:
        return _waiting(ended(ending, "Building Net()", "build"), load)
    if load.is_blank and load.has_network:
        message = "Net is still blank, but the script holds another network, so a tutor looks at it."
        return undecided(message, proposed=Decimal(0), hint="Write the network in the class Net.")
    if build.problem is not None and load.is_blank:
        return failed(
            "Net is still blank, as in the template.",
            "Write __init__, which begins with super().__init__(), and forward.",
        )
    if build.problem is not None:
        return _waiting(_not_built(build.problem), load, build.problem)
    repairs = (*load.repairs, *build.repairs)
    faults = [repair for repair in repairs if repair.kind != NEWER_PYTHON]
    if faults:
        return _repaired(faults[0])
    if repairs:
        return _newer_python(repairs[0].problem or Problem(NEWER_PYTHON, repairs[0].message))
    return passed("The script defines Net, and Net() works.", seen=load.script)


def _waiting(finding: Finding, load: Loading, problem: Problem | None = None) -> Finding:
    """A failure behind which nothing was assessed: a tutor looks at it if the submission holds a network."""
    if problem is not None and problem.kind == NEWER_PYTHON:
        return _newer_python(problem)
    if finding.status is not Status.FAILED or load.is_blank or not load.has_network:
        return finding
    message = f"{finding.message} The code holds a network that could not be assessed, so a tutor looks at it."
    waits = undecided(message, proposed=Decimal(0), hint=finding.hint, seen=finding.seen, told=finding.message)
    return replace(waits, fault=finding.fault)


def _newer_python(problem: Problem) -> Finding:
    hint = "You need not do anything: a tutor runs your script with a newer Python."
    return undecided(problem.message, proposed=PASS, hint=hint, seen=problem.code.strip())


def _repaired(repair: Repair) -> Finding:
    if repair.problem is None:
        return failed(f"{repair.message.strip().rstrip('.')}.", "Correct this.")
    if repair.problem.kind in _BUILD_KINDS:
        return _not_built(repair.problem)
    return _not_loaded(repair.problem)


def _not_loaded(problem: Problem) -> Finding:
    return replace(_unreadable(problem), fault=problem.kind)


def _unreadable(problem: Problem) -> Finding:
    how_to_see = "run the cells of your notebook again" if problem.cell else f"run python {SCRIPT}"
    hint = _LOAD_HINTS.get(problem.kind, f"Correct this, and then {how_to_see} to see whether it works.")
    if problem.kind == "syntax":
        what = "running the cell again" if problem.cell else f"python {SCRIPT}"
        hint = f"Correct that line; {what} shows the same error."
    raised = replace(problem, message=problem.message.partition(f" raised {problem.exception}: ")[2])
    if problem.kind == "definition-error" and (found := meaning(raised, in_forward=False)) is not None:
        return failed(found.message, found.hint, seen=problem.code.strip())
    message = problem.message.strip().rstrip(".") or "The script could not be read"
    where = place(problem)
    if where and not re.search(r"\bline \d", message, re.IGNORECASE):
        message = f"{message} ({where})"
    return failed(f"{message}.", hint, seen=problem.code.strip())


_LOAD_HINTS = {
    "python2": "The lab uses Python 3: write print(...) with brackets, and correct the other Python 2 lines.",
    "indentation": "Indent the lines of each block by the same four spaces.",
    "tabs": "Use spaces only: your editor can replace every tab by four spaces.",
    "blank-body": "Write the bodies of __init__ and forward; each needs at least one statement.",
    "encoding": "Save the file as UTF-8.",
    "null-bytes": "Save the file as plain UTF-8 text.",
    "notebook": f"Save the notebook again from Jupyter, or hand in the script as {SCRIPT}.",
    "missing-package": "Write Net without this package: it may use only torch and the Python standard library.",
    "missing-checkpoint": "Leave that line out: Net() must work without trained weights.",
    "no-net": "Name the class Net, as in the template: class Net(nn.Module).",
    "near-miss": "Name the class exactly Net, with a capital N from the Latin alphabet.",
    "not-a-class": "Make Net the class of your network: class Net(nn.Module).",
    "instance": "Make Net the class itself, not an object of it: leave out the brackets.",
}
_BUILD_KINDS = frozenset({"build", "not-a-module"})


_LACKS_MODULE = re.compile(r"object has no attribute '_(modules|parameters|buffers)'")


def _not_built(problem: Problem) -> Finding:
    found = _unbuilt(problem)
    return replace(found, fault=found.fault or problem.kind)


def _unbuilt(problem: Problem) -> Finding:
    if problem.kind == "missing-package":
        return _not_loaded(problem)
    if problem.kind == "not-a-module":
        return failed(f"{problem.message}.", "Make Net a subclass of nn.Module: class Net(nn.Module).")
    text = problem.message
    if "before Module.__init__" in text or _LACKS_MODULE.search(text):
        what = "creates layers before it calls" if problem.line else "does not call"
        return failed(
            f"Net.__init__ {what} super().__init__(){at(problem)}.",
            "Begin __init__ with super().__init__(). Both pairs of brackets are needed.",
            expected="super().__init__() first",
            seen=problem.code.strip(),
            fault="super-init",
        )
    if (found := meaning(problem, in_forward=False)) is not None:
        return failed(found.message, found.hint, seen=problem.code.strip())
    if re.search(r"missing \d+ required (positional|keyword-only) argument", text) and "__init__" in text:
        return failed(
            "Net() cannot be built without arguments.",
            "Give each argument of __init__ a default value, so that Net() works without arguments.",
            expected="Net()",
            seen=text,
        )
    if "__init__() takes 0 positional arguments" in text:
        return failed(
            "__init__ does not take self.", "Write it as __init__(self).", expected="__init__(self)", seen=text
        )
    if text.startswith("__init__() should return None"):
        return failed(
            "__init__ returns a value, which only forward does.", "Leave the return out of __init__.", seen=text
        )
    return failed(
        f"Net() raises an error{at(problem)}: {cause(problem)}.",
        "Correct that line of __init__.",
        seen=problem.code.strip(),
    )
