"""What the functions and classes that observation relies on were before student code ran, and putting them back.

A submission shares its process with what observes it. It may not replace what the observer calls: a change is undone
and told. Names that a library does not have may be added freely.
"""

from __future__ import annotations

import builtins
import gc
import json
import math
import os
import random
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import is_
from types import ModuleType
from typing import Any

_STANDARD = (gc, json, math, os, random, time)
_TORCH_MODULES = (
    *("torch", "torch.nn", "torch.nn.functional", "torch.nn.init", "torch.overrides", "torch.optim", "torch.autograd"),
    *("torch.nn.modules.module", "torch.nn.utils.parametrize", "torch.utils._python_dispatch"),
)
_FREE = frozenset({"torch.load", "torch.save", "torch.Storage"})
"""Scripts wrap the first two to get round a change of their defaults, and torch itself replaces the last one when the
default type is set. No observation uses them.
"""
_NEARBY = (
    *("torch.Tensor", "torch._tensor.Tensor"),
    *(f"grader.worker.{name}" for name in ("tracing", "lineage", "recognition", "vocabulary", "mending", "probing")),
)
"""How the names begin of what following a pass relies on; functions of torch's it keeps hold of itself."""
_OWN = "grader"
_HIDDEN_CLASS_ENTRIES = frozenset({"__dict__", "__weakref__", "__doc__", "__abstractmethods__", "_abc_impl"})


@dataclass
class _Owner:
    """A module or class with its entries as they were; ``values`` are kept apart, to be compared in one sweep."""

    name: str
    thing: Any
    entries: dict[str, object]
    keys: list[str]
    values: list[object]


class Seal:
    """The state of torch, of what we use of the standard library, and of this package, when the seal was made."""

    def __init__(self) -> None:
        self._owners = [_owner(name, thing) for name, thing in _things()]

        self._builtins = vars(builtins)
        # Loading answers input() itself.
        self._builtin = {name: value for name, value in self._builtins.items() if callable(value) and name != "input"}
        self._replaced: list[str] = []
        """Builtins that were put back and have not been told yet."""
        self._nearby = [owner for owner in self._owners if owner.name.startswith(_NEARBY)]

    def broken(self) -> tuple[str, ...]:
        """Put back everything that was replaced since the seal was made; the dotted names of what that was."""
        return self._told(self._owners)

    def broken_nearby(self) -> tuple[str, ...]:
        """The same for what following a single pass relies on, which is looked at often."""
        return self._told(self._nearby)

    def put_back_builtins(self) -> None:
        """Put back Python's builtins, which even looking needs; that is told the next time. Calls none of them."""
        for name, value in self._builtin.items():
            if self._builtins.get(name) is not value:
                self._builtins[name] = value
                self._replaced.append(f"builtins.{name}")

    def _told(self, owners: list[_Owner]) -> tuple[str, ...]:
        self.put_back_builtins()
        replaced = [*self._replaced, *(name for owner in owners if not _is_whole(owner) for name in _mend(owner))]
        self._replaced.clear()
        return tuple(replaced)


_guards: list[Callable[[], None]] = []


def guard_with(look: Callable[[], None]) -> None:
    """Have ``look`` called by :func:`guard` from here on."""
    _guards.append(look)


def guard() -> None:
    """Look after the seal now, in a process that has one."""
    for look in _guards:
        look()


def _things() -> Iterator[tuple[str, Any]]:
    for module in _STANDARD:
        yield module.__name__, module
    seen: set[int] = set()
    for name, module in list(sys.modules.items()):
        is_ours = name.partition(".")[0] == _OWN
        if not is_ours and name not in _TORCH_MODULES and not name.startswith("torch.nn.modules."):
            continue
        yield name, module
        for kind in _classes(module, is_ours=is_ours):
            if id(kind) not in seen:
                seen.add(id(kind))
                yield f"{kind.__module__}.{kind.__qualname__}", kind


def _classes(module: ModuleType, *, is_ours: bool) -> Iterable[type]:
    """The classes that observation goes through: all of ours, and those of torch's that nets are made of."""
    for value in list(vars(module).values()):
        if not isinstance(value, type):
            continue
        home = value.__module__.partition(".")[0]
        if home == _OWN if is_ours else home == "torch":
            yield value


def _owner(name: str, thing: Any) -> _Owner:
    entries = dict(vars(thing))
    return _Owner(name, thing, entries, list(entries), list(entries.values()))


def _is_whole(owner: _Owner) -> bool:
    now = vars(owner.thing)
    # Compared by identity, in order: an object of the submission's own could claim to be equal to anything.
    return len(now) == len(owner.keys) and all(map(is_, owner.values, now.values()))


def _mend(owner: _Owner) -> Iterator[str]:
    now = vars(owner.thing)
    for name, value in owner.entries.items():
        if now.get(name, _mend) is value or not _is_guarded(owner, name, value):
            continue
        if _put(owner.thing, name, value):
            yield f"{owner.name}.{name}"
    if isinstance(owner.thing, type):
        for name in [name for name in now if name not in owner.entries and _shadows(owner.thing, name)]:
            type.__delattr__(owner.thing, name)
            yield f"{owner.name}.{name}"
    # What is left are values that libraries change themselves, and additions; they are no news from now on.
    owner.keys, owner.values = list(now), list(now.values())


def _is_guarded(owner: _Owner, name: str, value: object) -> bool:
    if isinstance(owner.thing, type):
        return name not in _HIDDEN_CLASS_ENTRIES and (callable(value) or hasattr(value, "__get__"))
    return callable(value) and f"{owner.name}.{name}" not in _FREE


def _put(thing: Any, name: str, value: object) -> bool:
    try:
        type.__setattr__(thing, name, value) if isinstance(thing, type) else setattr(thing, name, value)
    except (AttributeError, TypeError):  # a type that cannot be changed has not been changed
        return False
    return True


def _shadows(kind: type, name: str) -> bool:
    """Whether an entry that was added to a class hides one that it inherits."""
    return name not in _HIDDEN_CLASS_ENTRIES and any(name in vars(base) for base in kind.__mro__[1:])
