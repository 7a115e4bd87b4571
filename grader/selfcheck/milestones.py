"""How far a forward that is still being written has come, layer by layer.

While forward is unfinished, most checks fail only because a layer is not written yet. Then the student sees the layers
of the lab's network instead: those that ran, and which one comes next. The findings stay those of the grader.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grader.checks.executed_network import executed_network, layer_word, size_word
from grader.checks.forward_errors import MIXING
from grader.model import Finding, Status
from grader.model.evidence import Evidence, Operation, Pass, RecordedPass
from grader.selfcheck.own_operations import own_operations


@dataclass(frozen=True)
class Milestone:
    """One step on the way from the image to the scores; ``kind`` is the kind of operation that reaches it."""

    name: str
    kind: str
    title: str
    more: str = ""
    """What else the lab asks for before the next one."""

    @property
    def task(self) -> str:
        """What to write, in a few words."""
        return f"{self.title}{self.more}"


MILESTONES = (
    Milestone("conv1", "conv", "the first convolution", "; after it a ReLU, and pooling if you like"),
    Milestone("conv2", "conv", "the second convolution", "; after it a ReLU, a dropout, and pooling if you like"),
    Milestone("flatten", "reshape", "all values of an image in one row"),
    Milestone("fc1", "linear", "the first fully connected layer", "; after it a ReLU and a dropout"),
    Milestone("fc2", "linear", "the second fully connected layer", ", which gives a score for each digit"),
    Milestone("log-softmax", "log_softmax", "the log-softmax of the scores"),
)
_KINDS = tuple(milestone.kind for milestone in MILESTONES)


@dataclass(frozen=True)
class Reached:
    """A milestone that was reached: what ran in the student's forward up to the next one, and the size after that."""

    milestone: Milestone
    ran: tuple[str, ...]
    size: str


@dataclass(frozen=True)
class Progress:
    """How far forward has come.

    If ``is_stopped``, forward has a fault after that, so the rest may be written already.
    """

    reached: tuple[Reached, ...] = ()
    is_stopped: bool = False

    @property
    def left(self) -> tuple[Milestone, ...]:
        """The milestones that were not reached, the next one first."""
        return MILESTONES[len(self.reached) :]


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
    if _reached(network.path) is None or not network.ends_early:
        return None
    own = own_operations(trace).ran
    return Progress(_reached(own) or (), is_stopped=_raises(evidence) or shape.fault in MIXING)


def _raises(evidence: Evidence) -> bool:
    """Whether forward, as the student wrote it, raises an error for every batch."""
    runs: Sequence[Pass | RecordedPass] = evidence.record.unrepaired if evidence.record is not None else ()
    if not runs and evidence.probe is not None:
        runs = evidence.probe.passes
    problems = [run.problem for run in runs] or [evidence.trace.problem if evidence.trace is not None else None]
    return None not in problems


def _reached(path: Sequence[Operation]) -> tuple[Reached, ...] | None:
    """The milestones on a path; None if its layers are not the first of the lab's, in their order."""
    found: list[Reached] = []
    for operation in path:
        wanted = _KINDS[len(found)] if len(found) < len(_KINDS) else ""
        if operation.kind == "linear" and wanted == "reshape":  # something else has flattened the feature maps
            found.append(Reached(MILESTONES[len(found)], (), size_word(operation.shape_in)))
            wanted = _KINDS[len(found)]
        is_reached = operation.kind == wanted and (wanted != "reshape" or len(operation.shape_out) == 2)
        if operation.kind in _KINDS and not is_reached and operation.kind != "reshape":
            return None
        name, size = layer_word(operation), size_word(operation.shape_out)
        if is_reached:
            found.append(Reached(MILESTONES[len(found)], (name,), size))
        elif found:
            found[-1] = Reached(found[-1].milestone, (*found[-1].ran, name), size)
    return tuple(found)
