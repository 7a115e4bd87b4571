"""The child's end of the evidence channel: records and arrays out, the next training seed in.

One frame is a line of JSON, with a signature before it, followed by the raw bytes of its arrays::

    <32 hex digits> {"stage": "load", "begin": true}
    <32 hex digits> {"stage": "load", "record": {...}, "arrays": []}
    <32 hex digits> {"stage": "train", "record": {...}, "arrays": [["heldout", [10000, 10]]]} + little-endian float32
    <32 hex digits> {"stage": "", "end": "", "cause": ""}

The signature is a keyed BLAKE2b over the frame's number, its line and its arrays. The key is the parent's, new for each
submission, so that bytes written to the pipe by anybody else are recognised. ``notices`` may come with any frame, or
in one of their own.
The parent reads it in :mod:`grader.sandbox.decoding` and believes nothing: its limits hold whatever is sent here.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from grader.evidence import STAGES, Notice

if TYPE_CHECKING:
    import torch

LONGEST_TEXT = 4000
"""Longer strings in a record are cut here, in characters; the parent refuses anything much longer."""
LONGEST_LINE = 1 << 20
"""Bytes of one JSON line."""
LARGEST_ARRAYS = 8 << 20
"""Bytes of all arrays of one frame."""
UNTRAINED_IMAGES = 250
"""How many of the held-out images, at most, are passed through a net before it is trained: their order is random."""
SIGNATURE_BYTES = 16

# Taken now, so that a submission which replaces os.write or the json module's encoder later changes nothing here.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_write = os.write
_read = os.read
_blake2b = hashlib.blake2b

@dataclass(frozen=True)
class Transmitter:
    """``send`` sends one frame, a header with its arrays; ``tell`` sends notices that are waiting, if it can now."""

    send: Callable[[dict[str, Any], Sequence[bytes]], None]
    tell: Callable[[], None]


def transmitter(evidence: int, key: bytes, notices: Callable[[str | None], list[Notice]]) -> Transmitter:
    """What sends frames down the descriptor, each signed and with the notices that came up since the last one.

    ``notices`` gives these; it is told the stage that a frame belongs to, None for a frame of notices alone. Everything
    is a closure over plain functions, because methods and module attributes can be replaced by a submission. A process
    that was forked off this one is silent: it ends when it comes to report.
    """
    write, blake2b, encode, fields, process_id, leave = _write, _blake2b, _encode, asdict, os.getpid, os._exit
    owner = process_id()
    lock = threading.Lock()
    number = 0

    def put(header: dict[str, Any], arrays: Sequence[bytes], noticed: list[Notice]) -> None:
        nonlocal number
        line = encode({**header, "notices": [fields(one) for one in noticed]} if noticed else header).encode()
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the record of stage {header['stage']} exceeds {LONGEST_LINE} bytes")
        parts = [signature(key, number, line, arrays, blake2b), b" ", line, b"\n", *arrays]
        number += 1
        for part in parts:
            rest = memoryview(part)
            while rest:
                rest = rest[write(evidence, rest) :]

    def send(header: dict[str, Any], arrays: Sequence[bytes]) -> None:
        if process_id() != owner:
            leave(1)
        with lock:
            put(header, arrays, notices(header["stage"]))

    def tell() -> None:
        if process_id() != owner or not lock.acquire(blocking=False):
            return  # a frame is under way: it, or the next one, takes them along
        try:
            if noticed := notices(None):
                put({"stage": ""}, (), noticed)
        finally:
            lock.release()

    return Transmitter(send, tell)


def signature(
    key: bytes, number: int, line: bytes, arrays: Sequence[bytes], blake2b: Callable[..., Any] = _blake2b
) -> bytes:
    """The 32 hex digits that go before frame ``number`` (from 0)."""
    digest = blake2b(b"%d " % number + line, key=key, digest_size=SIGNATURE_BYTES)
    for array in arrays:
        digest.update(array)
    return bytes(digest.hexdigest(), "ascii")


class Unobserved(Exception):
    """An exception that no line of the submission had a part in: the observer met something that it is not made for."""


FAULT, UNOBSERVED = "fault", "unobserved"
"""How a child may end besides through the submission itself: the grader's own fault, or :class:`Unobserved`."""


class Channel:
    """What a stage uses to report; ``commands`` is the descriptor that answers come from."""

    def __init__(self, transmitter: Transmitter, commands: int) -> None:
        self._transmit = transmitter.send
        self._torch = sys.modules.get("torch")  # kept, for a submission may take it out of the table of modules
        self._commands = commands
        self._pending = b""

    def begin(self, stage: str) -> None:
        """Tell the parent that ``stage`` starts now: its deadline runs from here."""
        self._transmit({"stage": stage, "begin": True}, ())

    def send(self, record: Any, stage: str, arrays: Mapping[str, torch.Tensor] | None = None) -> None:
        """Send the finished ``record`` of ``stage`` with its arrays, copied as float32.

        Raises TypeError for a record of the wrong type or an array that is not a plain ``torch.Tensor``, ValueError
        for a number that is not finite in the record, or for more than the channel carries.
        """
        if not isinstance(record, STAGES[stage]):
            raise TypeError(f"stage {stage} sends {STAGES[stage].__name__}, not {type(record).__name__}")
        named = {
            name: (list(tensor.shape), self._float32_bytes(name, tensor)) for name, tensor in (arrays or {}).items()
        }
        blobs = [blob for _, blob in named.values()]
        if sum(map(len, blobs)) > LARGEST_ARRAYS:
            raise ValueError(f"the arrays of stage {stage} exceed {LARGEST_ARRAYS} bytes")
        shapes = [[name, shape] for name, (shape, _) in named.items()]
        self._transmit({"stage": stage, "record": _plain(_fields(record)), "arrays": shapes}, blobs)

    def ask(self) -> int | None:
        """Wait for the parent's word after a training run: the next seed to train with, or None to stop."""
        while b"\n" not in self._pending:
            chunk = _read(self._commands, 4096)
            if not chunk:
                return None
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        seed = json.loads(line)["seed"]
        return None if seed is None else int(seed)

    def end(self, error: str = "", *, cause: str = "") -> None:
        """Say that all stages are done, or name the error that stopped them; ``cause`` is FAULT or UNOBSERVED when that
        was not the submission's.
        """
        self._transmit({"stage": "", "end": _plain(error), "cause": cause}, ())

    def _float32_bytes(self, name: str, tensor: torch.Tensor) -> bytes:
        """The elements as little-endian float32, row by row. A subclass could lie about them, so it is refused."""
        torch: Any = self._torch
        if torch is None or type(tensor) is not torch.Tensor:
            raise TypeError(f"{name} must be a plain torch.Tensor, not {type(tensor).__name__}")
        flat = tensor.detach().to(device="cpu", dtype=torch.float32).contiguous()
        return bytes(flat.numpy().astype("<f4", copy=False).tobytes())


def _fields(record: Any) -> dict[str, Any]:
    return asdict(record)


def _plain(value: Any) -> Any:
    """Return ``value`` with every string cut to length and free of what UTF-8 cannot carry."""
    if isinstance(value, str):
        cut = value if len(value) <= LONGEST_TEXT else value[: LONGEST_TEXT - 1] + "…"
        return cut.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a record holds a number that is not finite")
    return value
