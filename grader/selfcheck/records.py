"""Reading evidence records back from the JSON data that they were sent as. Needs only the standard library."""

from __future__ import annotations

import dataclasses
import types
import typing
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


def record_from(value: Any, kind: type[T]) -> T:
    """The record of dataclass ``kind`` in ``value``, including the records inside it.

    ``value`` is JSON data as ``asdict`` gives it. Raises ValueError or TypeError for anything else.
    """
    return typing.cast("T", _read(value, kind))


def _read(value: Any, kind: Any) -> Any:
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        if not isinstance(value, dict):
            raise TypeError(f"{kind.__name__} cannot be read from {type(value).__name__}")
        hints = _hints(kind)
        if value.keys() != hints.keys():
            raise ValueError(f"{kind.__name__} has other fields than {', '.join(map(str, value))}")
        return kind(**{name: _read(value[name], hint) for name, hint in hints.items()})
    if kind is Any:
        return value
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in arguments:
            return None
        (only,) = (argument for argument in arguments if argument is not types.NoneType)
        return _read(value, only)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis and isinstance(value, list):
        return tuple(_read(item, arguments[0]) for item in value)
    if origin is dict and isinstance(value, dict):
        return {_read(key, arguments[0]): _read(item, arguments[1]) for key, item in value.items()}
    if kind is float and type(value) is int:
        return float(value)
    if kind in (int, float, str, bool) and type(value) is kind:
        return value
    raise TypeError(f"{kind} cannot be read from {type(value).__name__}")


@cache
def _hints(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)
