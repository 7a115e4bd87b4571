"""Weights that a script loads from a file that was not handed in: they are left out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from types import FrameType
from typing import Any

import torch
from torch import nn

from grader.model.evidence import Repair
from grader.worker.load.missing_packages import StandIn
from grader.worker.load.stand_ins import replaced
from grader.worker.load.submitted_files import Files


@contextmanager
def left_out(files: Files) -> Iterator[None]:
    """Inside this context, ``torch.load`` of a missing file is a repair, and loading its result does nothing."""
    real_load, real_load_state_dict = torch.load, nn.Module.load_state_dict

    def load(file: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return real_load(file, *args, **kwargs)
        except FileNotFoundError:
            repair = _repair(files, PurePath(str(file)).name[:80])
            if repair is None or repair.problem is None:
                raise
            files.repair(repair)
            return StandIn(files.stand_ins, repair.problem)

    def load_state_dict(self: nn.Module, state: Any, *args: Any, **kwargs: Any) -> Any:
        if type(state) is StandIn:
            return None
        return real_load_state_dict(self, state, *args, **kwargs)

    with replaced([(torch, "load", load), (nn.Module, "load_state_dict", load_state_dict)]):
        yield


def _repair(files: Files, name: str) -> Repair | None:
    frame: FrameType | None = sys._getframe(2)
    while frame is not None and frame.f_code.co_filename not in files.scripts:
        frame = frame.f_back
    if frame is None:
        return None
    script = files.scripts[frame.f_code.co_filename]
    where = script.where(frame.f_lineno)
    message = f"{where} loads the file {name}, which is not among the submitted files"
    problem = script.problem("missing-checkpoint", f"{message}.", frame.f_lineno, exception="FileNotFoundError")
    assumed = f"{where[:1].lower()}{where[1:]} were not there"
    return Repair("missing-checkpoint", "", message, assumed=assumed, problem=problem)
