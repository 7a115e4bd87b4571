"""What the script bound to the name of its network: the class to use, and the ways to build a network from it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import ModuleType

from torch import nn

from grader.source.definitions import class_named
from grader.worker.load.submitted_files import Files


class Unusable(Exception):
    """The object bound to Net is not what the lab asks for; ``kind`` is the kind of problem."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


@dataclass(frozen=True)
class NetworkObject:
    """The network of a script: ``kind`` is its class, or the object itself without a class of the script.

    ``factories`` build it; the later ones are tried if the first one needs arguments. ``assumed`` is not empty if the
    script binds the name to an object only: it completes "The rest was assessed as if ...".
    """

    kind: object
    factories: tuple[Callable[[], object], ...]
    is_rebound: bool = False
    assumed: str = ""


def class_and_factories(module: ModuleType, name: str, written: type | None) -> NetworkObject:
    """The network that ``name`` stands for; ``written`` is the last class that it was bound to.

    Raises :class:`Unusable` if nothing can be called to build a network.
    """
    found: object = vars(module)[name]
    if type(found) is ModuleType and callable(vars(found).get("Net")):
        found = vars(found)["Net"]
    if issubclass(type(found), type):
        return NetworkObject(found, (found,))  # type: ignore[arg-type]  # a class can be called
    is_module = issubclass(type(found), nn.Module)
    if written is not None and issubclass(written, nn.Module):
        setattr(module, name, written)  # for super(Net, self) and calls of Net
        others = (found,) if callable(found) and not is_module else ()
        return NetworkObject(written, (written, *others), is_rebound=True)
    kind = type(found)
    if is_module and name_in(kind, "__name__") == name:
        return NetworkObject(kind, (kind, lambda: found), is_rebound=True)
    if is_module and name_in(kind, "__module__").startswith("submission_"):
        return NetworkObject(
            kind, (kind, lambda: found), assumed=f"Net were the class {name_in(kind, '__name__')[:80]}"
        )
    if is_module:
        return NetworkObject(found, (lambda: found,), assumed="Net were a class that builds this object")
    if not callable(found):
        raise Unusable("not-a-class", f"Net is an object of type {name_in(kind, '__name__')[:80]}, not a class")
    return NetworkObject(found, (found,))


def written_class(kind: object, files: Files, statements: Sequence[ast.stmt]) -> ast.ClassDef | None:
    """The definition of a class, in the script or in one of its helper modules; None if there is none."""
    if not issubclass(type(kind), type):
        return None
    name, home = name_in(kind, "__name__"), name_in(kind, "__module__")
    return class_named(files.statements.get(home, list(statements)), name)


def name_in(kind: object, name: str) -> str:
    """The name or module of a class, without calling its metaclass."""
    value = type.__getattribute__(kind, name)
    return value if type(value) is str else ""
