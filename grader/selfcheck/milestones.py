"""How far a forward that is still being written has come, layer by layer.

While forward is unfinished, most checks fail only because a layer is not written yet. Then the student sees the layers
of the lab's network instead: those that ran, and which one comes next. The findings stay those of the grader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from grader.checks.executed_network import executed_network, size_word
from grader.model import Finding, Status
from grader.model.evidence import Evidence, Operation, Pass, RecordedPass


@dataclass(frozen=True)
class Milestone:
    """One step on the way from the image to the scores; ``kind`` is the kind of operation that reaches it."""

    name: str
    kind: str
    task: str
    """What to write, in a few words."""


MILESTONES = (
    Milestone("conv1", "conv", "the first convolution, ReLU (pool)"),
    Milestone("conv2", "conv", "the second convolution, ReLU (pool), dropout"),
    Milestone("flatten", "reshape", "all values of an image in one row"),
    Milestone("fc1", "linear", "a fully connected layer, ReLU, dropout"),
    Milestone("fc2", "linear", "another one, which gives ten scores"),
    Milestone("log-softmax", "log_softmax", "the scores as log-probabilities"),
)
_KINDS = tuple(milestone.kind for milestone in MILESTONES)


@dataclass(frozen=True)
class Progress:
    """How far forward has come. ``sizes`` has the output size of one image after each milestone that was reached.

    If ``is_stopped``, forward raises an error after them, so the rest may be written already.
    """

    sizes: tuple[str, ...] = ()
    is_stopped: bool = False

    @property
    def reached(self) -> tuple[Milestone, ...]:
        """The milestones that ran."""
        return MILESTONES[: len(self.sizes)]

    @property
    def left(self) -> tuple[Milestone, ...]:
        """The other milestones, the next one first."""
        return MILESTONES[len(self.sizes) :]


def progress(evidence: Evidence | None, findings: Mapping[str, Finding]) -> Progress | None:
    """The progress of an unfinished forward; None if it is finished, or if it cannot be run at all.

    It is unfinished if it gives no ten scores, ends before the last layer, and what ran is the beginning of the lab's
    network.
    """
    if evidence is None or evidence.load is None:
        return None
    if evidence.load.is_blank:
        return Progress()
    trace = evidence.trace
    shape = findings.get("forward.shape")
    if trace is None or shape is None or shape.status is not Status.FAILED:
        return None
    network = executed_network(trace)
    path = network.path
    own = {repair.layer: repair.seen for repair in trace.repairs if repair.kind == "class-count"}
    sizes = _sizes(path, own)
    if sizes is None or not network.ends_early:
        return None
    if not _raises(evidence):
        return Progress(sizes)
    mended = {repair.layer for repair in trace.repairs if repair.layer}
    ran = takewhile(lambda operation: operation.shape_out and operation.layer not in mended, path)
    return Progress(_sizes(tuple(ran), own) or (), is_stopped=True)


def _raises(evidence: Evidence) -> bool:
    """Whether forward, as the student wrote it, raises an error for every batch."""
    runs: Sequence[Pass | RecordedPass] = evidence.record.unrepaired if evidence.record is not None else ()
    if not runs and evidence.probe is not None:
        runs = evidence.probe.passes
    problems = [run.problem for run in runs] or [evidence.trace.problem if evidence.trace is not None else None]
    return None not in problems


def _sizes(path: Sequence[Operation], own: Mapping[str, int]) -> tuple[str, ...] | None:
    """The sizes after the milestones on a path; None if its layers are not the first of the lab's, in their order.

    ``own`` are the sizes that layers have in the student's script, where the path has others.
    """
    sizes: list[str] = []
    for operation in path:
        wanted = _KINDS[len(sizes)] if len(sizes) < len(_KINDS) else ""
        if operation.kind == "linear" and wanted == "reshape":
            sizes.append(size_word(operation.shape_in))  # something else has flattened the feature maps
            wanted = _KINDS[len(sizes)]
        if operation.kind == "reshape" and (wanted != "reshape" or len(operation.shape_out) != 2):
            continue
        if operation.kind == wanted:
            sizes.append(str(own.get(operation.layer) or size_word(operation.shape_out)))
        elif operation.kind in _KINDS:
            return None
    return tuple(sizes)
