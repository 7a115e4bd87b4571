"""Reading evidence frames strictly: whatever a child sends, what comes out is a valid record in its turn, or Garbled.

The wire format is described in :mod:`grader.worker.channel`; the limits here are the parent's own.
"""

from __future__ import annotations

import hmac
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.accuracy import CLASSES, Predictions
from grader.evidence import STAGES, Notice, Training
from grader.pictures import are_filters
from grader.worker.channel import FAULT, SIGNATURE_BYTES, UNOBSERVED, UNTRAINED_IMAGES, signature

ORDER = tuple(STAGES)
HELDOUT, UNTRAINED, FILTERS = "heldout", "untrained", "filters"
"""The only arrays on the channel, sent with a training record: log-probabilities of the held-out images after training,
and of the first of them before it; and the first filters, which may be left out."""
LONGEST_LINE = 1 << 20
LARGEST_ARRAYS = 8 << 20
LONGEST_TEXT = 8000
LARGEST_INTEGER = 2**53


LONGEST_NOTICES = 40
_SIGNED = 2 * SIGNATURE_BYTES


class Garbled(Exception):
    """What came down the channel is not what our own worker sends. The message says what was wrong."""


@dataclass(frozen=True)
class Began:
    """The child started a stage."""

    stage: str


@dataclass(frozen=True)
class Recorded:
    """The child finished a stage. ``predictions`` comes with a training record only."""

    stage: str
    record: Any
    predictions: Predictions | None = None


@dataclass(frozen=True)
class Ended:
    """The child has nothing more to say; ``error`` names the exception that stopped it, if one did, and ``cause`` says
    whose it was when it was not the submission's.
    """

    error: str
    cause: str = ""


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    stage: str
    begin: bool = False
    record: msgspec.Raw = msgspec.Raw()
    arrays: list[tuple[str, list[int]]] = []
    end: str | None = None
    cause: str = ""
    notices: list[Notice] = []


_headers = msgspec.json.Decoder(_Header)
_plain = msgspec.json.Decoder()
_records: dict[str, msgspec.json.Decoder[Any]] = {
    stage: msgspec.json.Decoder(record) for stage, record in STAGES.items()
}
_encoder = msgspec.json.Encoder()


