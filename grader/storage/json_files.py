"""Records as JSON files: dataclasses packed into plain data and back, and files replaced whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import re
import secrets
import threading
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from grader.model import JSON

_SURROGATES = re.compile("[\ud800-\udfff]")
# Control, bidi and unseen characters, which stand for themselves in JSON but steer a terminal that shows the file.
_STEERING = re.compile("[\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")

_PLAIN = frozenset({str, int, bool})
"""Types that JSON writes as they are: most of the values of a record."""

_HAS_SPECIAL = b'"float"'
"""In a file with a packed float that JSON lacks; to look for such floats takes longer than to read all the rest."""

_FIELDS: dict[type, tuple[str, ...]] = {}
"""The fields of each dataclass that was packed; none for other types."""

T = TypeVar("T")

_CONVERTING = threading.Lock()
"""msgspec crashes when two threads meet a dataclass for the first time at once."""


def write_file(path: Path, content: bytes, *, is_durable: bool = False) -> None:
    """Replace ``path`` by ``content`` in one step; with ``is_durable`` it also outlives a power cut."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        # Ctrl-C included: whatever ends the write, no temporary file stays behind.
        temporary.unlink(missing_ok=True)
        raise


def write_record(path: Path, record: object, *, is_durable: bool = True) -> None:
    """Replace ``path`` by a dataclass or plain data as strict JSON; :func:`packed` says in what form."""
    _write_text(path, json.dumps(packed(record), ensure_ascii=False, allow_nan=False), is_durable=is_durable)


def write_json_rows(path: Path, head: JSON, name: str, rows: Iterable[JSON]) -> None:
    """Replace ``path`` by ``head`` and the list ``rows`` called ``name``, durably, with each row on a line of its own.

    Such a file can be read by a person and compared line by line; one with an indent takes six times as long to write.
    It is for other programs, so a number that JSON lacks becomes null.
    """
    entries = [f"{_encoded(key)}: {_encoded(value)}" for key, value in head.items()]
    listed = ",\n".join(map(_encoded, rows))
    _write_text(path, "{" + ",\n".join([*entries, f"{_encoded(name)}: [\n{listed}\n]"]) + "}", is_durable=True)


def _encoded(value: object) -> str:
    return json.dumps(finite(value), ensure_ascii=False, allow_nan=False)


def _write_text(path: Path, text: str, *, is_durable: bool) -> None:
    escaped = _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", encodable(text))
    write_file(path, (escaped + "\n").encode(), is_durable=is_durable)


def read_json(path: Path) -> JSON | None:
    """The JSON object in ``path``; None for anything else, for a stored file may have been cut off or edited."""
    try:
        read = _loaded(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def read_record(path: Path, kind: type[T]) -> T | None:
    """The ``kind`` that was written to ``path``, packed or not; None when there is none, or it is garbled."""
    try:
        content = path.read_bytes()
        if _HAS_SPECIAL in content:
            return unpacked(_loaded(content), kind)
        with _CONVERTING:
            return msgspec.json.decode(content, type=kind, dec_hook=_decode_path)
    except (OSError, ValueError, RecursionError):
        return None


def _loaded(content: bytes) -> Any:
    return json.loads(content, object_hook=_special_float if _HAS_SPECIAL in content else None)


def packed(value: Any) -> Any:
    """Dataclasses as plain data; Path and Decimal become text, and a float that JSON lacks becomes {"float": "nan"}."""
    kind = type(value)
    if value is None or kind in _PLAIN:
        return value
    if kind not in _FIELDS:
        is_record = dataclasses.is_dataclass(kind)
        _FIELDS[kind] = tuple(field.name for field in dataclasses.fields(kind)) if is_record else ()
    if names := _FIELDS[kind]:
        return {name: packed(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {str(name): packed(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [packed(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    return str(value) if isinstance(value, Path | Decimal) else value


def unpacked(value: Any, kind: type[T]) -> T | None:
    """The ``kind`` that :func:`packed` took apart, None for null; raises msgspec.ValidationError for anything else."""
    if value is None:
        return None
    with _CONVERTING:
        return msgspec.convert(value, kind, dec_hook=_decode_path)


def finite(value: Any) -> Any:
    """Plain data with null for each number that JSON cannot write, packed or not."""
    if isinstance(value, dict):
        return None if value.keys() == {"float"} else {name: finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def encodable(text: str) -> str:
    """``text`` with U+FFFD for lone surrogates: bytes of a file name that are no UTF-8; no UTF-8 file holds them."""
    return _SURROGATES.sub("\ufffd", text)


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"{kind.__name__} cannot be read from {type(value).__name__}")


def _special_float(value: JSON) -> Any:
    return float(value["float"]) if value.keys() == {"float"} and value["float"] in ("nan", "inf", "-inf") else value


def number(value: Decimal) -> int | float:
    """Points as other programs read them: without a fraction where there is none."""
    return int(value) if value == value.to_integral_value() else float(value)
