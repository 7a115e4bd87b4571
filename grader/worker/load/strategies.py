"""The two strategies to run a script for its Net: only the statements that Net needs, or all without training."""

from __future__ import annotations

import ast
import copy
import os
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from types import ModuleType

from grader.source.bindings import names_of
from grader.source.definitions import future_flags, imports
from grader.source.slicing import Slice
from grader.worker.load import legacy_api, stand_ins
from grader.worker.load.local_modules import FOLDER, Files, HelperFinder
from grader.worker.load.statements import Failure, HelperProblem, run

MODULE = "submission_script"
"""The name under which the script runs and is registered."""
STATEMENT_SECONDS = 2.0
"""Time limit of one statement when the whole script runs, so that an endless loop does not keep Net from loading."""
WHOLE_SECONDS = 6.0


@dataclass(frozen=True)
class Strategies:
    """The statements of a script, and both strategies to run them under the file name ``filename``."""

    files: Files
    finder: HelperFinder
    filename: str
    statements: Sequence[ast.stmt]

    def prepare_process(self) -> None:
        """Set up the process as if the script had been started from its own folder, without arguments."""
        root = str(self.files.root)
        legacy_api.install()
        sys.argv = [self.filename]
        sys.dont_write_bytecode = True
        # otherwise a submission's torch.py or random.py would replace the real module
        sys.path[:] = [place for place in sys.path if os.path.isabs(place) and not place.startswith(root)]
        sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, HelperFinder)] + [self.finder]
        os.chdir(self.files.folder)

    def new_module(self, name: str) -> ModuleType:
        """Register an empty module for the script, so that classes, pickles and relative imports work."""
        module = ModuleType(name)
        module.__file__ = self.filename
        module.__package__ = FOLDER
        sys.modules[name] = module
        return module

    def run_slice(self, part: Slice) -> tuple[ModuleType, list[Failure]]:
        """Run only the statements that Net needs."""
        module = self.new_module(MODULE)
        for name in part.usual:
            setattr(module, name, stand_ins.usual_value(name))
        if part.usual:
            names = " and ".join(part.usual)
            used = "the grader used that value or the lab's default"
            message = f"Net uses {names}, which the script sets only inside a function; {used}."
            self.files.remark("args-defaults", message)
        if any(imported.package == "torchvision" for imported in imports(part.statements).values()):
            stand_ins.import_datasets()
        with stand_ins.loading(self.files.remark):
            failures = run(
                part.statements,
                module,
                self.filename,
                future_flags(self.statements),
                replacement=self.own_module_instead,
            )
        return module, failures

    def run_whole(self, part: Slice) -> tuple[ModuleType, list[Failure]]:
        """Run every statement as ``__main__``, each on its own, for a limited time."""
        if any(imported.package == "torchvision" for imported in imports(self.statements).values()):
            stand_ins.import_datasets()
        real_main = sys.modules["__main__"]
        ends = time.monotonic() + WHOLE_SECONDS

        def replacement(node: ast.stmt, error: BaseException) -> ast.stmt | None:
            if isinstance(error, ModuleNotFoundError) and isinstance(node, (ast.Import, ast.ImportFrom)):
                stand_in = stand_ins.Permissive(str(error.name))
                for name in names_of(node)[0] - part.needed:
                    setattr(module, name, stand_in)
            return self.own_module_instead(node, error)

        def guard(node: ast.stmt) -> AbstractContextManager[None]:
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                return nullcontext()  # a library must not be left half imported
            return stand_ins.time_limit(min(STATEMENT_SECONDS, max(0.05, ends - time.monotonic())))

        try:
            module = self.new_module("__main__")
            with stand_ins.loading(self.files.remark):
                failures = run(
                    self.statements,
                    module,
                    self.filename,
                    future_flags(self.statements),
                    replacement=replacement,
                    guard=guard,
                )
        finally:
            sys.modules["__main__"] = real_main
        module.__name__ = MODULE
        sys.modules[MODULE] = module
        for value in list(vars(module).values()):
            if isinstance(value, type) and vars(value).get("__module__") == "__main__":
                value.__module__ = MODULE
        return module, failures

    def own_module_instead(self, node: ast.stmt, error: BaseException) -> ast.stmt | None:
        """A relative import to try after ``from code import Net`` failed: the student's own code.py may be meant."""
        if not isinstance(error, ImportError) or not isinstance(node, ast.ImportFrom) or node.level or not node.module:
            return None
        if isinstance(error, HelperProblem) or not self.finder.has_own(node.module):
            return None
        relative = copy.copy(node)
        relative.level = 1
        return relative
