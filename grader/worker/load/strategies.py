"""The two strategies to run a script for its Net: only the statements that Net needs, or all without training."""

from __future__ import annotations

import ast
import copy
import math
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from types import ModuleType
from typing import Any

from grader.source.bindings import names_of
from grader.source.definitions import future_flags, imports
from grader.source.slicing import Slice
from grader.worker.load import legacy_api, stand_ins
from grader.worker.load.checkpoints import left_out
from grader.worker.load.local_modules import FOLDER, HelperFinder
from grader.worker.load.statements import Failure, HelperProblem, run
from grader.worker.load.submitted_files import Files
from grader.worker.load.usual_imports import with_imports

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
    target: str
    """The name of the network: Net, or what the script calls it."""
    classes: dict[ModuleType, type] = field(default_factory=dict)
    """The last class that ``target`` was bound to in each module that was made, even if it was bound again later."""

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

    def run_slice(self, part: Slice, ends: float | None = None) -> tuple[ModuleType, list[Failure]]:
        """Run only the statements that Net needs, until the monotonic time ``ends`` if it is given."""
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

        again = with_imports(self.files, vars(module))
        guarded = [self.files.stand_ins.guarded(node, vars(module)) for node in part.statements]
        with stand_ins.loading(self.files.remark), left_out(self.files):
            failures = run(
                guarded,
                module,
                self.filename,
                future_flags(self.statements),
                guard=_until(ends) if ends is not None else lambda _: nullcontext(),
                replacement=lambda node, error: again(node, error) or self.own_module_instead(node, error),
                after=lambda _: self._keep_class(module),
            )
        return module, failures

    def _keep_class(self, module: ModuleType) -> None:
        found = vars(module).get(self.target)
        if found is not None and issubclass(type(found), type):
            self.classes[module] = found

    def run_whole(
        self,
        part: Slice,
        watch: Callable[[ModuleType], None] | None = None,
        *,
        ends: float = math.inf,
    ) -> tuple[ModuleType, list[Failure]]:
        """Run every statement as ``__main__``, each on its own, until ``ends`` at most; call ``watch`` after each."""
        if any(imported.package == "torchvision" for imported in imports(self.statements).values()):
            stand_ins.import_datasets()
        real_main = sys.modules["__main__"]
        ends = min(ends, time.monotonic() + WHOLE_SECONDS)

        def replacement(node: ast.stmt, error: BaseException) -> ast.stmt | None:
            if isinstance(error, ModuleNotFoundError) and isinstance(node, (ast.Import, ast.ImportFrom)):
                self.files.stand_ins.bind(node, error, vars(module))
                stand_in = stand_ins.Permissive(str(error.name))
                for name in names_of(node)[0] - part.needed:
                    setattr(module, name, stand_in)
            return self.own_module_instead(node, error)

        try:
            module = self.new_module("__main__")
            with stand_ins.loading(self.files.remark), left_out(self.files):
                failures = run(
                    self.statements,
                    module,
                    self.filename,
                    future_flags(self.statements),
                    replacement=replacement,
                    guard=_until(ends),
                    after=lambda _: (watch or self._keep_class)(module),
                )
        finally:
            sys.modules["__main__"] = real_main
        module.__name__ = MODULE
        sys.modules[MODULE] = module
        for value in list(vars(module).values()):
            if isinstance(value, type) and vars(value).get("__module__") == "__main__":
                value.__module__ = MODULE
        return module, failures

    def observed_call(self, part: Slice, ends: float) -> Callable[[], object] | None:
        """Run the whole script, and repeat the first call of the network's class that it makes with arguments.

        It runs until the monotonic time ``ends`` at most.
        """
        calls: list[Callable[[], object]] = []

        def watch(module: ModuleType) -> None:
            before = self.classes.get(module)
            self._keep_class(module)
            kind = self.classes.get(module)
            own = vars(kind).get("__init__") if kind is not None and kind is not before else None
            if kind is None or not callable(own):
                return

            def init(instance: object, *args: Any, **kwargs: Any) -> None:
                own(instance, *args, **kwargs)
                if type(instance) is kind and (args or kwargs):
                    calls.append(partial(kind, *args, **kwargs))

            kind.__init__ = init  # type: ignore[misc]  # of this run's own class

        self.run_whole(part, watch, ends=ends)
        return calls[0] if calls else None

    def own_module_instead(self, node: ast.stmt, error: BaseException) -> ast.stmt | None:
        """A relative import to try after ``from code import Net`` failed: the student's own code.py may be meant."""
        if not isinstance(error, ImportError) or not isinstance(node, ast.ImportFrom) or node.level or not node.module:
            return None
        if isinstance(error, HelperProblem) or not self.finder.has_own(node.module):
            return None
        relative = copy.copy(node)
        relative.level = 1
        return relative


def _until(ends: float) -> Callable[[ast.stmt], AbstractContextManager[None]]:
    """The guard that limits the time of each statement, also to what is left before ``ends``."""

    def guard(node: ast.stmt) -> AbstractContextManager[None]:
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return nullcontext()  # a library must not be left half imported
        return stand_ins.time_limit(min(STATEMENT_SECONDS, max(0.05, ends - time.monotonic())))

    return guard
