"""What reading alone says about a script: a finding in a moment, before torch is imported.

It reads with the loader's own code and makes the record that the loader would make, so the findings are the same. It
answers only where the loader would run nothing, or where Net is certainly as blank as in the template.
"""

from __future__ import annotations

import ast
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

from grader.model.evidence import Building, Ending, Evidence, Loading, Problem
from grader.source.bindings import names_of
from grader.source.definitions import is_blank
from grader.source.script import SourceProblem
from grader.worker.load.reading import Reading

_LIBRARIES = frozenset({"torch", "torchvision", "numpy"})


def quick_look(root: Path, script: str) -> Evidence | None:
    """The evidence if reading the script ``root / script`` is enough; None if it has to be run."""
    reading = Reading(root, script, [])
    try:
        with _without_own_modules(root, script):
            found = reading.decide()
    except SourceProblem as error:
        return Evidence(Ending("finished"), load=reading.record(error.problem))
    except (OSError, RecursionError, MemoryError):
        return None
    if isinstance(found, Loading):
        return Evidence(Ending("finished"), load=found)
    if reading.repairs or reading.target != "Net" or not _is_certainly_blank(found.statements):
        return None
    problem = Problem("build", "'Net' object has no attribute '_modules'", "AttributeError")
    return Evidence(Ending("finished"), load=reading.record(None, "slice"), build=Building(problem))


def _is_certainly_blank(statements: tuple[ast.stmt, ...]) -> bool:
    """Whether what Net needs is imports of libraries and a class Net of torch's Module whose ``__init__`` is empty.

    Such a class can be defined, and its objects are no modules, because ``Module.__init__`` is never called.
    """
    if not statements:
        return False
    *imports, node = statements
    if not all(_imports_library(statement) for statement in imports):
        return False
    return isinstance(node, ast.ClassDef) and is_blank(node) and _is_plain(node) and _has_empty_init(node)


def _imports_library(node: ast.stmt) -> bool:
    if isinstance(node, ast.Import):
        return all(alias.name.partition(".")[0] in _LIBRARIES for alias in node.names)
    if not isinstance(node, ast.ImportFrom) or node.level or "Net" in names_of(node)[0]:
        return False
    return (node.module or "").partition(".")[0] in {*_LIBRARIES, "__future__"}


def _is_plain(node: ast.ClassDef) -> bool:
    """Whether defining the class runs nothing but its functions and texts, and it has the base ``nn.Module``."""
    is_module = len(node.bases) == 1 and ast.unparse(node.bases[0]) in {"nn.Module", "torch.nn.Module", "Module"}
    if not is_module or node.keywords or node.decorator_list:
        return False
    return all(
        not (part.decorator_list or part.args.defaults or part.args.kw_defaults)
        if isinstance(part, ast.FunctionDef)
        else _does_nothing(part)
        for part in node.body
    )


def _has_empty_init(node: ast.ClassDef) -> bool:
    inits = [part for part in node.body if isinstance(part, ast.FunctionDef) and part.name == "__init__"]
    if not inits:
        return False
    init = inits[-1]
    arguments = [*init.args.posonlyargs, *init.args.args, *init.args.kwonlyargs]
    return len(arguments) == 1 and all(map(_does_nothing, init.body))


def _does_nothing(node: ast.stmt) -> bool:
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))


@contextlib.contextmanager
def _without_own_modules(root: Path, script: str) -> Iterator[None]:
    """Inside this context, the student's own modules are not on the import path, as in the process that loads them."""
    own = {root.resolve(), (root / script).resolve().parent, Path.cwd()}
    before = sys.path[:]
    sys.path[:] = [place for place in before if Path(place).resolve() not in own]
    try:
        yield
    finally:
        sys.path[:] = before
