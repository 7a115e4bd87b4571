"""The child's end of the evidence channel: records and arrays out, the next training seed in.

One frame is a line of JSON followed by the raw bytes of its arrays::

    {"stage": "load", "begin": true}
    {"stage": "load", "record": {...}, "arrays": []}
    {"stage": "train", "record": {...}, "arrays": [["heldout", [10000, 10]]]}   + little-endian float32
    {"stage": "", "end": ""}

The parent reads it in :mod:`grader.sandbox.decoding` and believes nothing: its limits hold whatever is sent here.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from grader.evidence import STAGES

if TYPE_CHECKING:
    import torch

LONGEST_TEXT = 4000
"""Longer strings in a record are cut here, in characters; the parent refuses anything much longer."""
LONGEST_LINE = 1 << 20
"""Bytes of one JSON line."""
LARGEST_ARRAYS = 8 << 20
"""Bytes of all arrays of one frame."""

# Taken now, so that a submission which replaces os.write or the json module's encoder later changes nothing here.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_write = os.write
_read = os.read


class Channel:
    """What a stage uses to report. The two descriptors belong to the child alone."""

    def __init__(self, evidence: int, commands: int) -> None:
        self._evidence = evidence
        self._commands = commands
        self._pending = b""

    def begin(self, stage: str) -> None:
        """Tell the parent that ``stage`` starts now: its deadline runs from here."""
        self._send({"stage": stage, "begin": True})

    def send(self, record: Any, stage: str, arrays: Mapping[str, torch.Tensor] | None = None) -> None:
        """Send the finished ``record`` of ``stage`` with its arrays, copied as float32.

        Raises TypeError for a record of the wrong type or an array that is not a plain ``torch.Tensor``, ValueError
        for a number that is not finite in the record, or for more than the channel carries.
        """
        if not isinstance(record, STAGES[stage]):
            raise TypeError(f"stage {stage} sends {STAGES[stage].__name__}, not {type(record).__name__}")
        named = {name: (list(tensor.shape), _float32_bytes(name, tensor)) for name, tensor in (arrays or {}).items()}
        blobs = [blob for _, blob in named.values()]
        if sum(map(len, blobs)) > LARGEST_ARRAYS:
            raise ValueError(f"the arrays of stage {stage} exceed {LARGEST_ARRAYS} bytes")
        shapes = [[name, shape] for name, (shape, _) in named.items()]
        self._send({"stage": stage, "record": _plain(_fields(record)), "arrays": shapes}, *blobs)

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

    def end(self, error: str = "") -> None:
        """Say that all stages are done, or name the error that stopped them."""
        self._send({"stage": "", "end": _plain(error)})

    def _send(self, header: dict[str, Any], *blobs: bytes) -> None:
        line = _encode(header).encode() + b"\n"
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the record of stage {header['stage']} exceeds {LONGEST_LINE} bytes")
        for part in (line, *blobs):
            rest = memoryview(part)
            while rest:
                rest = rest[_write(self._evidence, rest) :]


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


def _float32_bytes(name: str, tensor: torch.Tensor) -> bytes:
    """Return the elements as little-endian float32, row by row. A subclass could lie about them, so it is refused."""
    import torch

    if type(tensor) is not torch.Tensor:
        raise TypeError(f"{name} must be a plain torch.Tensor, not {type(tensor).__name__}")
    flat = tensor.detach().to(device="cpu", dtype=torch.float32).contiguous()
    return flat.numpy().astype("<f4", copy=False).tobytes()
