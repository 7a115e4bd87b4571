"""The check on the brief training run, and the decision whether another seed is worth trying."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from statistics import median

from grader.checks.case import Case, failed, passed, review, skipped
from grader.checks.loading import cause, ended
from grader.model import Finding, Status, TrainingPlan
from grader.model.evidence import Training
from grader.model.weights import own_weights

BOTH_RATES = 2
"""Runs after which a network was tried at either learning rate."""


def fraction_of(accuracy: float, plan: TrainingPlan) -> Decimal:
    """The fraction of the points that an accuracy (0..1) earns; 0 below the lowest band."""
    return next((band.fraction for band in plan.bands if accuracy >= band.accuracy), Decimal(0))


def accuracy_of(training: Training) -> float:
    """Held-out accuracy, 0..1."""
    return training.correct / training.total if training.total else 0.0


def best_accuracy(trainings: Iterable[Training]) -> float | None:
    """The best seed's held-out accuracy, 0..1; None when none was tested."""
    return max((accuracy_of(one) for one in trainings if one.total), default=None)


def next_seed(trainings: tuple[Training, ...], plan: TrainingPlan) -> int | None:
    """The seed to try after these runs; None when the result is settled.

    One run that reaches the best band settles it: chance can hold a correct net back, but does not teach one that
    cannot learn. Anything less is tried again under every other seed, unless training is impossible.
    """
    last = trainings[-1]
    if last.problem is not None or any(fraction_of(accuracy_of(one), plan) == 1 for one in trainings):
        return None
    tried = {one.seed for one in trainings}
    return next((seed for seed in plan.seeds if seed not in tried), None)


def accuracy(case: Case) -> Finding:
    """The brief training run reaches the rubric's accuracy bands on held-out images."""
    plan, trainings = case.plan, case.evidence.trainings
    full = plan.bands[0].accuracy
    expected = f"at least {full:.0%} on held-out images after at most {plan.steps} steps"
    if not trainings:
        if case.evidence.ending.kind == "finished":
            return skipped("Not trained, because an earlier fault leaves nothing to measure.")
        return ended(case.evidence.ending, "The training run", "train")
    problem = next((one.problem for one in trainings if one.problem is not None), None)
    if problem is not None:
        if problem.kind == "nothing-to-train":
            return failed(
                "The net has no trainable parameters.",
                "Make the layers in __init__ and assign them to self.",
                expected=expected,
            )
        return failed(
            f"Training stops with an error: {cause(problem)}.",
            "Train for a few batches and correct what it complains about.",
            expected=expected,
        )
    reached = [accuracy_of(one) for one in trainings]
    seen = f"{', '.join(f'{one:.1%}' for one in reached)} ({len(reached)} seed{'s' if len(reached) > 1 else ''})"
    best = max(reached)
    if fraction_of(best, plan) == 1:
        return passed(
            f"The net learns: {best:.1%} of the held-out images are right after {trainings[-1].steps} steps.",
            expected=expected,
            seen=seen,
        )
    if case.zeroes_everything:
        return skipped("Not marked by itself: a dropout with p=1 zeroes everything in training.")
    hint = "Check forward step by step: each layer used once, ReLU between layers, nothing that blocks the gradient."
    if case.evidence.ending.kind != "finished":
        return ended(case.evidence.ending, "The training run")
    stopped = sum(mark.id == "stopped-by-time" for one in trainings for mark in one.remarks)
    if stopped and len(trainings) - stopped < BOTH_RATES:
        return review(
            "The net is too slow to be trained fully in the time allowed.", proposed=fraction_of(best, plan), seen=seen
        )
    fractions = {fraction_of(one, plan) for one in reached}
    middle = median(reached)
    is_borderline = any(abs(one - band.accuracy) < plan.margin for one in (best, middle) for band in plan.bands)
    proposed = fraction_of(middle, plan)
    graph = case.evidence.graph
    if graph is not None and own_weights(graph)[1]:
        message = "It did not learn, but a layer of a special kind could not be started as the submission starts it."
        return review(message, proposed=proposed, hint=hint, seen=seen)
    if len(fractions) > 1 or is_borderline:
        return review(
            "The accuracy lies at the edge of a band, so a tutor decides.", proposed=proposed, hint=hint, seen=seen
        )
    message = f"After brief training only {middle:.1%} of the held-out images are right."
    if proposed:
        return Finding(Status.PARTIAL, message, hint, proposed, expected, seen)
    return failed(message, hint, expected=expected, seen=seen)
