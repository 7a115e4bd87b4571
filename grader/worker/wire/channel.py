"""The child's end of the evidence channel: it sends the records of one submission, stage by stage.

A frame is one line of JSON::

    {"stage": "load", "begin": true}
    {"stage": "load", "record": {...}}
    {"stage": "", "end": "", "cause": ""}

The parent decodes the frames in :mod:`grader.sandbox.decoding`. It does not trust the child and has its own limits.
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
"""Longer strings are cut, in characters: LONGEST_VALUES in a recording, where tensor values are text, LONGEST_TEXT
elsewhere. The parent refuses strings that are much longer."""
LONGEST_LINE = 8 << 20
"""Bytes in one line."""

# Bound at import, so that a submission that replaces os.write or json.JSONEncoder later has no effect here.
_encode = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode
_write, _process_id, _leave = os.write, os.getpid, os._exit
_fields: Callable[[Any], dict[str, Any]] = asdict


class Unobserved(Exception):
    """An exception without a line of the submission in its traceback: the grader cannot observe this submission."""


FAULT, UNOBSERVED = "fault", "unobserved"
"""Causes of an end that are not the submission's: a fault of the grader, or :class:`Unobserved`."""


class Channel:
    """Sends the reports of the stages to the file descriptor ``evidence``.

    Only the process that created the channel may report. A process forked from it exits when it tries.
    """

    def __init__(self, evidence: int) -> None:
        self._evidence = evidence
        self._owner = _process_id()

    def begin(self, stage: str) -> None:
        """Report that ``stage`` starts now. Its deadline starts now, too."""
        self._transmit({"stage": stage, "begin": True})

    def send(self, record: Any, stage: str) -> None:
        """Send the finished ``record`` of ``stage``.

        Raises TypeError for a record of the wrong type, and ValueError for a number that is not finite or a record
        longer than LONGEST_LINE.
        """
        if not isinstance(record, STAGES[stage]):
            raise TypeError(f"stage {stage} sends {STAGES[stage].__name__}, not {type(record).__name__}")
        longest = LONGEST_VALUES if stage == "record" else LONGEST_TEXT
        self._transmit({"stage": stage, "record": _plain(_fields(record), longest)})

    def end(self, error: str = "", *, cause: str = "") -> None:
        """Report that all stages are done, or the error that stopped them.

        ``cause`` is FAULT or UNOBSERVED if the submission did not cause the error.
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
    """Return ``value`` with every string cut to length and without characters that UTF-8 cannot encode."""
    if isinstance(value, str):
        cut = value if len(value) <= longest else value[: longest - 1] + "…"
        return cut.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, dict):
        return {key: _plain(item, longest) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item, longest) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a record contains a number that is not finite")
    return value
