"""Imports that a script forgot: names such as ``F`` and ``nn`` that everyone binds to the same module."""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from grader.model.evidence import Repair
from grader.worker.load.statements import innermost, problem_from
from grader.worker.load.submitted_files import Files

USUAL_IMPORTS = {
    "torch": "import torch",
    "nn": "import torch.nn as nn",
    "F": "import torch.nn.functional as F",
    "optim": "import torch.optim as optim",
    "Variable": "from torch.autograd import Variable",
    "Tensor": "from torch import Tensor",
    "np": "import numpy as np",
    "math": "import math",
}


def supply(error: BaseException, namespace: dict[str, Any], files: Files) -> bool:
    """Bind the usual name whose absence raised ``error``, unless the script binds it somewhere; whether it is now."""
    if not isinstance(error, NameError) or isinstance(error, UnboundLocalError):
        return False
    name = error.name if type(error.name) is str else ""
    if name not in USUAL_IMPORTS or name in namespace or files.binds(name):
        return False
    found: dict[str, Any] = {}
    with contextlib.suppress(ImportError):
        exec(USUAL_IMPORTS[name], found)
    if name not in found:
        return False
    problem = problem_from("missing-import", error, files.scripts, files.causes)
    script, line = innermost(error, files.scripts)
    if problem.kind != "missing-import" or script is None:
        return False  # its import failed, and that is the cause
    namespace[name] = found[name]
    message = f"{script.where(line)} uses {name}, which is never imported: {USUAL_IMPORTS[name]} is missing"
    problem = replace(problem, message=f"{message}.")
    assumed = f"the script began with {USUAL_IMPORTS[name]}"
    files.repair(Repair("missing-import", "", message, assumed=assumed, problem=problem))
    return True


def with_imports(files: Files, namespace: dict[str, Any]) -> Callable[[ast.stmt, BaseException], ast.stmt | None]:
    """What to run after a statement failed: the same again if it lacked a usual import.

    An import whose package is missing is not run again; its names are bound to stand-ins.
    """

    def replacement(node: ast.stmt, error: BaseException) -> ast.stmt | None:
        files.stand_ins.bind(node, error, namespace)
        return node if supply(error, namespace, files) else None

    return replacement


def namespace_of(error: BaseException) -> dict[str, Any]:
    """The global names of the function that raised ``error``."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_globals if trace is not None else vars(sys)
