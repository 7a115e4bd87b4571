"""Reads and writes dataclasses as JSON files, and replaces files atomically."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
import re
import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import msgspec

from grader.model import JSON

_SURROGATES = re.compile("[\ud800-\udfff]")
# Control, bidi and invisible characters, which JSON allows but which affect a terminal that shows the file.
_STEERING = re.compile("[\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")

_PLAIN = frozenset({str, int, bool})
"""Types that are valid JSON without conversion, as most values are."""

_HAS_SPECIAL = b'"float"'
"""Occurs in a file with a packed NaN or infinity. Only such files need the slow search for them."""

_FIELDS: dict[type, tuple[str, ...]] = {}
"""A cache of the field names by dataclass; empty for other types."""

T = TypeVar("T")

_CONVERTING = threading.Lock()
"""msgspec crashes when two threads use a dataclass for the first time at the same time."""


def write_file(path: Path, content: bytes, *, is_durable: bool = False, mode: int | None = None) -> None:
    """Replace ``path`` by ``content`` atomically; with ``is_durable``, also safe against a power failure.

    With ``mode`` the file has these permissions from the start. Without either, an equal file stays: to replace a file
    takes longer than to read it.
    """
    with suppress(OSError):
        if not is_durable and mode is None and path.read_bytes() == content:
            return
    with replacing(path, is_durable=is_durable, mode=mode) as file:
        file.write(content)


@contextmanager
def replacing(path: Path, *, is_durable: bool = False, mode: int | None = None) -> Iterator[BinaryIO]:
    """A new file that atomically replaces ``path`` when the block ends, and is removed if the block is left early.

    For ``is_durable`` and ``mode`` see :func:`write_file`.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}.tmp")
    try:
        with open(temporary, "xb", opener=partial(os.open, mode=0o666 if mode is None else mode)) as file:
            yield file
            if is_durable:
                file.flush()
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        # Whatever ends the write, Ctrl-C included: remove the temporary file.
        temporary.unlink(missing_ok=True)
        raise


def write_record(path: Path, record: object, *, is_durable: bool = True) -> None:
    """Replace ``path`` by a dataclass or plain data as strict JSON, in the form that :func:`packed` returns."""
    _write_text(path, json.dumps(packed(record), ensure_ascii=False, allow_nan=False), is_durable=is_durable)


def write_json_rows(path: Path, head: JSON, name: str, rows: Iterable[JSON]) -> None:
    """Replace ``path``, durably, by an object with the entries of ``head`` and the list ``rows`` under ``name``.

    Each row is on its own line, so that people can read the file and compare it line by line; indented JSON takes six
    times as long to write. The file is for other programs, so NaN and infinity become null. ``rows`` may be computed as
    they are written: only one of them is in memory.
    """
    with replacing(path, is_durable=True) as file:
        entries = "".join(f"{_encoded(key)}: {_encoded(value)},\n" for key, value in head.items())
        file.write(_escaped(f"{{{entries}{_encoded(name)}: [\n").encode())
        for number, row in enumerate(rows):
            file.write(_escaped(",\n" * bool(number) + _encoded(row)).encode())
        file.write(b"\n]}\n")


def _encoded(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(finite(value), ensure_ascii=False, allow_nan=False)


def json_line(value: object) -> str:
    """Plain data as JSON on one line, without characters that affect a terminal."""
    return _escaped(json.dumps(value, ensure_ascii=False, allow_nan=False))


def _escaped(text: str) -> str:
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", encodable(text))


def _write_text(path: Path, text: str, *, is_durable: bool) -> None:
    write_file(path, (_escaped(text) + "\n").encode(), is_durable=is_durable)


def read_json(path: Path) -> JSON | None:
    """The JSON object in ``path``; None for anything else, because a stored file may be truncated or edited."""
    try:
        read = _loaded(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return read if isinstance(read, dict) else None


def read_record(path: Path, kind: type[T]) -> T | None:
    """The dataclass ``kind`` that was written to ``path``; None when the file is missing or invalid."""
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
    """Dataclasses as plain data; Path and Decimal become text, NaN and infinity become objects: {"float": "nan"}."""
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


def content_digest(value: object) -> bytes:
    """SHA-256 of dataclasses or plain data; empty for text that is no valid Unicode, which has no digest."""
    try:
        with _CONVERTING:
            return hashlib.sha256(msgspec.msgpack.encode(value, enc_hook=str)).digest()
    except UnicodeEncodeError:
        return b""


def unpacked(value: Any, kind: type[T]) -> T | None:
    """The inverse of :func:`packed`: a ``kind``, or None for None. Raises msgspec.ValidationError for other values."""
    if value is None:
        return None
    with _CONVERTING:
        return msgspec.convert(value, kind, dec_hook=_decode_path)


def finite(value: Any) -> Any:
    """Plain data with None for each NaN and infinity."""
    if isinstance(value, dict):
        return {name: finite(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def encodable(text: str) -> str:
    """``text`` with U+FFFD for lone surrogates, which stand for bytes of a file name that are not valid UTF-8."""
    return _SURROGATES.sub("\ufffd", text)


def _decode_path(kind: type, value: Any) -> Any:
    if kind is Path and isinstance(value, str):
        return Path(value)
    raise TypeError(f"{kind.__name__} cannot be read from {type(value).__name__}")


def _special_float(value: JSON) -> Any:
    return float(value["float"]) if value.keys() == {"float"} and value["float"] in ("nan", "inf", "-inf") else value


def number(value: Decimal) -> int | float:
    """Points as a JSON number: an integer if they have no fraction."""
    return int(value) if value == value.to_integral_value() else float(value)
