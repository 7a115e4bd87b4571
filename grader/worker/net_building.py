"""Call ``Net()``, repairing what keeps it from giving a network: missing arguments, imports or ``super().__init__()``.

A network that needs a package that is not installed is refused here: its stand-in would change the network.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from grader.model.evidence import Building, Problem, Remark, Repair
from grader.model.images import SIDE
from grader.worker.load.checkpoints import left_out
from grader.worker.load.guessed_arguments import guessed_arguments
from grader.worker.load.missing_packages import PackageNeeded, stand_in_in
from grader.worker.load.net_loading import Factory, Loaded
from grader.worker.load.stand_ins import replaced, time_limit
from grader.worker.load.statements import innermost
from grader.worker.load.usual_imports import USUAL_IMPORTS, namespace_of, supply
from grader.worker.record.building import NotAModule, build, layers, parameter_count
from grader.worker.record.misspelt import repaired_spelling
from grader.worker.record.net_recording import LAB_SEED
from grader.worker.record.repairs import KeptOnCpu

_LACKS_INIT = re.compile(
    r"before Module\.__init__|super\(\).__init__\(\)|has no attribute '_(?:modules|parameters|buffers)"
)
_MOST_TRIES = 8
OWN_CALLS_SECONDS = 2.5
"""Time for all of the script's own calls of Net together, less than the build stage has."""


def build_net(loaded: Loaded, factory: Factory) -> tuple[nn.Module | None, Building]:
    """Call ``factory``; return the net (None if it could not be built) and the record of the stage."""
    building = _Building(loaded, factory)
    before = len(loaded.files.repairs)
    guard = KeptOnCpu()
    problem: Problem | None = None
    net: nn.Module | None = None
    with guard, left_out(loaded.files):
        try:
            net = building.net()
            building.check_packages(net)
        except PackageNeeded as error:
            problem = error.problem
        except NotAModule as error:
            problem = Problem("not-a-module", f"Net() returns an object of type {error}, not an nn.Module")
        except (Exception, SystemExit) as error:  # the submission's own failure is the observation
            problem = loaded.explain("build", error)
    repairs = tuple(loaded.files.repairs[before:])
    if guard.moved:
        building.remarks.append(Remark("moved-to-gpu", "Net moves its layers to a GPU when it is created"))
    remarks = tuple(building.remarks)
    if net is None or problem is not None:
        return None, Building(problem, remarks=remarks, repairs=repairs)
    return net, Building(None, parameter_count(net), layers(net), remarks, repairs)


