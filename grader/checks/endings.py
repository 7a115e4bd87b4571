"""The finding of a check whose stage left no record, because the worker process ended too early."""

from __future__ import annotations

from decimal import Decimal

from grader.checks.case import failed, skipped, unassessed, undecided
from grader.lab4.files import SCRIPT
from grader.model import Finding
from grader.model.evidence import MEASURED, STAGES, Ending

ENDINGS = {
    "deadline": "did not finish within the time limit",
    "exit": "ended the Python process",
    "signal": "crashed the Python process",
    "memory": "used more memory than is allowed",
    "crashed": "sent invalid data back to the grader",
    "lost": "crashed the grader's worker process",
    "starved": "could not be run, because the machine was too busy",
    "unobserved": "used something that the grader does not support",
    "unrecorded": "did not give a network that can be measured",
    "unmeasured": "could not be measured completely",
}
CHECK_OF = {
    "load": "loads",
    "build": "loads",
    "record": "forward.shape",
    "trace": "forward.shape",
    "probe": "forward.shape",
    "modes": "behaviour.dropout_train_eval",
    "gradients": "behaviour.gradients",
    "resources": "resources",
    "train": "training.accuracy",
}
"""The check that reports that the process ended in a stage."""
WAITING = frozenset({"lost", "starved", "unobserved", "unrecorded", "unmeasured"})
"""Endings that are not the submission's fault: a tutor checks what they left unchecked."""


def ended(ending: Ending, what: str, stage: str = "") -> Finding:
    """The finding when a stage left no record. It says how the worker process ended.

    ``what`` is the subject of the sentence. If the process ended in a stage before ``stage``, the check of that earlier
    stage reports the fault, and this one is skipped.
    """
    order = [*STAGES, *MEASURED]
    if stage and ending.stage in order and order.index(ending.stage) < order.index(stage):
        return skipped(CHECK_OF[ending.stage], "Not checked, because the script stopped in an earlier step.")
    if ending.kind == "finished":
        return unassessed(what)
    how = ENDINGS.get(ending.kind, "stopped")
    hints = {
        "deadline": "Look for an endless loop, a very long computation, or a call to input().",
        "exit": "Remove calls to exit(), quit() or os._exit().",
        "memory": "Look for very large layers or tensors, or a list that never stops growing.",
    }
    detail = f" ({ending.detail})" if ending.detail else ""
    if ending.kind in WAITING:
        hint = "You need not do anything: a tutor runs your script by hand."
        return undecided(f"{what} {how}{detail}.", proposed=Decimal(0), hint=hint)
    return failed(
        f"{what} {how}{detail}.",
        hints.get(ending.kind, f"Run the script yourself with python {SCRIPT}, and look at what it does."),
    )
