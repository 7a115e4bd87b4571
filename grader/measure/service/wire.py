"""The requests and replies of a measuring process as plain bytes, so that it can run on another machine.

A message is a line of JSON, followed by the arrays that it names as little-endian float32. This module does not need
torch.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from grader.model import TrainingPlan
from grader.model.evidence import Measurements, Recording, Training
from grader.model.graph import Graph


class Measure(msgspec.Struct, tag="measure", forbid_unknown_fields=True):
    """Request: measure everything except training."""

    graph: Graph
    recording: Recording
    """Without its programs."""
    parameters: int
    recorded_seed: int
    """Seed of the weights and images that the grader chose for the submission's own run."""
    seed: int
    repairs: tuple[str, ...] = ()
    """Kinds of :mod:`grader.model.repair_kinds`: the graph is measured after these repairs."""


class Train(msgspec.Struct, tag="train", forbid_unknown_fields=True):
    """Request: train once, as attempt ``number`` (from 0) of a plan without its bands."""

    graph: Graph
    plan: TrainingPlan
    number: int
    seed: int
    probe_seed: int
    most_seconds: float
    repairs: tuple[str, ...] = ()
    """As in :class:`Measure`."""
    first_heldout: int | None = None
    """As in :func:`grader.measure.training.train`."""


class Measured(msgspec.Struct, tag="measured", forbid_unknown_fields=True):
    """Reply to :class:`Measure`."""

    measurements: Measurements


class Trained(msgspec.Struct, tag="trained", forbid_unknown_fields=True):
    """Reply to :class:`Train`, with the shapes of the arrays that follow: outputs for held-out images, and filters."""

    training: Training
    shapes: dict[str, tuple[int, ...]] = {}


class Refused(msgspec.Struct, tag="refused", forbid_unknown_fields=True):
    """Reply: the graph cannot be measured, with the reason."""

    reason: str


Request = Measure | Train
Reply = Measured | Trained | Refused
Arrays = Mapping[str, NDArray[np.float32]]

_requests: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
_encoder = msgspec.json.Encoder()


def encode(message: Request | Reply, arrays: Arrays | None = None) -> bytes:
    """Encode a message as bytes."""
    raw = [array.astype("<f4").tobytes() for array in (arrays or {}).values()]
    return b"\n".join([_encoder.encode(message), b"".join(raw)])


def decode_request(request: bytes) -> Request:
    """Decode a request. Raises msgspec's error for invalid bytes."""
    return _requests.decode(request.partition(b"\n")[0])


def decode_reply(reply: bytes) -> tuple[Reply, Arrays]:
    """Decode a reply and its arrays by name. Raises msgspec's error or ValueError for invalid bytes."""
    line, _, rest = reply.partition(b"\n")
    message = _replies.decode(line)
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, shape in message.shapes.items() if isinstance(message, Trained) else ():
        values = np.frombuffer(rest, "<f4", count=int(np.prod(shape))).reshape(shape)
        arrays[name], rest = values.astype(np.float32), rest[4 * values.size :]
    return message, arrays
