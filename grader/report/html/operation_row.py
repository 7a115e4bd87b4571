"""One executed operation as text for a row of the network table."""

from __future__ import annotations

from dataclasses import dataclass

from grader.model.evidence import WEIGHTED, Operation

_MOST_SIZES = 8
"""Dimensions of a shape that are shown; torch allows 64."""


@dataclass(frozen=True)
class Step:
    """One operation. Shapes are text with ``N`` for the number of images; ``notes`` are a few words each."""

    name: str
    layer: str
    shape_in: str
    shape_out: str
    parameters: int
    notes: tuple[str, ...]
    is_weighted: bool


def step(operation: Operation, batch: int) -> Step:
    """The row of ``operation``, which was traced with ``batch`` images."""
    return Step(
        name=operation.name,
        layer=operation.layer,
        shape_in=_shape(operation.shape_in, batch),
        shape_out=_shape(operation.shape_out, batch),
        parameters=operation.parameters,
        notes=tuple(_notes(operation)),
        is_weighted=operation.kind in WEIGHTED,
    )


def _notes(operation: Operation) -> list[str]:
    notes = []
    if operation.probability is not None:
        notes.append(f"p\u00a0=\u00a0{operation.probability:g}")
    if operation.is_active is False:
        notes.append("off in training mode")
    if operation.dim is not None:
        notes.append(f"over dim\u00a0{operation.dim}")
    if operation.is_fresh:
        notes.append("created again in each pass")
    elif not operation.is_registered:
        notes.append("not registered with the net")
    return notes


def _shape(shape: tuple[int, ...], batch: int) -> str:
    if not shape:
        return ""
    first = "N" if batch and shape[0] == batch else str(shape[0])
    more = ["…"] if len(shape) > _MOST_SIZES else []
    return " × ".join([first, *(str(size) for size in shape[1:_MOST_SIZES]), *more])
