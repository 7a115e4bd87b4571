"""Decode and validate the evidence frames of a child: the result is a valid record, or MalformedEvidence is raised.

:mod:`grader.worker.wire.channel` describes the wire format. The limits in this module are the parent's own.
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
"""Fields that contain the values of a tensor as text."""
MOST_VALUES = 500_000
"""Limit for the values in one record, counted by commas: 1,000 times what the lab's network needs, or 1 s to decode."""
LARGEST_INTEGER = 2**53


class MalformedEvidence(Exception):
    """The data on the channel is not what a worker sends. The message gives the reason."""


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
    """The child has finished. ``error`` is the exception that stopped it, if any.

    ``cause`` is FAULT or UNOBSERVED if the submission did not cause the error.
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
    """Turns the frames of one child into events. A stage may be missing, but may not come twice or out of order."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        """Bytes at the start of the buffer that are known to contain no line end."""
        self._position = -1
        self._begun: str | None = None
        self._has_ended = False

    def feed(self, data: bytes) -> Iterator[Began | Recorded | Ended]:
        """Add ``data`` and yield the complete events. Raises MalformedEvidence for any invalid data."""
        self._buffer += data
        while True:
            end = self._buffer.find(b"\n", self._searched)
            length = len(self._buffer) if end < 0 else end
            if length > LONGEST_LINE:
                raise MalformedEvidence("a line is too long")
            if end < 0:
                self._searched = length
                return
            line = bytes(self._buffer[:end])
            del self._buffer[: end + 1]
            self._searched = 0
            yield self._event(line)

    def _event(self, line: bytes) -> Began | Recorded | Ended:
        if self._has_ended:
            raise MalformedEvidence("something came after the end")
        try:
            frame = _frames.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            raise MalformedEvidence(f"a line is not a frame: {problem}") from None
        raw = bytes(frame.record)
        if frame.begin + (frame.end is not None) + bool(raw) != 1:
            raise MalformedEvidence("a frame must begin a stage, end one, or end everything")
        if frame.end is not None:
            self._has_ended = True
            _check_values(frame.end)
            if frame.cause not in ("", FAULT, UNOBSERVED):
                raise MalformedEvidence("the end has a cause that is not known")
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
            raise MalformedEvidence("a frame names no known stage")
        if self._begun is not None and (frame.begin or frame.stage != self._begun):
            raise MalformedEvidence(f"stage {frame.stage} came inside stage {self._begun}")
        if ORDER.index(frame.stage) <= self._position:
            raise MalformedEvidence(f"stage {frame.stage} came out of order")


def _decode_record(stage: str, raw: bytes) -> Any:
    if raw.count(b",") > MOST_VALUES:  # checked before decoding, which needs more memory
        raise MalformedEvidence(f"the record of stage {stage} has too many values")
    try:
        record = _records[stage].decode(raw)
        plain = _plain.decode(raw)
        # All fields must be present and no others: encoding the record must give the same data.
        is_exact = _plain.decode(_encoder.encode(asdict(record))) == plain
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError) as problem:
        raise MalformedEvidence(f"the record of stage {stage} is not valid: {problem}") from None
    if not is_exact:
        raise MalformedEvidence(f"the record of stage {stage} has fields that are missing, unknown or out of range")
    _check_values(plain)
    return record


def _check_values(value: Any, longest: int = LONGEST_TEXT) -> None:
    """Raise MalformedEvidence for a text that is too long, a large integer or an infinite float, at any depth."""
    if isinstance(value, str):
        if len(value) > longest:
            raise MalformedEvidence("a text is too long")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise MalformedEvidence("a number is not finite")
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise MalformedEvidence("a number is too large")
    elif isinstance(value, dict):
        for name, item in value.items():
            _check_values(name)
            _check_values(item, LONGEST_VALUES if name in VALUES else LONGEST_TEXT)
    elif isinstance(value, list):
        for item in value:
            _check_values(item)
