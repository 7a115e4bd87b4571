"""What a student reads: a finding as a few lines, the chain of steps as a list, and what to do next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from grader.lab4.files import EXPERIMENTS, SCRIPT
from grader.model import Finding, Status
from grader.model.experiment import Experiment
from grader.safe_text import visible, visible_block
from grader.selfcheck.run import SelfCheck
from grader.selfcheck.steps import OVERFITS, SHAPES, STEPS, is_all_passed
from grader.selfcheck.written_work import State, Written

WIDTH = 78
WORDS = {
    Status.PASSED: "ok",
    Status.PARTIAL: "PART",
    Status.FAILED: "FAIL",
    Status.SKIPPED: "-",
    Status.NEEDS_REVIEW: "?",
    Status.ERROR: "ERROR",
}
STAGES = {
    "start": "starting torch",
    "load": "load",
    "build": "build",
    "record": "one pass",
    "measure": "shapes, dropout, gradients, speed",
    "train": "training",
    "overfit": "one batch by heart",
}
"""How the stages of an observation are called while a student waits."""
ALL_PASSED = "The public checks passed; more is looked at when marking."
MORE: dict[str, tuple[str, ...]] = {
    "loads": (
        f"Python shows the same error for a mistake in the file: python {SCRIPT} --help",
        "Only class Net and what it needs is run here; training and plotting code is left out.",
    ),
    "forward.shape": (
        f"Put print(x.shape) between the lines of forward, and run python {SCRIPT}: (N, channels, height, width).",
        "A convolution with kernel k makes 28 into 28 - k + 1; pooling by 2 halves it, rounding down.",
        "The first fully connected layer takes channels x height x width of what reaches it.",
    ),
    "forward.batch": (
        "The last batch of an epoch is smaller than the others, so no size may be written into forward.",
        "x.size(0) is the number of images; -1 lets torch work a size out.",
    ),
    "structure.conv": ("nn.Conv2d(input channels, output channels, kernel size); the images have 1 channel.",),
    "structure.linear": ("nn.Linear(inputs, outputs); the last one has 10 outputs, one for each digit.",),
    "structure.dropout_conv": ("What counts is what forward runs, not what __init__ declares.",),
    "structure.dropout_fc": ("What counts is what forward runs, not what __init__ declares.",),
    "structure.relu": ("Three layers are hidden: both convolutions and the first fully connected layer.",),
    "structure.order": ("In this order: two convolutions, dropout, two fully connected layers, log-softmax.",),
    "output.log_softmax": (
        "The loss of the script, F.nll_loss, expects log-probabilities: at most 0, and their exp adds up to 1.",
        "dim=1 is the one with the ten digits; dim=0 is the one with the images.",
    ),
    "behaviour.dropout_train_eval": (
        "net.train() and net.eval() set self.training, and nn.Dropout follows it by itself.",
        "F.dropout does not know about it unless it is told.",
    ),
    "behaviour.gradients": (
        "Layers must be attributes of Net (self.conv1 = ...), so that net.parameters() finds them.",
        "Do not leave torch on the way: no .data, .detach(), .numpy() or torch.no_grad() in forward.",
    ),
    OVERFITS: ("Training on the same few images again and again should get nearly all of them right.",),
    "training.accuracy": ("The script trains for much longer than this check; look at its accuracy as well.",),
    "resources": ("The lab's own network has some 20,000 parameters.",),
}
"""Further hints, shown with -v: how to look for a fault, by step."""


def told(id: str, finding: Finding, check: SelfCheck, *, verbose: bool) -> str:
    """A finding that does not hold, in a few lines of at most WIDTH characters; with ``verbose`` a few more."""
    lines = [*_wrapped(visible(finding.message)), ""]
    for label, text in (("expected", finding.expected), ("seen", finding.seen), ("try", finding.hint)):
        if text:
            lines += _wrapped(visible(text), label)
    if verbose:
        for text in MORE.get(id, ()):
            lines += _wrapped(text, "also")
        if id.startswith(("forward.", "structure.")) and check.shapes:
            lines += ["", "What ran (without the batch):", *(f"  {visible(line)}" for line in check.shapes)]
        if check.printed.strip() and id in ("loads", "forward.shape"):
            tail = visible_block(check.printed).strip().splitlines()[-8:]
            lines += ["", "The last lines that the script printed:", *(f"  {line}" for line in tail)]
    elif MORE.get(id):
        lines += ["", "More hints: pytest -v"]
    return "\n".join(lines)


def overview(check: SelfCheck, ids: Sequence[str], *, verbose: bool) -> Iterator[tuple[str, Status]]:
    """One line for each of the steps, with its status for the colour; why a step was skipped stands below it."""
    for step in STEPS:
        if step.id not in ids:
            continue
        finding = check.findings[step.id]
        yield f"{WORDS[finding.status]:<5} {step.id:<28} {step.title}", finding.status
        if finding.status in (Status.SKIPPED, Status.NEEDS_REVIEW) and verbose:
            for line in textwrap.wrap(visible(finding.message), WIDTH - 6):
                yield f"      {line}", finding.status
        if step.id == SHAPES and verbose and finding.status is Status.PASSED:
            for line in check.shapes:
                yield f"      {visible(line)}", finding.status


def next_step(findings: Mapping[str, Finding], ids: Sequence[str]) -> list[str]:
    """The last lines: the first thing to do, or that the public checks passed. Never that all is right."""
    chosen = {id: findings[id] for id in findings if id in ids}
    faults = [id for id, one in chosen.items() if one.status in (Status.ERROR, Status.FAILED, Status.PARTIAL)]
    if faults:
        first = chosen[faults[0]]
        told_first = f"{visible(first.message)} {visible(first.hint)}".strip()
        return [f"Next: {faults[0]}", *textwrap.wrap(told_first, WIDTH, initial_indent="  ", subsequent_indent="  ")]
    open_ones = [id for id, one in chosen.items() if one.status is not Status.PASSED]
    if open_ones:
        return [*_wrapped(f"Not settled here: {', '.join(open_ones)}. A tutor looks at it when marking.")]
    return [ALL_PASSED if is_all_passed(findings) else "These checks passed; type pytest for all of them."]


def images(check: SelfCheck) -> list[str]:
    """Which images were used, when it was not MNIST."""
    return _wrapped(check.note) if check.note else []


def answers(written: Written) -> list[str]:
    """How far the written answers are; whether they are right is not looked at."""
    if written.problem:
        return _wrapped(f"Part 1: {written.problem}")
    counts = []
    for state in State:
        parts = written.parts(state)
        if parts:
            counts.append(f"{len(parts)} {state}" + (f" ({', '.join(parts)})" if state is not State.ANSWERED else ""))
    return _wrapped(f"Part 1: {'; '.join(counts)}. Whether answers are right is not looked at here.")


def experiments(found: Experiment | None) -> list[str]:
    """How far the table of experiments is, and which lines could not be read."""
    if found is None:
        return _wrapped(f"Experiments: {EXPERIMENTS} is not in this folder.")
    if not found.trials and not found.problems:
        return _wrapped(f"Experiments: {EXPERIMENTS} has no run in it yet.")
    count = len(found.trials)
    lines = _wrapped(f"Experiments: {count} {'run' if count == 1 else 'runs'} found. Figures are not looked at here.")
    for problem in found.problems:
        lines += _wrapped(visible(problem), "look at")
    return lines


def _wrapped(text: str, label: str = "") -> list[str]:
    """``text`` within WIDTH, behind a label where there is one."""
    start = f"  {label:<9} " if label else ""
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=" " * (12 if label else 0), break_on_hyphens=False
    ) or [start.rstrip()]
