"""The check of the short training run, and the choice whether to train with another seed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from statistics import median

from grader.checks.case import Case, failed, passed, skipped, unassessed, undecided
from grader.checks.endings import ended
from grader.checks.holds import waiting
from grader.checks.problem_text import cause
from grader.lab4.files import SCRIPT
from grader.model import Finding, Status, TrainingPlan
from grader.model.evidence import Training
from grader.model.quantities import quantity
from grader.model.training import CANARY, ON_CPU, remark_on
from grader.model.weights import own_weights

BOTH_RATES = 2
"""After this many runs, a network was trained with both learning rates."""


def fraction_of(accuracy: float, plan: TrainingPlan) -> Decimal:
    """The fraction of the points for an accuracy (0..1); 0 below the lowest band."""
    return next((band.fraction for band in plan.bands if accuracy >= band.accuracy), Decimal(0))


def accuracy_of(training: Training) -> float:
    """The accuracy on held-out images, 0..1."""
    return training.correct / training.total if training.total else 0.0


def best_accuracy(trainings: Iterable[Training]) -> float | None:
    """The best accuracy of all seeds on held-out images, 0..1; None if no run was tested."""
    return max((accuracy_of(run) for run in trainings if run.total), default=None)


def spread(reached: Sequence[float], shown: str = "best") -> str:
    """How far the accuracies (0..1) of several runs lie apart, to follow the ``shown`` one; empty for a single run."""
    if len(reached) < 2:
        return ""
    return f" ({shown} of {len(reached)} runs, {min(reached):.1%} to {max(reached):.1%})"


def needs_another(trainings: Sequence[Training], plan: TrainingPlan) -> bool:
    """Whether a network is trained again after these runs, with another seed.

    One run in the best band is enough: a correct network may have bad luck, but a network that cannot learn never gets
    there by luck. After a lower result, all runs of the plan are made, unless training is impossible.
    """
    last = trainings[-1]
    if last.problem is not None or any(fraction_of(accuracy_of(run), plan) == 1 for run in trainings):
        return False
    return len(trainings) < plan.runs


def accuracy(case: Case) -> Finding:
    """The short training run reaches an accuracy band of the rubric on held-out images."""
    finding = _accuracy(case)
    trainings = case.evidence.trainings
    could_train = all(run.problem is None for run in trainings)
    if remark_on(trainings, CANARY) is None or not could_train or finding.status is Status.NEEDS_REVIEW:
        return finding
    return waiting(finding, "the grader's own test networks did not train as usual in this run.")


def _accuracy(case: Case) -> Finding:
    plan, trainings = case.plan, case.evidence.trainings
    full = plan.bands[0].accuracy
    expected = f"at least {full:.0%} correct on held-out images after at most {plan.steps} steps"
    if not trainings:
        if case.evidence.ending.kind == "finished":
            return _untrained(case)
        return ended(case.evidence.ending, "The training run", "train")
    problem = next((run.problem for run in trainings if run.problem is not None), None)
    if problem is not None:
        if problem.kind == "nothing-to-train":
            return failed(
                "Net has no trainable parameters.",
                "Create the layers in __init__ and assign them to self.",
                expected=expected,
            )
        return failed(
            f"Training stops with an error: {cause(problem)}.",
            f"Train on a few batches with python {SCRIPT}, and correct the line that the error names.",
            expected=expected,
        )
    reached = [accuracy_of(run) for run in trainings]
    seen = f"{', '.join(f'{share:.1%}' for share in reached)} ({quantity(len(reached), 'seed')})"
    best = max(reached)
    if fraction_of(best, plan) == 1:
        return passed(
            f"The network learns: {best:.1%}{spread(reached)} of the held-out images are correct "
            f"after {trainings[-1].steps} steps.",
            expected=expected,
            seen=seen,
        )
    if case.evidence.ending.kind != "finished":
        return ended(case.evidence.ending, "The training run")
    return _below_the_best_band(case, reached, expected=expected, seen=seen)


def _untrained(case: Case) -> Finding:
    """The finding if the network was not trained although observation ran to the end."""
    build, gradients = case.evidence.build, case.gradients
    if build is not None and build.parameters >= case.max_parameters:
        return unassessed("The training of a network with so many parameters")
    is_cut = gradients is not None and gradients.problem is not None
    if is_cut or any(layer.is_fresh for layer in case.network.weighted):
        return skipped("behaviour.gradients", "Not checked, because a network like this cannot be trained.")
    return skipped("output.log_softmax", "Not checked, because outputs like these cannot be learned.")


def _below_the_best_band(case: Case, reached: list[float], *, expected: str, seen: str) -> Finding:
    """The finding for accuracies (0..1, one for each seed) that do not earn all points."""
    plan, trainings, graph = case.plan, case.evidence.trainings, case.evidence.graph
    hint = (
        "Check each step of forward: use each layer once, with ReLU between layers, "
        "and do not use detach() or no_grad()."
    )
    best, middle = max(reached), median(reached)
    proposed = fraction_of(middle, plan)
    stopped = sum(remark.id == "stopped-by-time" for run in trainings for remark in run.remarks)
    if stopped and len(trainings) - stopped < BOTH_RATES:
        return undecided(
            "The network is too slow to finish training within the time limit, so a tutor decides.",
            proposed=fraction_of(best, plan),
            seen=seen,
        )
    is_borderline = any(abs(share - band.accuracy) < plan.margin for share in (best, middle) for band in plan.bands)
    reason = ""
    if graph is not None and own_weights(graph)[1]:
        reason = "The network did not learn, but the grader could not reproduce the network's own initial weights"
    elif remark_on(trainings, ON_CPU) is not None:
        reason = "The network could be trained only on the CPU, unlike the others"
    elif len({fraction_of(share, plan) for share in reached}) > 1:
        reason = "Training with different seeds gave different marks"
    elif is_borderline:
        reason = "The accuracy is close to the limit between two bands"
    apart = spread(reached, "median")
    message = f"After a short training run, only {middle:.1%}{apart} of the held-out images are correct."
    if reason:
        waits = f"{reason}, so a tutor decides."
        return undecided(waits, proposed=proposed, hint=hint, seen=seen, told=message)
    if proposed:
        return Finding(Status.PARTIAL, message, hint, proposed, expected, seen)
    return failed(message, hint, expected=expected, seen=seen)
