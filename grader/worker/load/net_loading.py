"""Stage ``load``: get the network's class from a script that was not written to be imported.

First, the script is read (:mod:`grader.worker.load.reading`), and only the statements that Net needs are run. If this
gives no Net although the script binds the name, the whole script is run as ``__main__``, one statement at a time. Both
use the stand-ins of :mod:`grader.worker.load.stand_ins`. A script that Python cannot read, or that has no Net, is
repaired if it is clear what it means. The next stage calls ``Net()``. The kinds of problem are listed in
:mod:`grader.source.definitions`.

A child process loads one submission and exits. So the working folder, ``sys.argv``, ``sys.path``, ``sys.meta_path`` and
the submission's modules stay as its Net may need them.
"""

from __future__ import annotations

import ast
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

from grader.model.evidence import Loading, Problem, Repair
from grader.source.bindings import names_of
from grader.source.definitions import parse, too_complex
from grader.source.own_calls import OwnCall, own_calls
from grader.source.script import Script, SourceProblem
from grader.source.slicing import Slice, slice_for
from grader.worker.load import legacy_api
from grader.worker.load.failures import failed_imports, missing_import, problem_of, root_cause
from grader.worker.load.local_modules import HelperFinder
from grader.worker.load.missing_packages import StandIn
from grader.worker.load.near_misses import other_net
from grader.worker.load.network_object import Unusable, class_and_factories, written_class
from grader.worker.load.reading import Reading
from grader.worker.load.statements import Failure, comes_from, problem_from, remember_source
from grader.worker.load.strategies import MODULE, Strategies
from grader.worker.load.submitted_files import Files
from grader.worker.load.usual_imports import USUAL_IMPORTS

__all__ = ["Factory", "Loaded", "load_net", "problem_from", "warm_up"]

Factory = Callable[[], object]
_MOST_CALLS = 5
"""The script's own calls of Net that are tried if Net needs arguments."""


@dataclass(frozen=True)
class Loaded:
    """The result of loading, for the next stages.

    ``factory`` is what is called to build Net, not called yet; None if ``record`` has a problem. If Net needs
    arguments, ``own_calls`` gives the calls that the script itself makes, each with its text, and stops looking for
    them at the monotonic time that it is given. ``explain`` turns an exception from the submission into a problem of
    the given kind, with the student's line (see :func:`grader.worker.load.statements.problem_from`).
    """

    record: Loading
    factory: Factory | None
    explain: Callable[[str, BaseException], Problem]
    files: Files
    own_calls: Callable[[float], Iterator[tuple[str, Factory]]] = lambda ends: iter(())
    kind: object = None
    """The network's class, if it has one."""
    unimported: frozenset[str] = frozenset()
    """Usual names, such as F, that the network's code uses and the script never binds."""


def load_net(root: Path, script: str) -> Loaded:
    """Load ``Net`` from ``root / script``. A submission cannot make this function raise."""
    root = Path(os.path.abspath(root))
    files = Files(root, (root / script).parent)

    def explain(kind: str, error: BaseException) -> Problem:
        return files.stand_ins.explained(problem_from(kind, error, files.scripts, files.causes))

    loader = _Loader(files, script, explain)
    factory: Factory | None = None
    try:
        record, factory = loader.load()
    except SourceProblem as error:
        record = loader.record(error.problem)
    except (RecursionError, MemoryError) as error:
        record = loader.record(too_complex(loader.script, error))
    except OSError as error:
        record = loader.record(Problem("unreadable", f"The grader cannot open {script}.", type(error).__name__, script))
    except BaseException as error:  # protects the evidence from metaclasses and properties in the submission
        if not comes_from(error, files.scripts):
            raise
        record = loader.record(explain("definition-error", error))
    return Loaded(record, factory, explain, files, loader.own_calls, loader.kind, frozenset(loader.unimported))


def warm_up() -> None:
    """Do slow work once in the fork server, so that no child has to repeat it."""
    legacy_api.install()
    slice_for(parse(Script("warm.py", "import torch\nclass Net(torch.nn.Module):\n    pass\n")), {"Net"})


