"""Stand-ins for packages that are not installed: they do nothing, and nothing can be derived from them.

A script may draw, log or show progress with such a package and still be assessed. If a network really needs it, because
it inherits from it or calculates with its results, the use of the stand-in raises :class:`PackageNeeded`, which names
the package.
"""

from __future__ import annotations

import ast
import copy
import dis
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, NoReturn

from torch import nn

from grader.model.evidence import Problem
from grader.source.bindings import names_of

MAKER = "__stand_in__"
"""The name of the function that a guarded import calls."""


class PackageNeeded(Exception):
    """A script calculates with something from a package that is not installed; ``problem`` names the package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass
class StandIns:
    """The stand-ins of one submission.

    ``made`` has the problem of each package that a stand-in replaces, by package. ``needed`` is the problem of the
    package that the script last calculated with; None if it never did. ``is_own`` says whether a file name in a code
    object is a file of the submission.
    """

    explain: Callable[[ModuleNotFoundError], Problem]
    is_own: Callable[[str], bool]
    made: dict[str, Problem] = field(default_factory=dict)
    needed: Problem | None = None
    has_inner_imports: bool = False
    """Whether functions of the script import something, perhaps a package that is not installed."""

    def explained(self, problem: Problem) -> Problem:
        """The problem itself, or that of the missing package if torch complained about its stand-in."""
        is_named = StandIn.__name__ in problem.message and problem.exception in {"TypeError", "ValueError"}
        return list(self.made.values())[-1] if is_named and self.made else problem

    def make(self, error: ModuleNotFoundError, problem: Problem | None = None) -> StandIn:
        """A stand-in for the package whose import raised ``error``."""
        problem = problem or self.explain(error)
        self.made.setdefault(str(error.name).split(".")[0], problem)
        return StandIn(self, problem)

    def bind(self, node: ast.stmt, error: BaseException, namespace: dict[str, Any]) -> None:
        """Bind the names of an import that failed to stand-ins, if its module is missing."""
        if isinstance(error, ModuleNotFoundError) and isinstance(node, (ast.Import, ast.ImportFrom)):
            for name in names_of(node)[0]:
                namespace[name] = self.make(error)

    def guarded(self, node: ast.stmt, namespace: dict[str, Any]) -> ast.stmt:
        """The statement, in which an import inside a function or class gives a stand-in if its module is missing."""
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            return node
        if not any(isinstance(inner, (ast.Import, ast.ImportFrom)) for inner in ast.walk(node)):
            return node
        self.has_inner_imports = True
        namespace[MAKER] = self.make
        guarded: ast.stmt = ast.fix_missing_locations(_Guard().visit(copy.deepcopy(node)))
        return guarded


class _Guard(ast.NodeTransformer):
    """Wraps each import in functions and classes. A ``try`` with handlers is the script's own way to do without it."""

    def __init__(self) -> None:
        self.is_inside = False

    def visit_Try(self, node: ast.Try) -> ast.AST:
        return node if node.handlers else self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return self._visit_scope(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        return self._visit_scope(node)

    def visit_Import(self, node: ast.Import) -> ast.AST:
        return self._wrapped(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        return self._wrapped(node)

    def _visit_scope(self, node: ast.AST) -> ast.AST:
        before, self.is_inside = self.is_inside, True
        self.generic_visit(node)
        self.is_inside = before
        return node

    def _wrapped(self, node: ast.Import | ast.ImportFrom) -> ast.AST:
        names = sorted(names_of(node)[0])
        if not self.is_inside or not names:
            return node
        made = "\n".join(f"    {name} = {MAKER}(_missing_)" for name in names)
        tried = ast.parse(f"try:\n    pass\nexcept ModuleNotFoundError as _missing_:\n{made}").body[0]
        assert isinstance(tried, ast.Try)
        tried.body = [node]
        for inner in ast.walk(tried):
            if inner is not node and hasattr(inner, "lineno"):
                ast.copy_location(inner, node)
        return tried


class StandIn:
    """Anything of a missing package. Attributes, items, calls and ``with`` give another stand-in.

    A call with a dict or with keywords only gives an object with these as attributes and items, as configurations are.
    Called with a function or class of the script, as a decorator, it returns that. Called with a list or with layers,
    as a progress bar is, it can be iterated over like them. Everything that derives a value from it raises
    :class:`PackageNeeded`.
    """

    def __init__(self, owner: StandIns, problem: Problem, given: dict[str, Any] | None = None, name: str = "") -> None:
        vars(self).update(_owner=owner, _problem=problem, _given=given or {}, _name=name, _rounds=None)

    def _part(self, name: object) -> Any:
        value = self._given.get(name) if type(name) is str else None
        if type(value) is dict:
            return StandIn(self._owner, self._problem, value)
        return value if value is not None else StandIn(self._owner, self._problem, name=str(name))

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return self._part(name)

    def __getitem__(self, key: object) -> Any:
        return self._part(key)

    def __setattr__(self, name: str, value: object) -> None:
        self._given[name] = value

    def __setitem__(self, key: object, value: object) -> None:
        if type(key) is str:
            self._given[key] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Nothing happens. The result is another stand-in, or the decorated function or class of the script."""
        if len(args) == 1 and not kwargs and self._is_own(args[0]):
            return args[0]
        given = {**(args[0] if len(args) == 1 and type(args[0]) is dict else {}), **kwargs}
        made = StandIn(self._owner, self._problem, given, self._name)
        if len(args) == 1 and isinstance(args[0], (list, tuple, range, nn.ModuleList, nn.Sequential)):
            vars(made)["_rounds"] = args[0]
        return made

    def _is_own(self, value: object) -> bool:
        if type(value) is FunctionType:
            return bool(self._owner.is_own(value.__code__.co_filename))
        return isinstance(value, type) and str(value.__module__).startswith("submission_")

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        """``figure, axes = plt.subplots()`` gives two stand-ins, ``for layer in tqdm(layers)`` the layers.

        The number of rounds of any other loop is unknown.
        """
        if self._rounds is not None:
            return iter(self._rounds)
        frame = sys._getframe(1)
        code = frame.f_code.co_code
        if code[frame.f_lasti] != dis.opmap["UNPACK_SEQUENCE"]:
            self._needed()
        return iter([StandIn(self._owner, self._problem) for _ in range(code[frame.f_lasti + 1])])

    def __repr__(self) -> str:
        return "<stand-in>"

    def __deepcopy__(self, _: object) -> Any:
        return self

    def __bool__(self) -> bool:
        """An object that a class of the package made is true, as objects are; the value of anything else is unknown."""
        if self._name and not self._name[:1].isupper():
            self._needed()
        return True

    __hash__ = object.__hash__

    def _needed(self, *_: object, **__: object) -> NoReturn:
        self._owner.needed = self._problem
        raise PackageNeeded(self._problem)

    @classmethod
    def __torch_function__(cls, _: object, __: object, args: Any = (), kwargs: Any = None) -> Any:
        """A torch operation is given a stand-in."""
        next(_stand_ins((args, kwargs or {})))._needed()


def _stand_ins(value: object) -> Iterator[StandIn]:
    if isinstance(value, StandIn):
        yield value
    elif isinstance(value, (tuple, list, dict)):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _stand_ins(part)


def stand_in_in(value: object) -> StandIn | None:
    """The first stand-in among the values that a forward pass returned."""
    return next(_stand_ins(value), None)


_DERIVING = (
    *("next", "len", "int", "float", "complex", "index", "contains", "eq", "ne", "lt", "le", "gt", "ge", "neg"),
    *("pos", "abs", "invert", "round", "mro_entries", "instancecheck", "subclasscheck", "await", "array", "reduce_ex"),
    *(
        f"{side}{name}"
        for side in ("", "r", "i")
        for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow")
    ),
    *(f"{side}{name}" for side in ("", "r", "i") for name in ("matmul", "and", "or", "xor", "lshift", "rshift")),
)
for _name in _DERIVING:
    setattr(StandIn, f"__{_name}__", StandIn._needed)