class _Building:
    """Builds one network."""

    def __init__(self, loaded: Loaded, factory: Factory) -> None:
        self.loaded = loaded
        self.factory = factory
        self.remarks: list[Remark] = []
        self.is_initialised_first = False
        self.made: object = None
        """What the factory returned last."""
        self.guessed: tuple[int, Exception] | None = None
        """Once arguments were guessed: the number of repairs before, and what Net() without them raised."""

    def net(self) -> nn.Module:
        """The network, after as many repairs as it needs. Raises what the submission's code raises."""
        try:
            return self._net()
        except PackageNeeded:
            raise
        except (Exception, SystemExit):  # the submission's own failure
            if self.guessed is None:
                raise
            before, original = self.guessed
            del self.loaded.files.repairs[before:]
            raise original from None  # what the student wrote failed like this, not like the guess

    def _net(self) -> nn.Module:
        for _ in range(_MOST_TRIES):
            try:
                return self._built(self.factory)
            except Exception as error:  # the submission's own failure, which may be repaired
                if self.loaded.record.is_blank or not self._repair(error):
                    raise
        return self._built(self.factory)

    def _built(self, factory: Factory) -> nn.Module:
        def noted() -> object:
            self.made = factory()
            return self.made

        with initialised_first(self.loaded.files.scripts) if self.is_initialised_first else nullcontext():
            return build(noted, seed=LAB_SEED)

    def _repair(self, error: Exception) -> bool:
        """Change something after which another attempt makes sense; whether there was such a thing."""
        if isinstance(error, NotAModule):
            return self._give_base(error)
        if isinstance(error, TypeError) and not self.loaded.explain("build", error).line:
            return self.guessed is None and (self._use_own_call() or self._guess(error))
        if isinstance(error, AttributeError) and not self.is_initialised_first and _LACKS_INIT.search(str(error)):
            self.is_initialised_first = True
            problem = self.loaded.explain("build", error)
            message = "Net.__init__ does not call super().__init__() before it creates layers"
            assumed = "__init__ began with super().__init__()"
            self.loaded.files.repair(Repair("super-init", "", message, assumed=assumed, problem=problem))
            return True
        return self._supply(error) or self._rename(error) or self._respell(error)

    def _respell(self, error: Exception) -> bool:
        repair = repaired_spelling(error, self.loaded.explain("build", error))
        if repair is not None:
            self.loaded.files.repair(repair)
        return repair is not None

    def _give_base(self, error: NotAModule) -> bool:
        """Let an ordinary class with a forward, which the script calls Net, make modules."""
        kind, expected = type(self.made), self.loaded.kind
        if not isinstance(expected, type) or not callable(getattr(kind, "forward", None)):
            return False
        if kind.__name__ != expected.__name__ or kind.__module__ != expected.__module__:
            return False
        problem = Problem("not-a-module", f"Net() returns an object of type {error}, not an nn.Module")
        assumed = f"{kind.__name__} inherited from nn.Module"
        self.loaded.files.repair(Repair("no-module", "", problem.message, assumed=assumed, problem=problem))

        def init(module: nn.Module, *args: Any, **kwargs: Any) -> None:
            nn.Module.__init__(module)
            kind.__init__(module, *args, **kwargs)

        with_base = type(kind.__name__, (kind, nn.Module), {"__init__": init, "__module__": kind.__module__})
        # every call of the class, also one that the script makes, now gives an object of this subclass
        kind.__new__ = lambda *_, **__: object.__new__(with_base)  # type: ignore[method-assign]
        self.is_initialised_first = True
        return True

    def _rename(self, error: Exception) -> bool:
        """Let a name that means nothing in ``super(Old, self)`` or ``Old.__init__(self)`` mean a class."""
        problem = self.loaded.explain("build", error)
        name = error.name if isinstance(error, NameError) and type(error.name) is str else ""
        kind = self.loaded.kind
        if not name or not isinstance(kind, type):
            return False
        if re.search(rf"\bsuper\(\s*{re.escape(name)}\b", problem.code):
            namespace_of(error)[name] = kind
        elif re.search(rf"\b{re.escape(name)}\.__init__\(", problem.code):
            namespace_of(error)[name] = kind.__base__
        else:
            return False
        script, line = innermost(error, self.loaded.files.scripts)
        where = script.where(line) if script is not None else "The script"
        message = f"{where} names the class {name[:80]}, which does not exist; write super()"
        problem = replace(problem, kind="wrong-super", message=f"{message}.")
        assumed = f"{where[:1].lower()}{where[1:]} called super().__init__()"
        self.loaded.files.repair(Repair("super-init", "", message, assumed=assumed, problem=problem))
        return True

    def _supply(self, error: Exception) -> bool:
        return supply(error, namespace_of(error), self.loaded.files)

    def _use_own_call(self) -> bool:
        """Build the network with arguments as the script itself does; whether one of its calls works."""
        ends = time.monotonic() + OWN_CALLS_SECONDS
        calls = self.loaded.own_calls(ends)
        while time.monotonic() < ends:
            found = None
            try:
                found = next(calls, None)
                if found is None:
                    return False
                with time_limit(max(0.05, ends - time.monotonic())):
                    self._built(found[1])
            except Exception as error:  # this call of the submission does not work, or lacks a repair
                if isinstance(error, TypeError) or found is None or not self._repair(error):
                    continue
            except BaseException:  # protects the build stage from SystemExit and the time limit
                continue
            if found[0]:
                message = f"Net needs arguments; the grader used those of the script: {found[0]}."
                self.remarks.append(Remark("own-arguments", message))
            self.factory = found[1]
            return True
        return False

    def _guess(self, error: Exception) -> bool:
        """Build the network with guessed arguments, which the script never gives; whether they can be guessed."""
        kind = self.loaded.kind
        values = guessed_arguments(kind) if isinstance(kind, type) else None
        if not isinstance(kind, type) or values is None or "argument" not in str(error):
            return False
        self.guessed = len(self.loaded.files.repairs), error
        shown = ", ".join(f"{name}={value!r}" for name, value in values.items() if isinstance(value, (int, float)))
        assumed = f"Net were built with {shown or ', '.join(values)}"
        problem = self.loaded.explain("build", error)
        message = "Net needs arguments that the script never gives"
        self.loaded.files.repair(Repair("arguments", "", message, assumed=assumed, problem=problem))
        self.factory = lambda: kind(**values)
        return True

    def check_packages(self, net: nn.Module) -> None:
        """Run a forward pass if the script uses a package that is not installed, or a name that it never imports.

        Raises PackageNeeded if the network calculates with the package.
        """
        stand_ins = self.loaded.files.stand_ins
        if stand_ins.needed is not None:
            raise PackageNeeded(stand_ins.needed)
        if not (stand_ins.made or stand_ins.has_inner_imports or self.loaded.unimported):
            return
        buffers = [(buffer, buffer.detach().clone()) for buffer in net.buffers()]
        was_training = net.training
        try:
            for is_training in (True, False):
                net.train(is_training)
                result = self._forward(net)
                if (stand_in := stand_in_in(result)) is not None:
                    stand_in._needed()
                if stand_ins.needed is not None:
                    raise PackageNeeded(stand_ins.needed)
        finally:
            net.train(was_training)
            with torch.no_grad(), suppress(RuntimeError):
                for buffer, value in buffers:
                    buffer.copy_(value)

    def _forward(self, net: nn.Module) -> object:
        for _ in range(len(USUAL_IMPORTS)):
            try:
                with torch.no_grad():
                    return net(torch.zeros(2, 1, SIDE, SIDE))
            except Exception as error:  # a later stage reports errors in forward
                problem = self.loaded.explain("forward", error)
                if problem.kind == "missing-package":
                    raise PackageNeeded(problem) from None
                if not self._supply(error):
                    return None
            except SystemExit:  # as well
                return None
        return None


