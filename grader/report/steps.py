"""The executed network as rows to read. Which operations belong to it is read in :mod:`grader.network`."""

from __future__ import annotations

from dataclasses import dataclass

from grader.evidence import Operation, Tracing
from grader.network import WEIGHTED, executed_network

_MOST_SIZES = 8
"""Dimensions of a shape that are shown; torch allows 64."""


@dataclass(frozen=True)
class Step:
    """One row of the table. Shapes are text with ``N`` for the number of images; ``notes`` are short remarks."""

    number: int
    kind: str
    name: str
    layer: str
    shape_in: str
    shape_out: str
    parameters: int
    notes: tuple[str, ...]
    is_weighted: bool


@dataclass(frozen=True)
class Steps:
    """The rows, how many more were left out for length, and the parameters of the whole path."""

    rows: tuple[Step, ...]
    hidden: int
    parameters: int


def network_steps(trace: Tracing, *, most: int = 80) -> Steps:
    """The executed network of ``trace``, at most ``most`` rows of it; a student's loop may run thousands."""
    path = executed_network(trace).path
    return Steps(
        rows=tuple(_step(number, operation, trace.batch) for number, operation in enumerate(path[:most], start=1)),
        hidden=max(len(path) - most, 0),
        parameters=sum(operation.parameters for operation in path),
    )


def _step(number: int, operation: Operation, batch: int) -> Step:
    return Step(
        number=number,
        kind=operation.kind,
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
        notes.append(f"p = {operation.probability:g}")
    if operation.is_active is False:
        notes.append("switched off while training")
    if operation.dim is not None:
        notes.append(f"over dim {operation.dim}")
    if operation.expected is not None:
        notes.append(f"declared for {operation.expected} inputs")
    if operation.is_fresh:
        notes.append("made anew in each pass")
    elif not operation.is_registered:
        notes.append("not registered with the net")
    return notes


def _shape(shape: tuple[int, ...], batch: int) -> str:
    if not shape:
        return ""
    first = "N" if batch and shape[0] == batch else str(shape[0])
    more = ["…"] if len(shape) > _MOST_SIZES else []
    return " × ".join([first, *(str(size) for size in shape[1:_MOST_SIZES]), *more])
