"""The check ``loads``: the script is found and can be read, it defines Net, and ``Net()`` works."""

from __future__ import annotations

import re

from grader.checks.case import Case, failed, passed
from grader.checks.endings import ended
from grader.checks.problem_text import at, cause, place
from grader.lab4.files import SCRIPT
from grader.model import Finding
from grader.model.evidence import Problem


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


def _not_loaded(problem: Problem) -> Finding:
    hint = _LOAD_HINTS.get(problem.kind, f"Correct this, and then run python {SCRIPT} to see whether the script works.")
    message = problem.message.strip().rstrip(".") or "The script could not be read"
    where = place(problem)
    if where and not re.search(r"\bline \d", message, re.IGNORECASE):
        message = f"{message} ({where})"
    return failed(f"{message}.", hint, seen=problem.code.strip())


_LOAD_HINTS = {
    "syntax": f"Correct that line; python {SCRIPT} shows the same error.",
    "python2": "The lab uses Python 3: write print(...) with brackets, and correct the other Python 2 lines.",
    "indentation": "Indent the lines of each block by the same four spaces.",
    "tabs": "Use spaces only: your editor can replace every tab by four spaces.",
    "blank-body": "Write the bodies of __init__ and forward; each needs at least one statement.",
    "encoding": "Save the file as UTF-8.",
    "null-bytes": "Save the file as plain UTF-8 text.",
    "notebook": f"Save the notebook again from Jupyter, or hand in the script as {SCRIPT}.",
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
