"""Read parts of a recording for the tests of recording."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
from torch import nn

from grader.model.evidence import RecordedPass
from tests.support.network_samples import (
    recording_of,
)


def first_pass(net: nn.Module) -> RecordedPass:
    return recording_of(net).passes[0]


def numbers(values: str, dtype: str) -> list[Any]:
    return list(np.frombuffer(base64.b64decode(values), dtype).tolist())
