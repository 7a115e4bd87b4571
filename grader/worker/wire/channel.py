"""The child's end of the evidence channel: the records of one submission, stage by stage.

A frame is one line of JSON::

    {"stage": "load", "begin": true}
    {"stage": "load", "record": {...}}
    {"stage": "", "end": "", "cause": ""}

The parent reads it in :mod:`grader.sandbox.decoding` and believes nothing: its limits hold whatever is sent here.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from grader.model.evidence import STAGES

LONGEST_TEXT = 4000
LONGEST_VALUES = 1 << 16
"""Longer strings are cut here, in characters: in what people read, and in a recording, where values are text, too. The
parent refuses anything much longer."""
LONGEST_LINE = 8 << 20
"""Bytes of one line."""

# Taken now, so that a submission which replaces os.write or the json module's encoder later changes nothing here.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_write, _process_id, _leave = os.write, os.getpid, os._exit
_fields: Callable[[Any], dict[str, Any]] = asdict


class Unobserved(Exception):
    """An exception that no line of the submission had a part in: the observer met something that it is not made for."""


FAULT, UNOBSERVED = "fault", "unobserved"
"""How a child may end besides through the submission itself: the grader's own fault, or :class:`Unobserved`."""


class Channel:
    """What a stage uses to report, down the descriptor ``evidence``.

    A process that was forked off this one is silent: it ends when it comes to report.
    """

    def __init__(self, evidence: int) -> None:
        self._evidence = evidence
        self._owner = _process_id()

    def begin(self, stage: str) -> None:
        """Tell the parent that ``stage`` starts now: its deadline runs from here."""
        self._transmit({"stage": stage, "begin": True})

    def send(self, record: Any, stage: str) -> None:
        """Send the finished ``record`` of ``stage``.

        Raises TypeError for a record of the wrong type, ValueError for a number that is not finite or for more than the
        channel carries.
        """
        if not isinstance(record, STAGES[stage]):
            raise TypeError(f"stage {stage} sends {STAGES[stage].__name__}, not {type(record).__name__}")
        longest = LONGEST_VALUES if stage == "record" else LONGEST_TEXT
        self._transmit({"stage": stage, "record": _plain(_fields(record), longest)})

    def end(self, error: str = "", *, cause: str = "") -> None:
        """Say that all stages are done, or name the error that stopped them; ``cause`` is FAULT or UNOBSERVED when that
        was not the submission's.
        """
        self._transmit({"stage": "", "end": _plain(error), "cause": cause})

    def _transmit(self, frame: dict[str, Any]) -> None:
        if _process_id() != self._owner:
            _leave(1)
        line = _encode(frame).encode() + b"\n"
        if len(line) > LONGEST_LINE:
            raise ValueError(f"the record of stage {frame['stage']} exceeds {LONGEST_LINE} bytes")
        rest = memoryview(line)
        while rest:
            rest = rest[_write(self._evidence, rest) :]


def _plain(value: Any, longest: int = LONGEST_TEXT) -> Any:
    """Return ``value`` with every string cut to length and free of what UTF-8 cannot carry."""
    if isinstance(value, str):
        cut = value if len(value) <= longest else value[: longest - 1] + "…"
        return cut.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _plain(item, longest) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, longest) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a record holds a number that is not finite")
    return value