class _Loader:
    """Loads one submission: reads the text, runs statements, finds the network."""

    def __init__(self, files: Files, path: str, explain: Callable[[str, BaseException], Problem]) -> None:
        self.files = files
        self.filename = str(files.root / path)
        self.explain = explain
        self.finder = HelperFinder(files, self.problem_of)
        self.reading = Reading(files.root, path, files.repairs)
        self.strategies = Strategies(files, self.finder, self.filename, [], self.target)
        self.factories: list[Factory] = []
        self.kind: object = None
        self.unimported: set[str] = set()

    @property
    def script(self) -> Script:
        """The script as text."""
        return self.reading.script

    @property
    def statements(self) -> list[ast.stmt]:
        """The statements that could be read."""
        return self.reading.statements

    @property
    def target(self) -> str:
        """The name of the network: Net, or what the script calls it."""
        return self.reading.target

    def load(self) -> tuple[Loading, Factory | None]:
        """Return the record and what is called to build Net."""
        part = self.reading.decide()
        script = self.script
        self.files.scripts[self.filename] = script
        self.files.written = {name.removesuffix(".py").replace("/", "."): text for name, text in script.modules}
        remember_source(self.filename, script)
        return (part, None) if isinstance(part, Loading) else self.run(part)

    def run(self, part: Slice) -> tuple[Loading, Factory | None]:
        """Run the statements that the network needs, or else the whole script."""
        strategies = Strategies(self.files, self.finder, self.filename, self.statements, self.target)
        self.strategies = strategies
        strategies.prepare_process()
        self.files.statements[MODULE] = self.statements
        problem: Problem | None = None
        if part.statements:
            module, failures = strategies.run_slice(part)
            problem = self.problem_with(module, failures, part)
            if problem is None:
                return self.finish(module, failures, "slice")
        if problem is not None and problem.kind in {"missing-package", "syntax", "python2", "newer-python"}:
            return self.record(problem), None  # running the whole script cannot solve these
        self.files.causes.clear()
        module, failures = strategies.run_whole(part)
        whole_problem = self.problem_with(module, failures, part)
        if whole_problem is None:
            self.files.remark("whole-run", "The grader had to run the whole script, without its training, to find Net.")
            return self.finish(module, failures, "whole")
        return self.record(problem or whole_problem), None

    def record(self, problem: Problem | None, how: str = "", node: ast.ClassDef | None = None) -> Loading:
        """The record with the facts that reading the script gives; ``node`` is the network's class."""
        texts = [script.text for script in self.files.scripts.values()]
        return self.reading.record(problem, how, node, remarks=self.files.remarks.values(), texts=texts)

    def problem_of(self, failure: Failure) -> Problem:
        """The problem of a statement that failed."""
        return problem_of(failure, self.files.scripts, self.files.causes)

    def problem_with(self, module: ModuleType, failures: list[Failure], part: Slice) -> Problem | None:
        """Why the module gives no usable network; None if it does. Remembers why names are undefined."""
        for failure in failures:
            problem = self.problem_of(failure)
            for name in failure.binds:
                self.files.causes.setdefault(name, problem)
        namespace = vars(module)
        for name, imported in failed_imports(self.statements, part.needed, namespace):
            problem = missing_import(self.script, imported)
            namespace[name] = self.files.stand_ins.make(ModuleNotFoundError(name=imported.module), problem)
        target = self.target
        binders = [statement for statement in self.statements if target in names_of(statement)[0]]
        failed = {failure.node.lineno for failure in failures}
        is_bound = target in namespace and type(namespace[target]) is not StandIn
        if is_bound and (not binders or binders[-1].lineno not in failed or isinstance(binders[-1], ast.Assign)):
            if binders and binders[-1].lineno in failed:
                where = self.script.where(binders[-1].lineno)
                self.files.remark("statement-skipped", f"{where} could not be run, so the grader skipped it.")
            return None
        cause = root_cause(failures, target)
        if cause is not None:
            return self.problem_of(cause)
        missing = next((failure for failure in failures if isinstance(failure.error, ImportError)), None)
        return self.problem_of(missing) if missing is not None else other_net(self.script, self.statements).problem

    def finish(self, module: ModuleType, failures: list[Failure], how: str) -> tuple[Loading, Factory | None]:
        """The record for the object bound to the name of the network, and what is called to build it."""
        line = max((node.lineno for node in self.statements if self.target in names_of(node)[0]), default=0)
        try:
            found = class_and_factories(module, self.target, self.strategies.classes.get(module))
        except Unusable as error:
            where = f"{self.script.where(line)}: " if line else ""
            message = f"{where}{error}; define it with class Net(nn.Module)."
            return self.record(self.script.problem(error.kind, message, line)), None
        if found.is_rebound:
            message = "The script binds the name Net to something made from Net; the grader used the class."
            self.files.remark("net-rebound", message)
        if found.assumed and self.target == "Net":
            message = f"{self.script.where(line)}: Net is not a class but an object"
            problem = self.script.problem("instance", f"{message}.", line)
            self.files.repair(Repair("instance", "", message, assumed=found.assumed, problem=problem))
        for package in self.files.stand_ins.made:
            message = f"{package[:80]} is not installed; the grader put a stand-in that does nothing in its place."
            self.files.remark("stand-in", message)
        for failure in failures:
            if isinstance(failure.node, (ast.Import, ast.ImportFrom)) and not isinstance(
                failure.error, ModuleNotFoundError
            ):
                where = self.script.where(failure.node.lineno)
                self.files.remark("import-skipped", f"{where}: this import failed, so the grader skipped it.")
        if self.target != "Net":
            vars(module).setdefault("Net", found.kind)  # for super(Net, self)
        self.unimported = USUAL_IMPORTS.keys() & slice_for(self.statements, {self.target}).needed - vars(module).keys()
        self.factories = list(found.factories)
        self.kind = found.kind
        node = written_class(found.kind, self.files, self.statements)
        record = self.record(None, how, node)
        if node is None:
            record = replace(record, methods=(), is_blank=False)
        return record, found.factories[0]

    def own_calls(self, ends: float) -> Iterator[tuple[str, Factory]]:
        """The script's own ways to build the network, the last one first, for a class that needs arguments.

        Finding them takes until the monotonic time ``ends`` at most.
        """
        yield from (("", factory) for factory in self.factories[1:])
        calls: Sequence[OwnCall] = own_calls(self.statements, self.target)
        for call in calls[: -_MOST_CALLS - 1 : -1]:
            if time.monotonic() >= ends:
                return
            statements = [*self.statements, *call.functions]
            module, _ = self.strategies.run_slice(slice_for(statements, {self.target, call.name}), ends)
            kind = self.strategies.classes.get(module)
            if kind is not None:
                setattr(module, self.target, kind)  # the script may have bound the name again
            made = vars(module).get(call.name)
            if callable(made):
                yield call.text, made
        observed = self.strategies.observed_call(slice_for(self.statements, {self.target}), ends)
        if observed is not None:
            yield f"{self.target}(...)", observed
