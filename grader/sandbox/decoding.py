"""Reading evidence frames strictly: whatever a child sends, what comes out is a valid record in its turn, or Garbled.

The wire format is described in :mod:`grader.worker.wire.channel`; the limits here are the parent's own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from grader.model.evidence import STAGES
from grader.worker.wire.channel import FAULT, UNOBSERVED

ORDER = tuple(STAGES)
LONGEST_LINE = 8 << 20
LONGEST_TEXT, LONGEST_VALUES = 8000, 1 << 17
VALUES = frozenset({"values", "sample", "outputs"})
"""Fields that hold a tensor's values as text."""
MOST_VALUES = 500_000
"""In one record, as commas tell: a thousand times what the lab's own network needs, and a second of this process."""
LARGEST_INTEGER = 2**53


class Garbled(Exception):
    """What came down the channel is not what our own worker sends. The message says what was wrong."""


@dataclass(frozen=True)
class Began:
    """The child started a stage."""

    stage: str


@dataclass(frozen=True)
class Recorded:
    """The child finished a stage."""

    stage: str
    record: Any


@dataclass(frozen=True)
class Ended:
    """The child has nothing more to say; ``error`` names the exception that stopped it, if one did, and ``cause`` says
    whose it was when it was not the submission's.
    """

    error: str
    cause: str = ""


class _Frame(msgspec.Struct, forbid_unknown_fields=True):
    stage: str
    begin: bool = False
    record: msgspec.Raw = msgspec.Raw()
    end: str | None = None
    cause: str = ""


_frames = msgspec.json.Decoder(_Frame)
_plain = msgspec.json.Decoder()
_records: dict[str, msgspec.json.Decoder[Any]] = {
    stage: msgspec.json.Decoder(record) for stage, record in STAGES.items()
}
_encoder = msgspec.json.Encoder()


class Decoder:
    """Frames in, events out, for one child. Stages may be left out but never come twice or out of order."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        """Bytes at the buffer's start that hold no end of a line."""
        self._position = -1
        self._begun: str | None = None
        self._has_ended = False

    def feed(self, data: bytes) -> Iterator[Began | Recorded | Ended]:
        """Take in ``data`` and yield what is complete. Raises Garbled, and nothing else, for anything amiss."""
        self._buffer += data
        while True:
            end = self._buffer.find(b"\n", self._searched)
            length = len(self._buffer) if end < 0 else end
            if length > LONGEST_LINE:
                raise Garbled("a line is too long")
            if end < 0:
                self._searched = length
                return
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._searched = 0
            yield self._event(line)

    def _event(self, line: bytes) -> Began | Recorded | Ended:
        if self._has_ended:
            raise Garbled("something came after the end")
        try:
            frame = _frames.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            raise Garbled(f"a line is not a frame: {problem}") from None
        raw = bytes(frame.record)
        if frame.begin + (frame.end is not None) + bool(raw) != 1:
            raise Garbled("a frame must begin a stage, end one, or end everything")
        if frame.end is not None:
            self._has_ended = True
            _check_values(frame.end)
            if frame.cause not in ("", FAULT, UNOBSERVED):
                raise Garbled("the end has a cause that is not known")
            return Ended(frame.end, frame.cause)
        self._check_turn(frame)
        if frame.begin:
            self._begun = frame.stage
            return Began(frame.stage)
        record = _decode_record(frame.stage, raw)
        self._begun = None
        self._position = ORDER.index(frame.stage)
        return Recorded(frame.stage, record)

    def _check_turn(self, frame: _Frame) -> None:
        if frame.stage not in STAGES:
            raise Garbled("a frame names no known stage")
        if self._begun is not None and (frame.begin or frame.stage != self._begun):
            raise Garbled(f"stage {frame.stage} came inside stage {self._begun}")
        if ORDER.index(frame.stage) <= self._position:
            raise Garbled(f"stage {frame.stage} came out of order")


def _decode_record(stage: str, raw: bytes) -> Any:
    if raw.count(b",") > MOST_VALUES:  # before any of them costs more than a byte
        raise Garbled(f"the record of stage {stage} has too many values")
    try:
        record = _records[stage].decode(raw)
        plain = _plain.decode(raw)
        # Every field must be there and nothing else: what we read must be all that was written.
        is_exact = _plain.decode(_encoder.encode(asdict(record))) == plain
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as problem:
        raise Garbled(f"the record of stage {stage} is not valid: {problem}") from None
    if not is_exact:
        raise Garbled(f"the record of stage {stage} has fields that are missing, unknown or out of range")
    _check_values(plain)
    return record


def _check_values(value: Any, longest: int = LONGEST_TEXT) -> None:
    """Raise Garbled for a text too long, an integer too large or a float that is not finite, at any depth."""
    if isinstance(value, str):
        if len(value) > longest:
            raise Garbled("a text is too long")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Garbled("a number is not finite")
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise Garbled("a number is too large")
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_values(name)
            _check_values(item, LONGEST_VALUES if name in VALUES else LONGEST_TEXT)
    elif isinstance(value, list):
        for item in value:
            _check_values(item)
