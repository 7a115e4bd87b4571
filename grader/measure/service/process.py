"""The code of a measuring process: map the data set once, then answer requests one after the other."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grader.measure.images import Images, load_images
from grader.measure.measurements import Subject, measure
from grader.measure.repaired_graph import repaired
from grader.measure.replay import is_out_of_memory
from grader.measure.service import wire
from grader.measure.training import attempt_of, train
from grader.model import DataFiles
from grader.model.graph import GraphRefused
from grader.model.graph_validation import validate_graph

NO_ROOM = "it needs more memory than is allowed"


def open_service(settings: Mapping[str, Any]) -> Callable[[bytes], bytes]:
    """Return a function that answers requests.

    ``settings["data"]`` has the fields of DataFiles. ``settings["device"]`` is the device for training or ``auto``.
    ``settings["machine"]`` is the name of this machine, which goes into what is measured.
    """
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    images = load_images(DataFiles(**settings["data"]))
    device, machine = str(settings["device"]), str(settings["machine"])
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"

    def answer(request: bytes) -> bytes:
        asked = wire.decode_request(request)
        try:
            validate_graph(asked.graph)
            if isinstance(asked, wire.Measure):
                return _measured(asked, images, machine)
            return _trained(asked, images, device, machine)
        except GraphRefused as refusal:
            return wire.encode(wire.Refused(str(refusal)))
        except MemoryError:
            return wire.encode(wire.Refused(NO_ROOM))
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            return wire.encode(wire.Refused(NO_ROOM))

    return answer


def _measured(asked: wire.Measure, images: Images, machine: str) -> bytes:
    subject = Subject(asked.graph, asked.recording, asked.parameters, asked.recorded_seed, asked.repairs)
    return wire.encode(wire.Measured(replace(measure(subject, images, seed=asked.seed), machine=machine)))


def _trained(asked: wire.Train, images: Images, device: str, machine: str) -> bytes:
    def probes(count: int) -> Tensor:
        return images.probes(count, seed=asked.probe_seed)

    record, outputs = train(
        repaired(asked.graph, asked.repairs, probes, seed=asked.probe_seed),
        images,
        asked.plan,
        attempt_of(asked.plan, asked.number, seed=asked.seed),
        probes=probes,
        device=device,
        most_seconds=asked.most_seconds,
        first_heldout=asked.first_heldout,
    )
    arrays: dict[str, NDArray[np.float32]] = {"heldout": outputs.heldout.numpy()}
    if outputs.filters is not None:
        arrays["filters"] = outputs.filters.numpy()
    shapes = {name: tuple(map(int, array.shape)) for name, array in arrays.items()}
    return wire.encode(wire.Trained(replace(record, machine=machine), shapes), arrays)
