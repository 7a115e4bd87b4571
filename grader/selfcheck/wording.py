"""The texts of the self-check: a failure in a few lines, the list of steps, and what to do next."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence

from grader.lab4.files import EXPERIMENTS, SCRIPT
from grader.model import Finding, Status
from grader.model.experiment import Experiment
from grader.model.quantities import quantity
from grader.safe_text import visible, visible_block
from grader.selfcheck.outcome import SelfCheck
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
    "load": "reading the script",
    "build": "building Net()",
    "record": "running forward",
    "measure": "checking shapes, dropout, gradients, speed",
    "train": "training",
    "overfit": "memorising one batch",
}
"""The names of the stages in the progress line."""
ALL_PASSED = "All public checks passed; more is checked when your work is marked."
MORE: dict[str, tuple[str, ...]] = {
    "loads": (
        f"Python shows the same error for a mistake in the file: python {SCRIPT} --help",
        "The self-check runs only the class Net and the code that it needs, not training or plotting code.",
    ),
    "forward.shape": (
        f"Put print(x.shape) between the lines of forward and run python {SCRIPT}; a batch of feature maps has the "
        "shape (N, channels, height, width).",
        "A convolution with kernel size k changes size 28 to 28 - k + 1; pooling by 2 halves the size, rounded down.",
        "The first fully connected layer needs channels x height x width inputs; count them after the last pooling.",
    ),
    "forward.batch": (
        "The last batch of an epoch is often smaller than the others, so forward cannot use a fixed batch size.",
        "x.size(0) is the number of images in the batch; with -1, torch calculates the size.",
    ),
    "structure.conv": ("Write nn.Conv2d(input channels, output channels, kernel size); the images have 1 channel.",),
    "structure.linear": ("Write nn.Linear(inputs, outputs); the last one has 10 outputs, one for each digit.",),
    "structure.dropout_conv": ("Only layers that forward uses count, not layers that __init__ only creates.",),
    "structure.dropout_fc": ("Only layers that forward uses count, not layers that __init__ only creates.",),
    "structure.relu": ("There are three hidden layers: both convolutions and the first fully connected layer.",),
    "structure.order": ("The order is: two convolutions, dropout, two fully connected layers, log-softmax.",),
    "output.log_softmax": (
        "The script uses F.nll_loss, which expects log-probabilities: they are at most 0, and their exp adds up to 1.",
        "dim=1 is the dimension of the ten digits; dim=0 is the dimension of the images.",
    ),
    "behaviour.dropout_train_eval": (
        "net.train() and net.eval() set self.training, which turns nn.Dropout on and off.",
        "F.dropout does not know the mode, so it needs training=self.training.",
    ),
    "behaviour.gradients": (
        "Layers must be attributes of Net (self.conv1 = ...), so that net.parameters() finds them.",
        "Use only torch operations in forward: no .data, .detach(), .numpy() or torch.no_grad().",
    ),
    OVERFITS: (
        "A network that is trained many times on the same few images should classify nearly all of them correctly.",
    ),
    "training.accuracy": (
        f"This check trains only for a short time; python {SCRIPT} trains longer and prints the test accuracy.",
    ),
    "resources": ("The network of the lab has about 20,000 parameters.",),
}
"""More hints by step, which -v shows."""


def failure(id: str, finding: Finding, check: SelfCheck, *, verbose: bool) -> str:
    """The text about a step that failed, in lines of at most WIDTH characters; with more hints if ``verbose``."""
    lines = [*_wrapped(visible(finding.message)), ""]
    for label, text in (("expected", finding.expected), ("seen", finding.seen), ("try", finding.hint)):
        if text:
            lines += _wrapped(visible(text), label)
    if verbose:
        for text in MORE.get(id, ()):
            lines += _wrapped(text, "also")
        if id.startswith(("forward.", "structure.")) and check.shapes:
            lines += [
                "",
                "The layers that ran, with the size of one image:",
                *(f"  {visible(line)}" for line in check.shapes),
            ]
        if check.printed.strip() and id in ("loads", "forward.shape"):
            tail = visible_block(check.printed).strip().splitlines()[-8:]
            lines += ["", "The last lines of the script's output:", *(f"  {line}" for line in tail)]
    elif MORE.get(id):
        lines += ["", "More hints: pytest -v"]
    return "\n".join(lines)


def overview(check: SelfCheck, ids: Sequence[str], *, verbose: bool) -> Iterator[tuple[str, Status]]:
    """One line for each step, with its status for the colour.

    ``verbose`` adds the shapes, and the reasons for skipping, each once.
    """
    told = ""
    for step in STEPS:
        if step.id not in ids:
            continue
        finding = check.findings[step.id]
        yield f"{WORDS[finding.status]:<5} {step.id:<28} {step.title}", finding.status
        if finding.status in (Status.SKIPPED, Status.NEEDS_REVIEW) and verbose and finding.message != told:
            told = finding.message
            for line in textwrap.wrap(visible(finding.message), WIDTH - 6):
                yield f"      {line}", finding.status
        if step.id == SHAPES and verbose and finding.status is Status.PASSED:
            for line in check.shapes:
                yield f"      {visible(line)}", finding.status


def notes(check: SelfCheck) -> list[str]:
    """Which file was checked, if it is not the usual one, and what was left out."""
    return [line for note in check.notes for line in _wrapped(visible(note))]


def next_step(findings: Mapping[str, Finding], ids: Sequence[str]) -> list[str]:
    """The last lines: what to do first, or that the public checks passed. They never say that everything is right."""
    chosen = {id: findings[id] for id in findings if id in ids}
    faults = [id for id, found in chosen.items() if found.status in (Status.ERROR, Status.FAILED, Status.PARTIAL)]
    if faults:
        first = chosen[faults[0]]
        text = f"{visible(first.message)} {visible(first.hint)}".strip()
        return [f"Next: {faults[0]}", *textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")]
    undecided = [id for id, found in chosen.items() if found.status is not Status.PASSED]
    if undecided:
        return [*_wrapped(f"The self-check cannot decide {', '.join(undecided)}; your tutor will.")]
    return [ALL_PASSED if is_all_passed(findings) else "These checks passed; type pytest to run all checks."]


def answers(written: Written) -> list[str]:
    """How many answers are written, and which are missing."""
    if written.problem:
        return _wrapped(f"Part 1: {written.problem}")
    counts = []
    for state in State:
        parts = written.parts(state)
        if parts:
            counts.append(f"{len(parts)} {state}" + (f" ({', '.join(parts)})" if state is not State.ANSWERED else ""))
    if not counts:
        return []
    told = _wrapped(f"Part 1: {'; '.join(counts)}. The self-check does not check whether answers are right.")
    return [*told, *(line for note in written.notes for line in _wrapped(visible(note), "read"))]


def experiments(found: Experiment | None) -> list[str]:
    """How many runs the table of experiments has, and which lines could not be read."""
    if found is None:
        return _wrapped(f"Experiments: {EXPERIMENTS} is not in this folder.")
    if not found.trials and not found.problems:
        return _wrapped(f"Experiments: {EXPERIMENTS} has no runs yet.")
    count = len(found.trials)
    lines = _wrapped(f"Experiments: {quantity(count, 'run')} found. The self-check does not check the figures.")
    for problem in found.problems:
        lines += _wrapped(visible(problem), "check")
    return lines


def _wrapped(text: str, label: str = "") -> list[str]:
    """``text`` in lines of at most WIDTH characters, after a label if there is one."""
    start = f"  {label:<9} " if label else ""
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=" " * (12 if label else 0), break_on_hyphens=False
    ) or [start.rstrip()]
