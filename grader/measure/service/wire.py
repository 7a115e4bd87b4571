"""What a measuring process is asked and what it answers, as plain bytes: it may run on another machine.

A message is a line of JSON; the arrays that it names come behind it as little-endian float32. No torch is needed here.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.model import TrainingPlan
from grader.model.evidence import Measurements, Recording, Training
from grader.model.graph import Graph


class Look(msgspec.Struct, tag="look", forbid_unknown_fields=True):
    """Measure everything but training."""

    graph: Graph
    recording: Recording
    """Without its programs."""
    parameters: int
    recorded_seed: int
    """Of the weights and images that were chosen for the submission's own run."""
    seed: int


class Train(msgspec.Struct, tag="train", forbid_unknown_fields=True):
    """Train once, as the attempt ``number`` (from 0) of a plan without its bands."""

    graph: Graph
    plan: TrainingPlan
    number: int
    seed: int
    probe_seed: int
    most_seconds: float


class Looked(msgspec.Struct, tag="looked", forbid_unknown_fields=True):
    """What :class:`Look` gives."""

    measurements: Measurements


class Trained(msgspec.Struct, tag="trained", forbid_unknown_fields=True):
    """What :class:`Train` gives, with the shapes of the arrays behind it: outputs for held-out images, and filters."""

    training: Training
    shapes: dict[str, tuple[int, ...]] = {}


class Refused(msgspec.Struct, tag="refused", forbid_unknown_fields=True):
    """The graph cannot be measured, and why."""

    reason: str


Request = Look | Train
Reply = Looked | Trained | Refused
Arrays = Mapping[str, NDArray[np.float32]]

_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
_encoder = msgspec.json.Encoder()


def encode(message: Request | Reply, arrays: Arrays | None = None) -> bytes:
    """A message as bytes."""
    raw = [array.astype("<f4").tobytes() for array in (arrays or {}).values()]
    return b"\n".join([_encoder.encode(message), b"".join(raw)])


def decode_request(request: bytes) -> Request:
    """A request. Raises msgspec's error for anything else."""
    return _requests.decode(request.partition(b"\n")[0])


def decode_reply(reply: bytes) -> tuple[Reply, Arrays]:
    """A reply, and its arrays by name. Raises msgspec's error, or ValueError, for anything else."""
    line, _, rest = reply.partition(b"\n")
    message = _replies.decode(line)
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, shape in message.shapes.items() if isinstance(message, Trained) else ():
        values = np.frombuffer(rest, "<f4", count=int(np.prod(shape))).reshape(shape)
        arrays[name], rest = values.astype(np.float32), rest[4 * values.size :]
    return message, arrays