class Decoder:
    """Frames in, events out, for one child. Stages may be left out but never come twice or out of order.

    ``key`` is what frames are signed with; see :mod:`grader.worker.channel`.
    """

    def __init__(self, *, key: bytes, first_seed: int, heldout_count: int) -> None:
        self.notices: list[Notice] = []
        """What the child noticed so far, each once."""
        self._key = key
        self._number = 0
        self._buffer = bytearray()
        self._frame: tuple[_Header, bytes, int] | None = None
        """A header with its signed line, whose arrays, of so many bytes, have not all arrived."""
        self._heldout_count = heldout_count
        self._expected_arrays = [
            (HELDOUT, [heldout_count, CLASSES]),
            (UNTRAINED, [min(heldout_count, UNTRAINED_IMAGES), CLASSES]),
        ]
        self._position = -1
        self._begun: str | None = None
        self._seed: int | None = first_seed
        self._has_ended = False

    def expect(self, seed: int | None) -> None:
        """Allow one more training run, with ``seed``; with None the next thing must be the end."""
        self._seed = seed

    def feed(self, data: bytes) -> Iterator[Began | Recorded | Ended]:
        """Take in ``data`` and yield what is complete. Raises Garbled, and nothing else, for anything amiss."""
        self._buffer += data
        while True:
            if self._frame is None:
                end = self._buffer.find(b"\n")
                if end > LONGEST_LINE or (end < 0 and len(self._buffer) > LONGEST_LINE):
                    raise Garbled("a line is too long")
                if end < 0:
                    return
                line = bytes(self._buffer[:end])
                header = self._decode_header(line[_SIGNED + 1 :])
                del self._buffer[: end + 1]
                self._frame = header, line, sum(4 * math.prod(shape) for _, shape in header.arrays)
            header, line, size = self._frame
            if len(self._buffer) < size:
                return
            arrays = bytes(self._buffer[:size])
            del self._buffer[:size]
            self._frame = None
            self._check_signature(line, arrays)
            self._take_notices(header.notices)
            if header.begin or header.end is not None or bytes(header.record):
                yield self._event(header, arrays)

    def _check_signature(self, line: bytes, arrays: bytes) -> None:
        expected = signature(self._key, self._number, line[_SIGNED + 1 :], [arrays])
        if not hmac.compare_digest(line[: _SIGNED + 1], expected + b" "):
            raise Garbled("a frame is not signed by the worker")
        self._number += 1

    def _take_notices(self, notices: list[Notice]) -> None:
        for notice in notices:
            _check_values(asdict(notice))
            if notice not in self.notices and len(self.notices) < LONGEST_NOTICES:
                self.notices.append(notice)

    def _decode_header(self, line: bytes) -> _Header:
        if self._has_ended:
            raise Garbled("something came after the end")
        try:
            header = _headers.decode(line)
        except (msgspec.MsgspecError, ValueError, RecursionError) as problem:
            raise Garbled(f"a line is not a frame: {problem}") from None
        kinds = header.begin + (header.end is not None) + bool(bytes(header.record))
        if kinds == 0 and header.notices and not header.arrays:
            return header
        if kinds != 1:
            raise Garbled("a frame must begin a stage, end one, or end everything")
        if header.end is None:
            self._check_turn(header.stage)
            if header.begin and self._begun is not None:
                raise Garbled(f"stage {header.stage} begins inside stage {self._begun}")
        if header.arrays and not self._are_expected(header.arrays):
            raise Garbled("the arrays are not those that were asked for")
        if header.arrays and (header.stage != "train" or header.begin or header.end is not None):
            raise Garbled("arrays come with a training record only")
        return header

    def _are_expected(self, arrays: list[tuple[str, list[int]]]) -> bool:
        """Whether these are the predictions, with or without filters. That bounds what is waited for, too."""
        predictions, filters = arrays[:2], arrays[2:]
        if predictions != self._expected_arrays or len(filters) > 1:
            return False
        return all(name == FILTERS and are_filters(shape) for name, shape in filters)

    def _check_turn(self, stage: str) -> None:
        if stage not in STAGES:
            raise Garbled("a frame names no known stage")
        if self._begun is not None and stage != self._begun:
            raise Garbled(f"stage {stage} came inside stage {self._begun}")
        if stage == "train":
            if self._seed is None:
                raise Garbled("a training run came that was not asked for")
        elif ORDER.index(stage) <= self._position:
            raise Garbled(f"stage {stage} came out of order")

    def _event(self, header: _Header, arrays: bytes) -> Began | Recorded | Ended:
        if header.end is not None:
            self._has_ended = True
            _check_values(header.end)
            if header.cause not in ("", FAULT, UNOBSERVED):
                raise Garbled("the end has a cause that is not known")
            return Ended(header.end, header.cause)
        if header.begin:
            self._begun = header.stage
            return Began(header.stage)
        record = _decode_record(header.stage, bytes(header.record))
        predictions = None
        if isinstance(record, Training):
            predictions = self._predictions(record, header.arrays, arrays)
            self._seed = None
        self._begun = None
        self._position = ORDER.index(header.stage)
        return Recorded(header.stage, record, predictions)

    def _predictions(self, record: Training, shapes: list[tuple[str, list[int]]], arrays: bytes) -> Predictions:
        if record.seed != self._seed:
            raise Garbled("a training run used another seed than it was given")
        told = (record.correct, record.total, record.untrained_correct, record.untrained_total)
        if any(told) or record.confusion:
            raise Garbled("a training record tells its own accuracy")
        if record.mistakes or record.filters is not None:
            raise Garbled("a training record brings its own pictures")
        if not arrays and record.problem is None:
            raise Garbled("a training record came without its predictions")
        values = np.frombuffer(arrays, dtype="<f4").astype(np.float32)
        named: dict[str, NDArray[np.float32]] = {}
        for name, shape in shapes:
            named[name], values = values[: math.prod(shape)].reshape(shape), values[math.prod(shape) :]
        nothing = np.zeros((0, CLASSES), np.float32)
        filters = named.get(FILTERS)
        if filters is not None and not np.isfinite(filters).all():
            filters = None  # nobody's fault, and nothing to be shown
        return Predictions(record.seed, named.get(HELDOUT, nothing), named.get(UNTRAINED, nothing), filters)


def _decode_record(stage: str, raw: bytes) -> Any:
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


def _check_values(value: Any) -> None:
    """Raise Garbled for a text too long, an integer too large or a float that is not finite, at any depth."""
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            raise Garbled("a text is too long")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise Garbled("a number is not finite")
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise Garbled("a number is too large")
    elif isinstance(value, dict):
        for item in value.values():
            _check_values(item)
    elif isinstance(value, list):
        for item in value:
            _check_values(item)
