"""Makes the findings on an experiment: one for each item, from the table, the brief re-run and the observations.

A pure function, like the checks. Figures that are unusual but possible go to a tutor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from grader.answers.finding.observations import named_factors
from grader.checks.case import failed, passed, skipped, undecided
from grader.experiment.plausibility import BEST_POSSIBLE, plausible
from grader.experiment.variety import HALF, LEAST_TRIALS, MOST_LISTED, varied
from grader.lab4.files import EXPERIMENTS
from grader.model import AnswerSheet, Finding, Status, WrittenAnswer
from grader.model.experiment import Experiment, Rerun, Trial
from grader.model.images import SIDE
from grader.model.quantities import quantity

CHANCE = 0.05
"""Guessing among ten classes is right one time in ten; a figure far below that is probably not an accuracy."""
_NO_TRIALS = "Not checked, because no line of the table could be read."


def experiment_findings(experiment: Experiment | None, sheet: AnswerSheet) -> dict[str, Finding]:
    """A finding for each item of the experiment, by id; ``experiment`` is None where there is no such file."""
    found = experiment or Experiment()
    return {
        "experiment.table": _table(found),
        "experiment.varied": _varied(found),
        "experiment.figures": _figures(found),
        "experiment.rerun": _rerun(found),
        "experiment.observations": _observations(sheet),
    }


def _table(found: Experiment) -> Finding:
    expected = f"a line in {EXPERIMENTS} for each network that you tried"
    hint = f"Write each run into {EXPERIMENTS}; the README shows what a line looks like."
    count = len(found.trials)
    if found.trials and not found.unread:
        return passed(f"{found.source} contains {quantity(count, 'run')}.", expected=expected)
    if found.trials:
        message = (
            f"{quantity(count, 'run')} in {found.source} could be read; {quantity(found.unread, 'line')} could not."
        )
        return _open(message, hint, Decimal(1), expected, " ".join(found.problems))
    if found.problems:
        return undecided(found.problems[0], proposed=Decimal(0), hint=hint)
    if found.source:
        return failed(f"{found.source} contains no run yet.", hint, expected=expected)
    return failed(f"No {EXPERIMENTS} was found.", hint, expected=expected)


def _varied(found: Experiment) -> Finding:
    if not found.trials:
        return skipped("experiment.table", _NO_TRIALS)
    finding = varied(found.trials)
    if finding.status is Status.PASSED or not found.unread:
        return finding
    message = f"{finding.message} Some lines could not be read."
    return _open(message, finding.hint, finding.fraction, finding.expected, finding.seen)


def _figures(found: Experiment) -> Finding:
    trials = found.trials
    expected = f"accuracies from 0 to 1, seconds above 0, and kernels of 1 to {SIDE} pixels"
    if not trials:
        return skipped("experiment.table", _NO_TRIALS)
    impossible = [(trial, reason) for trial in trials if (reason := _impossible(trial))]
    if impossible:
        seen = _lines(impossible)
        hint = "Compare these lines with what the script printed."
        message = f"{quantity(len(impossible), 'run')} of {len(trials)} cannot have given these figures."
        if 2 * len(impossible) < len(trials):  # probably a typing error
            return _open(message, hint, HALF, expected, seen)
        return Finding(Status.FAILED, message, hint, Decimal(0), expected, seen)
    odd = [(trial, reason) for trial in trials if (reason := _odd(trial))]
    if odd:
        message = f"{quantity(len(odd), 'run')} of {len(trials)} would have unusual figures."
        hint = "Write down the accuracy on the test images, as a number from 0 to 1 or in percent."
        return _open(message, hint, HALF, expected, _lines(odd))
    networks = {trial.network for trial in trials}
    if len(networks) >= LEAST_TRIALS and len({trial.accuracy for trial in trials}) == 1:
        message = f"{len(networks)} different networks all have the same accuracy, {_percent(trials[0].accuracy)}."
        hint = "Two runs hardly ever agree to the last digit; write down the accuracy of each run."
        return _open(message, hint, HALF, expected)
    return passed("All figures are possible.", expected=expected)


def _impossible(trial: Trial) -> str:
    """Why the figures of a line are impossible, in a few words; empty where they are possible."""
    if min(trial.channels1, trial.channels2) < 1:
        return "a layer without channels"
    if min(trial.kernel1, trial.kernel2) < 1:
        return "a kernel without pixels"
    if max(trial.kernel1, trial.kernel2) > SIDE:
        return f"a kernel of {max(trial.kernel1, trial.kernel2)} pixels on images of {SIDE}"
    if not 0 <= trial.accuracy <= 1:
        return f"an accuracy of {trial.accuracy:g}"
    if trial.epochs < 0:
        return f"{trial.epochs} epochs"
    return f"{trial.seconds:g} seconds" if trial.seconds is not None and trial.seconds < 0 else ""


def _odd(trial: Trial) -> str:
    """What is unusual about the figures of a line, in a few words; empty where nothing is."""
    if trial.accuracy > BEST_POSSIBLE:
        return f"an accuracy of {_percent(trial.accuracy)}, above the best of such networks"
    if trial.accuracy < CHANCE:
        return f"an accuracy of {_percent(trial.accuracy)}, below that of guessing"
    return "0 seconds" if trial.seconds == 0 else ""


def _rerun(found: Experiment) -> Finding:
    if not found.trials:
        return skipped("experiment.table", _NO_TRIALS)
    again = found.rerun
    if again is None or again.accuracy is None:
        # What the grader could not check costs no points.
        reason = again.problem if again is not None else ""
        return _open(reason or "No line was trained again.", "", Decimal(1))
    return _compared(again, again.accuracy)


def _compared(again: Rerun, accuracy: float) -> Finding:
    claim = again.trial
    low, high = plausible(accuracy, epochs=claim.epochs)
    expected = f"between {_percent(low)} and {_percent(high)}, since a brief run reached {_percent(accuracy)}"
    seen = f"{_percent(claim.accuracy)} after {quantity(claim.epochs, 'epoch')}, in line {claim.row}"
    network = f"{network_words(claim)}, trained again for {again.steps} steps"
    if low <= claim.accuracy <= high:
        return passed(
            f"The accuracy in line {claim.row} agrees with a brief run: {network}.", expected=expected, seen=seen
        )
    message = f"Line {claim.row} says {_percent(claim.accuracy)}; {network}, reached {_percent(accuracy)}."
    return _open(message, "Train this network again and compare.", HALF, expected, seen)


def _open(message: str, hint: str, fraction: Decimal, expected: str = "", seen: str = "") -> Finding:
    """A tutor decides; the student is told the same."""
    return Finding(Status.NEEDS_REVIEW, message, hint, fraction, expected, seen, told=message)


def network_words(trial: Trial) -> str:
    """A network in a few words, as reports name it."""
    kernels = [f"{side}x{side}" for side in (trial.kernel1, trial.kernel2)]
    return f"{trial.channels1} and {trial.channels2} channels with kernels of {' and '.join(dict.fromkeys(kernels))}"


def _observations(sheet: AnswerSheet) -> Finding:
    written = sheet.observations
    expected = "a paragraph on what you changed and what happened"
    hint = "Say in a few sentences what you changed, how the accuracy changed, and why you think it did."
    if written is None or not written.text:
        return _unwritten(written, sheet, hint, expected)
    names = named_factors(written.text)
    if len(names) == 2:
        return _open(
            "The paragraph mentions the channels and the kernel sizes.", "", Decimal(1), expected, written.text
        )
    lacking = [name for name in ("channels", "kernel sizes") if name not in names]
    message = f"The paragraph does not mention the {' or the '.join(lacking)}."
    return _open(message, hint, HALF, expected, written.text)


def _unwritten(written: WrittenAnswer | None, sheet: AnswerSheet, hint: str, expected: str) -> Finding:
    if written is not None and (written.is_blank and not written.has_picture):
        return failed(f"Not written: its place in {written.source} is empty.", hint, expected=expected)
    if written is not None:
        message = "There is a picture instead of text."
    elif sheet.problems:
        message = sheet.problems[0]
    else:
        message = "No paragraph of observations was found."
    return _open(message, hint, Decimal(0), expected)


def _lines(reasons: Sequence[tuple[Trial, str]]) -> str:
    shown = "; ".join(f"line {trial.row}: {reason}" for trial, reason in reasons[:MOST_LISTED])
    return f"{shown}; and {len(reasons) - MOST_LISTED} more" if len(reasons) > MOST_LISTED else shown


def _percent(accuracy: float) -> str:
    """To a tenth of a percent, rounded down as everywhere in a report."""
    return f"{math.floor(1000 * accuracy + 1e-9) / 10:.1f} %"
