"""Repair misspelt names of torch: ``nn.Conv2D``, ``F.relU``, ``nn.Conv2d(1, 10, kernal_size=5)``."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Iterable
from difflib import SequenceMatcher
from types import ModuleType
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from grader.model.evidence import Problem, Repair

_LEAST_LIKENESS = 0.75
_ABOUT_AS_NEAR = 0.02
"""Dropout1 is as near to Dropout (0.93) as to Dropout1d (0.94): one letter."""
_KEYWORD = re.compile(r"\b(\w+)(\.__init__)?\(\) got an unexpected keyword argument '(\w+)'")


def repaired_spelling(error: Exception, problem: Problem) -> Repair | None:
    """Make the misspelt name that raised ``error`` mean what it resembles; the repair, or None if there is none."""
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType) and isinstance(error.name, str):
        return _attribute(error.obj, error.name, problem)
    match = _KEYWORD.search(str(error)) if isinstance(error, TypeError) else None
    return _keyword(match[1], match[3], problem, is_class=bool(match[2])) if match else None


def _attribute(module: ModuleType, name: str, problem: Problem) -> Repair | None:
    if module.__name__.split(".")[0] != "torch":
        return None
    right = _nearest(name, (known for known in dir(module) if not known.startswith("_")))
    if not right:
        return None
    setattr(module, name, getattr(module, right))
    return _repair(name, right, problem)


def _keyword(owner: str, wrong: str, problem: Problem, *, is_class: bool) -> Repair | None:
    places: tuple[Any, ...] = (nn,) if is_class else (functional, torch)
    place = next((place for place in places if hasattr(place, owner)), None)
    if place is None:
        return None
    real = getattr(place, owner)
    try:
        right = _nearest(wrong, inspect.signature(real).parameters)
    except (TypeError, ValueError):
        return None
    if not right:
        return None
    if is_class:
        real.__init__ = _with_keyword(real.__init__, wrong, right)
    else:
        setattr(place, owner, _with_keyword(real, wrong, right))
    return _repair(wrong, right, problem)


def _with_keyword(real: Callable[..., Any], wrong: str, right: str) -> Callable[..., Any]:
    @functools.wraps(real)
    def renamed(*args: Any, **kwargs: Any) -> Any:
        if wrong in kwargs:
            kwargs.setdefault(right, kwargs.pop(wrong))
        return real(*args, **kwargs)

    return renamed


def _nearest(name: str, known: Iterable[str]) -> str:
    """The known name that a misspelt one resembles; empty if there is none.

    The same letters come first, then the same without underscores, then the shortest of those that are about as near
    as the nearest. Names such as ``relu_``, which change their argument, are never meant.
    """
    words = sorted((word for word in known if not word.endswith("_")), key=lambda word: (len(word), word))
    for plain in (str.casefold, _without_underscores):
        wanted = plain(name)
        alike = [word for word in words if plain(word) == wanted]
        if alike:
            return next((word for word in alike if word[:1].isupper() == name[:1].isupper()), alike[0])
    matcher = SequenceMatcher(b=_without_underscores(name))
    likeness: dict[str, float] = {}
    for word in words:
        matcher.set_seq1(_without_underscores(word))
        likeness[word] = matcher.ratio() if matcher.quick_ratio() >= _LEAST_LIKENESS else 0.0
    best = max(likeness.values(), default=0.0)
    if best < _LEAST_LIKENESS:
        return ""
    return next(word for word in words if likeness[word] >= max(_LEAST_LIKENESS, best - _ABOUT_AS_NEAR))


def _without_underscores(name: str) -> str:
    return name.casefold().replace("_", "")


def _repair(wrong: str, right: str, problem: Problem) -> Repair:
    message = f"{wrong} is misspelt"
    return Repair("misspelt", "", message, assumed=f"{wrong} were spelt {right}", problem=problem)
