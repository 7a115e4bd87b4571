"""What an experiment shows: a finding for each of its items, from the table, the brief re-run and the observations.

A pure function, like the checks of Part 2. Whatever is odd without being impossible goes to a tutor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

from grader.answers.finding.observations import named_factors
from grader.checks.case import counted, failed, listed, passed, review, skipped
from grader.experiment.plausibility import BEST_POSSIBLE, plausible
from grader.lab4.files import EXPERIMENTS
from grader.model import AnswerSheet, Finding, Status, WrittenAnswer
from grader.model.experiment import Experiment, Rerun, Trial
from grader.model.images import SIDE

LEAST_TRIALS = 3
"""Networks without which neither of two factors can have been varied on its own."""
CHANCE = 0.05
"""One guess in ten is right on ten classes; far less is a figure of some other kind."""
HALF = Decimal("0.5")
_MOST_ROWS = 6
"""Lines that a sentence lists."""
_NO_TRIALS = "Not looked at, because no line of the table could be read."


def experiment_findings(experiment: Experiment | None, sheet: AnswerSheet) -> dict[str, Finding]:
    """A finding for each item of the experiment; ``experiment`` is None where no file could be one."""
    found = experiment or Experiment()
    return {
        "experiment.table": _table(found),
        "experiment.varied": _varied(found),
        "experiment.figures": _figures(found),
        "experiment.rerun": _rerun(found),
        "experiment.observations": _observations(sheet),
    }


def _table(found: Experiment) -> Finding:
    expected = f"a line in {EXPERIMENTS} for each network that was tried"
    hint = f"Note each run in {EXPERIMENTS}; the README shows what a line looks like."
    count = len(found.trials)
    if found.trials and not found.unread:
        return passed(f"{found.source} holds {counted(count, 'run')}.", expected=expected)
    if found.trials:
        message = f"{counted(count, 'run')} of {found.source} could be read, and {counted(found.unread, 'line')} not."
        return Finding(Status.NEEDS_REVIEW, message, hint, Decimal(1), expected, " ".join(found.problems))
    if found.problems:
        return review(found.problems[0], proposed=Decimal(0), hint=hint)
    if found.source:
        return failed(f"{found.source} has no run in it yet.", hint, expected=expected)
    return failed(f"No {EXPERIMENTS} was found.", hint, expected=expected)


def _varied(found: Experiment) -> Finding:
    trials = found.trials
    expected = f"at least {LEAST_TRIALS} runs, with several numbers of channels and several kernel sizes"
    if not trials:
        return skipped(_NO_TRIALS)
    channels = {(one.channels1, one.channels2) for one in trials}
    kernels = {(one.kernel1, one.kernel2) for one in trials}
    seen = f"{counted(len(trials), 'run')}: channels {_pairs(channels)}; kernel sizes {_pairs(kernels)}"
    missing = [name for name, tried in (("numbers of channels", channels), ("kernel sizes", kernels)) if len(tried) < 2]
    if not missing and len(trials) >= LEAST_TRIALS:
        return passed("Both the numbers of channels and the kernel sizes were varied.", seen=seen, expected=expected)
    if missing:
        message = f"Only one choice of {' and of '.join(missing)} was tried."
        hint = f"Try other {' and other '.join(missing)}, and leave the rest as it is."
    else:
        message = f"Both factors differ, but in {counted(len(trials), 'run')} only."
        hint = f"With {LEAST_TRIALS} runs or more, each factor can be changed on its own."
    fraction = HALF if len(missing) < 2 and len(trials) > 1 else Decimal(0)
    if found.unread:
        return Finding(Status.NEEDS_REVIEW, f"{message} Some lines could not be read.", hint, fraction, expected, seen)
    return Finding(Status.PARTIAL if fraction else Status.FAILED, message, hint, fraction, expected, seen)


def _figures(found: Experiment) -> Finding:
    trials = found.trials
    expected = f"accuracies from 0 to 1, seconds above 0, and kernels of 1 to {SIDE} pixels"
    if not trials:
        return skipped(_NO_TRIALS)
    impossible = [(one, reason) for one in trials if (reason := _impossible(one))]
    if impossible:
        seen = _lines(impossible)
        hint = "Compare these lines with what the script printed."
        message = f"{counted(len(impossible), 'run')} of {len(trials)} cannot have come out like this."
        if 2 * len(impossible) < len(trials):  # a slip of the pen
            return Finding(Status.NEEDS_REVIEW, message, hint, HALF, expected, seen)
        return Finding(Status.FAILED, message, hint, Decimal(0), expected, seen)
    odd = [(one, reason) for one in trials if (reason := _odd(one))]
    if odd:
        message = f"{counted(len(odd), 'run')} of {len(trials)} would be unusual."
        hint = "Note the accuracy on the test images, as a share of 1 or in percent."
        return Finding(Status.NEEDS_REVIEW, message, hint, HALF, expected, _lines(odd))
    networks = {one.network for one in trials}
    if len(networks) >= LEAST_TRIALS and len({one.accuracy for one in trials}) == 1:
        message = f"{len(networks)} different networks are all said to reach {_percent(trials[0].accuracy)}."
        hint = "Two runs hardly ever agree to the last digit; write down what each one reached."
        return Finding(Status.NEEDS_REVIEW, message, hint, HALF, expected)
    return passed("All figures are possible.", expected=expected)


def _impossible(one: Trial) -> str:
    """Why a line cannot be, in a few words; empty where it can."""
    if min(one.channels1, one.channels2) < 1:
        return "a layer without channels"
    if min(one.kernel1, one.kernel2) < 1:
        return "a kernel without pixels"
    if max(one.kernel1, one.kernel2) > SIDE:
        return f"a kernel of {max(one.kernel1, one.kernel2)} pixels on images of {SIDE}"
    if not 0 <= one.accuracy <= 1:
        return f"an accuracy of {one.accuracy:g}"
    if one.epochs < 0:
        return f"{one.epochs} epochs"
    return f"{one.seconds:g} seconds" if one.seconds is not None and one.seconds < 0 else ""


def _odd(one: Trial) -> str:
    """What is unusual about a line that can be."""
    if one.accuracy > BEST_POSSIBLE:
        return f"an accuracy of {_percent(one.accuracy)}, above the best of such networks"
    if one.accuracy < CHANCE:
        return f"an accuracy of {_percent(one.accuracy)}, below that of guessing"
    return "no time at all" if one.seconds == 0 else ""


def _rerun(found: Experiment) -> Finding:
    if not found.trials:
        return skipped(_NO_TRIALS)
    again = found.rerun
    if again is None or again.accuracy is None:
        # What the grader could not look at costs nobody a point: see ``marking``.
        reason = again.problem if again is not None else ""
        return Finding(Status.SKIPPED, reason or "No run was trained again.", fraction=Decimal(1))
    return _compared(again, again.accuracy)


def _compared(again: Rerun, accuracy: float) -> Finding:
    claim = again.trial
    low, high = plausible(accuracy, epochs=claim.epochs)
    expected = f"between {_percent(low)} and {_percent(high)}, by a brief run that reached {_percent(accuracy)}"
    seen = f"{_percent(claim.accuracy)} after {counted(claim.epochs, 'epoch')}, in line {claim.row}"
    what = f"{network_words(claim)}, trained again for {again.steps} steps"
    if low <= claim.accuracy <= high:
        return passed(f"The figures of line {claim.row} fit what was measured: {what}.", expected=expected, seen=seen)
    message = f"Line {claim.row} says {_percent(claim.accuracy)}; {what}, reached {_percent(accuracy)}."
    hint = "Train this network once more and compare; a tutor looks at it as well."
    return Finding(Status.NEEDS_REVIEW, message, hint, HALF, expected, seen)


def network_words(one: Trial) -> str:
    """A network in a few words, as reports name it."""
    kernels = [f"{side}x{side}" for side in (one.kernel1, one.kernel2)]
    return f"{one.channels1} and {one.channels2} channels with kernels of {' and '.join(dict.fromkeys(kernels))}"


def _observations(sheet: AnswerSheet) -> Finding:
    written = sheet.observations
    expected = "a paragraph on what was changed and what came of it"
    hint = "Say in a few sentences what you changed, what happened to the accuracy, and why you think it did."
    if written is None or not written.text:
        return _unwritten(written, sheet, hint, expected)
    names = named_factors(written.text)
    if len(names) == 2:
        message = "The paragraph speaks of the channels and of the kernel sizes."
        return Finding(Status.NEEDS_REVIEW, message, "", Decimal(1), expected, written.text)
    lacking = [name for name in ("channels", "kernel sizes") if name not in names]
    message = f"The paragraph has no word for the {' or the '.join(lacking)}."
    return Finding(Status.NEEDS_REVIEW, message, hint, HALF, expected, written.text)


def _unwritten(written: WrittenAnswer | None, sheet: AnswerSheet, hint: str, expected: str) -> Finding:
    if written is not None and (written.is_blank and not written.has_picture):
        return failed(f"Not written: the place for it in {written.source} is empty.", hint, expected=expected)
    if written is not None:
        message = "There is a picture instead of words."
    elif sheet.problems:
        message = sheet.problems[0]
    else:
        message = "No paragraph of observations was found."
    return Finding(Status.NEEDS_REVIEW, message, hint, Decimal(0), expected)


def _pairs(values: set[tuple[int, int]]) -> str:
    shown = [f"{one}/{other}" for one, other in sorted(values)]
    return (
        listed(shown)
        if len(shown) <= _MOST_ROWS
        else f"{', '.join(shown[:_MOST_ROWS])} and {len(shown) - _MOST_ROWS} more"
    )


def _lines(told: Sequence[tuple[Trial, str]]) -> str:
    shown = "; ".join(f"line {one.row}: {reason}" for one, reason in told[:_MOST_ROWS])
    return f"{shown}; and {len(told) - _MOST_ROWS} more" if len(told) > _MOST_ROWS else shown


def _percent(accuracy: float) -> str:
    """To a tenth of a percent, rounded down as everywhere in a report."""
    return f"{math.floor(1000 * accuracy + 1e-9) / 10:.1f} %"