@contextmanager
def initialised_first(files: Container[str]) -> Iterator[None]:
    """Inside this context, the script's modules are initialised before their own ``__init__`` runs, and only once."""
    real = nn.Module.__init__

    def once(self: nn.Module, *args: Any, **kwargs: Any) -> None:
        if "_modules" not in vars(self):
            real(self, *args, **kwargs)

    def after_base(own: Callable[..., None]) -> Callable[..., None]:
        def init(self: nn.Module, *args: Any, **kwargs: Any) -> None:
            once(self)
            own(self, *args, **kwargs)

        return init

    changes: list[tuple[Any, str, object]] = [(nn.Module, "__init__", once)]
    for kind in _subclasses(nn.Module):
        own = vars(kind).get("__init__")
        if getattr(getattr(own, "__code__", None), "co_filename", "") in files:
            changes.append((kind, "__init__", after_base(own)))  # type: ignore[arg-type]  # it has code, so it is one
    with replaced(changes):
        yield


def _subclasses(kind: type) -> Iterator[type]:
    waiting: list[type] = [kind]
    seen = {kind}
    while waiting:
        for subclass in list[type](type.__subclasses__(waiting.pop())):
            if subclass not in seen:
                seen.add(subclass)
                waiting.append(subclass)
                yield subclass
