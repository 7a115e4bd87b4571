"""What a submission's conduct means for its marks: flags for a tutor, and the marks that wait for one.

A pure function of stored evidence, like the checks. A flag alone changes no mark; a mark waits only where what was
observed cannot be relied on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from grader.evidence import Evidence, Training, route
from grader.model import Flag
from grader.network import executed_network

KNOWS_ALREADY = 0.5
"""An untrained net is right on one image in ten; see docs/calibration.md for the spread."""
KNOWS_HELDOUT = 0.2
"""Held-out images are no easier than the validation images by so much; see docs/calibration.md."""
TRACED_DIFFERENCE = 1e-3
"""Log-probabilities of the same pass, followed and not, are the same to the last bit for a net without chance in it."""
MOST_OF_A_KIND = 3
ENDINGS = {
    "crashed": "The submission wrote to the grader's own channel; look at its code.",
    "unobserved": "The grader met something in it that it is not made for; run the script by hand.",
    "lost": "The submission brought the grader's worker down twice; look at its code.",
}
READABLE = frozenset({"conv", "linear", "relu", "activation", "dropout", "pool", "norm", "softmax", "log_softmax"})
"""Kinds of operation that a text must have some word for."""
ALL = ""


@dataclass(frozen=True)
class Hold:
    """Why marks wait for a tutor: those of one check, or with an empty ``check`` all that were earned."""

    check: str
    reason: str


@dataclass(frozen=True)
class Conduct:
    """The flags, in the order of their weight, and the holds."""

    flags: tuple[Flag, ...]
    holds: tuple[Hold, ...]


def conduct(evidence: Evidence) -> Conduct:
    """Look at how a submission behaved towards what observed it."""
    flags: list[Flag] = []
    holds: list[Hold] = []
    if evidence.ending.kind in ENDINGS:
        flags.append(Flag(f"worker-{evidence.ending.kind}", ENDINGS[evidence.ending.kind]))
    notices = [*evidence.notices, *(evidence.reading.notices if evidence.reading is not None else ())]
    if evidence.load is not None and evidence.load.how == "whole":
        # All of the script ran, and not just what Net needs.
        notices = [replace(one, is_grave=one.is_grave or one.id == "reaches-in") for one in notices]
    for notice in sorted(notices, key=lambda one: not one.is_grave):
        if sum(flag.id == notice.id for flag in flags) < MOST_OF_A_KIND:
            flags.append(Flag(notice.id, notice.message))
        if notice.is_grave and not any(hold.check == ALL for hold in holds):
            holds.append(Hold(ALL, notice.message))
    for flag, check in (*_paths(evidence), *_knowledge(evidence), *_text(evidence)):
        flags.append(flag)
        if check is not None:
            holds.append(Hold(check, flag.message))
    return Conduct(tuple(flags), tuple(holds))


def _paths(evidence: Evidence) -> Iterator[tuple[Flag, str | None]]:
    """A net must run the same layers in training as in evaluation, and at any time."""
    modes = evidence.modes
    if modes is None or modes.problem is not None:
        return
    if None not in (modes.train_path, modes.eval_path) and modes.train_path != modes.eval_path:
        message = f"Other layers run in training than in evaluation: {_difference(modes.train_path, modes.eval_path)}."
        yield Flag("modes-differ", message), ALL
        return
    if modes.eval_difference == 0 and modes.traced_difference > TRACED_DIFFERENCE:
        yield Flag("shifts", "The network gives other results when it is looked at than when it is not."), ALL
        return
    if (first := _traced(evidence)) is not None and modes.train_path is not None and first != modes.train_path:
        message = f"Other layers run for other batch sizes: {_difference(first, modes.train_path)}."
        yield Flag("shifts", message), ALL
        return
    later = [path for one in evidence.trainings for path in (one.train_path, one.eval_path)]
    for path in later:
        if None not in (path, modes.train_path) and path != modes.train_path:
            message = f"Other layers run later than at first: {_difference(modes.train_path, path)}."
            yield Flag("shifts", message), ALL
            return


def _traced(evidence: Evidence) -> tuple[str, ...] | None:
    """The layers of the pass that was traced; None when it was mended, or too long to follow, which is a problem."""
    trace = evidence.trace
    if trace is None or trace.problem is not None or trace.output is None or trace.repairs:
        return None
    return route(trace.operations, trace.output)


def _difference(first: tuple[str, ...] | None, second: tuple[str, ...] | None) -> str:
    return f"{_layers(first or ())} against {_layers(second or ())}"


def _layers(path: tuple[str, ...]) -> str:
    words = [" ".join(step.split(" ")[:2]) for step in path[:8]]
    return ", ".join(words) if words else "none"


def _knowledge(evidence: Evidence) -> Iterator[tuple[Flag, str | None]]:
    """A net must not know the digits before it has learnt them, nor know the held-out ones better than others."""
    for one in evidence.trainings:
        share = max(one.untrained_correct / max(one.untrained_total, 1), one.initial_accuracy)
        if share > KNOWS_ALREADY:
            message = f"Before any training the net is right on {share:.0%} of the images; where are its weights from?"
            yield Flag("trained-before", message), "training.accuracy"
            return
    for one in evidence.trainings:
        if (ahead := _ahead(one)) > KNOWS_HELDOUT:
            message = f"The net is right on {ahead:.0%} more of the held-out images than of others it never trained on."
            yield Flag("knows-heldout", message), "training.accuracy"
            return


def _ahead(training: Training) -> float:
    if not training.curve or not training.total:
        return 0.0
    return training.correct / training.total - training.curve[-1].accuracy


def _text(evidence: Evidence) -> Iterator[tuple[Flag, str | None]]:
    """What was executed must have a word in the text."""
    if evidence.reading is None or evidence.trace is None:
        return
    executed = {one.kind for one in executed_network(evidence.trace).path} & READABLE
    missing = sorted(executed - set(evidence.reading.kinds))
    if missing:
        kinds = ", ".join(missing).replace("_", "-")
        yield Flag("text-differs", f"The network ran what its text has no word for: {kinds}."), None
