"""The finding if forward raises an error: what the error means, and how to correct it."""

from __future__ import annotations

import re
from dataclasses import replace

from grader.checks.case import Case, failed, listed
from grader.checks.error_meanings import layer_created, meaning
from grader.checks.problem_text import at, cause, place
from grader.checks.unused_layers import unused_before
from grader.checks.written_calls import created_with_input
from grader.model import Finding
from grader.model.evidence import Problem, Repair
from grader.model.quantities import quantity

MIXING = frozenset({"flatten-batch", "reshape-rows"})
"""The faults of a flatten step that joins or divides the images of a batch."""
EXPECTED_SHAPE = "one float32 tensor of shape (N, 10)"


def raised(case: Case, problem: Problem) -> Finding:
    """The failed ``forward.shape`` for an error that forward raises in every pass."""
    if (
        "Kernel size can't be greater than actual input size" in problem.message
        or "Output size is too small" in problem.message
    ):
        return failed(
            f"The feature map is smaller than the next kernel{at(problem)}: {cause(problem)}.",
            "Use smaller kernels, less pooling, or padding; calculate the size after each layer, starting from 28.",
            expected=EXPECTED_SHAPE,
            seen=problem.code.strip(),
            fault="map-too-small",
        )
    trace = case.evidence.trace
    repairs = trace.repairs if trace is not None else ()
    for repair in repairs:
        finding = _wrong_size(repair, problem) or _wrong_definition(repair, problem)
        if finding is not None:
            return _with_unused(case, replace(finding, fault=repair.kind), repair)
    if problem.kind == "missing-package":
        return failed(
            f"{cause(problem).removeprefix(problem.exception).lstrip(': ')}.",
            "Write forward without this package: it may use only torch and the Python standard library.",
            expected=EXPECTED_SHAPE,
        )
    if problem.exception == "NotImplementedError" and "forward" in problem.message:
        return failed(
            "Net has no method called forward.",
            "Write the method forward(self, x). If it is there, its line begins exactly below def __init__.",
            expected="forward(self, x)",
            fault="forward-name",
        )
    if "super" in problem.message or "_forward_hooks" in problem.message or "_backward_hooks" in problem.message:
        return failed(
            "Net() does not call the __init__ of nn.Module.",
            "Begin __init__ with super().__init__().",
            fault="super-init",
        )
    if "positional argument" in problem.message and "forward" in problem.message and not problem.line:
        return failed(
            f"forward cannot be called with one batch as its only argument: {problem.message}.",
            "Write it as forward(self, x).",
            expected="forward(self, x)",
            fault="forward-name",
        )
    if (found := meaning(problem, in_forward=True)) is not None:
        return failed(found.message, found.hint, expected=EXPECTED_SHAPE, seen=problem.code.strip(), fault=found.fault)
    return failed(
        f"forward raises an error{at(problem)}: {cause(problem)}.",
        "Correct that line; print(x.shape) on the line before it often shows what is wrong.",
        expected=EXPECTED_SHAPE,
        seen=problem.code.strip(),
    )


def _wrong_size(repair: Repair, problem: Problem) -> Finding | None:
    """The finding for a size that was repaired to go on recording; None for other repairs."""
    name = repair.layer or {"conv-channels": "a convolution", "linear-size": "a fully connected layer"}.get(
        repair.kind, "view"
    )
    if repair.kind in {"linear-size", "conv-channels"}:
        return _wrong_layer(repair, problem, name)
    here = repair.problem or problem
    if repair.kind == "flatten-batch":
        return failed(
            f"The flatten step{at(here)} puts all images of the batch into one row: it should begin at dimension 1, "
            "because dimension 0 counts the images.",
            "Keep the first dimension: torch.flatten(x, 1), nn.Flatten(), or x.view(x.size(0), -1).",
            expected=f"{repair.expected} values for each image",
            seen=here.code.strip() if repair.problem is not None else f"{repair.seen} values for the whole batch",
        )
    if repair.kind == "flatten-missing":
        return failed(
            f"{name} gets feature maps that were not flattened{at(problem)}.",
            "Flatten before the first fully connected layer: x = x.view(x.size(0), -1).",
            expected=f"{repair.expected} values for each image",
        )
    if repair.kind == "reshape-size":
        asked = f" {repair.expected}" if repair.expected else " another number of"
        return failed(
            f"The flatten step asks for{asked} values for each image, but there are {repair.seen}{at(here)}.",
            f"Use x.view(-1, {repair.seen}), or x.view(x.size(0), -1), and then nn.Linear({repair.seen}, ...).",
            expected=f"{repair.seen} values for each image",
            seen=here.code.strip(),
        )
    if repair.kind == "reshape-rows":
        return failed(
            f"The flatten step{at(here)} gives rows of {repair.seen} values, but each image has {repair.expected}.",
            f"Use x.view(-1, {repair.expected}), or x.view(x.size(0), -1), and then nn.Linear({repair.expected}, ...).",
            expected=f"{repair.expected} values for each image",
            seen=here.code.strip(),
        )
    if repair.kind == "reshape-layout":
        return not_contiguous(problem)
    if repair.kind == "input-shape":
        name = repair.layer or "The first convolution"
        return failed(
            f"{name} {repair.message}{at(problem)}, where it needs a batch of images.",
            "Pass the images on as forward gets them: (N, 1, 28, 28), without unsqueeze, squeeze, view or flatten.",
            expected="a tensor of shape (N, channels, height, width)",
            seen=problem.code.strip(),
        )
    return None


def _wrong_layer(repair: Repair, problem: Problem, name: str) -> Finding:
    """The finding for a layer that was created for another number of inputs than it gets; it names both lines."""
    made = repair.problem
    where = f" (created {place(made) if made.file != problem.file else place(replace(made, file=''))})" if made else ""
    if repair.kind == "linear-size":
        takes, gets = f"{repair.expected} inputs", f"{repair.seen} inputs"
        hint = f"Change its number of inputs: nn.Linear({repair.seen}, ...)."
    else:
        takes, gets = quantity(repair.expected, "input channel"), quantity(repair.seen, "input channel")
        hint = f"Use as many input channels as the layer before it has output channels: nn.Conv2d({repair.seen}, ...)."
    return failed(
        f"{name}{where} takes {takes}, but gets {repair.seen}{at(problem)}.",
        hint,
        expected=f"a layer that takes {gets}",
        seen=made.code.strip() if made is not None else f"a layer that takes {takes}",
    )


def mixed_by_flatten(case: Case) -> Finding | None:
    """The finding for a flatten step that joins or divides images, and after which no line fails; None if none does."""
    trace = case.evidence.trace
    for repair in trace.repairs if trace is not None else ():
        if repair.kind in MIXING and (found := _wrong_size(repair, Problem("forward"))) is not None:
            return _with_unused(case, replace(found, fault=repair.kind), repair)
    return None


def _with_unused(case: Case, finding: Finding, repair: Repair) -> Finding:
    """The finding on a size that does not fit, and the layers that forward leaves out before it, if there are any."""
    unused = unused_before(case, repair)
    if not unused:
        return finding
    message = f"{finding.message} forward never applies {listed(unused)}, which __init__ creates."
    hint = f"Apply {listed(unused)} in forward, or else {finding.hint[:1].lower()}{finding.hint[1:]}"
    return replace(finding, message=message, hint=hint, expected="")


def _wrong_definition(repair: Repair, problem: Problem) -> Finding | None:
    """The finding for something that forward uses and that does not exist as it should; None for other repairs."""
    if repair.kind == "forward-name":
        hint = f"Rename {repair.layer} to forward."
        return failed("Net has no method called forward.", hint, expected="forward(self, x)", seen=repair.layer)
    if repair.kind == "init-name":
        return failed(
            f"Net has no __init__, so its layers are never created: the method is called {repair.layer}.",
            f"Rename {repair.layer} to __init__ (two underscores on each side).",
            expected="__init__(self)",
            seen=repair.layer,
        )
    if repair.kind in {"attribute", "missing-layer"} and (local := _local_name(repair, problem)) is not None:
        return local
    if repair.kind == "layer-call" and repair.problem is not None:
        call = created_with_input(repair.problem.code)
        if call is not None:
            found = layer_created(call, repair.problem)
            return failed(found.message, found.hint, expected=EXPECTED_SHAPE, seen=repair.problem.code.strip())
    right = repair.assumed.partition(" were ")[2]
    hints = {
        "comma": "Remove the comma at the end of that line: it makes a tuple.",
        "attribute": f"Write {right}, or create self.{repair.layer} in __init__.",
        "missing-layer": f"Create it in __init__: self.{repair.layer} = ...; or correct the name.",
        "name": f"Write {right}.".replace("Write imported from torch", "Import it"),
        "layer-call": "Write nn.ReLU()(x) or F.relu(x): the first brackets create the layer, the second ones call it.",
        "misspelt": "Correct the spelling.",
        "softmax-dim": "Use dim=1, the dimension of the ten classes.",
    }
    if repair.kind not in hints:
        return None
    layer = f"self.{repair.layer} "
    subjects = {"attribute": layer, "missing-layer": layer, "softmax-dim": "the softmax "}
    what = subjects.get(repair.kind, "") + repair.message
    return failed(
        f"forward stops{at(problem)}: {what}.",
        hints[repair.kind],
        expected=EXPECTED_SHAPE,
        seen=problem.code.strip(),
    )


def _local_name(repair: Repair, problem: Problem) -> Finding | None:
    """The finding for a layer that __init__ assigns to a name without ``self.``; None for other missing layers.

    The problem of the repair is then at the line of that assignment.
    """
    made, name = repair.problem, repair.layer
    written = re.match(rf"(?:self_?)?{re.escape(name)}\s*[:=]", made.code) if made is not None else None
    if made is None or written is None:
        return None
    return failed(
        f"forward stops{at(problem)}: self.{name} is never created, because line {made.line} makes only a local name.",
        f"A name without self. is gone when __init__ ends: write self.{name} = ... in line {made.line}.",
        expected=f"self.{name} = ...",
        seen=made.code.strip(),
    )


def not_contiguous(problem: Problem, *, sizes: str = "", expected: str = "") -> Finding:
    """The finding for a view of a tensor that is not contiguous; ``sizes`` names the batches that fail."""
    return failed(
        f"view does not work{at(problem)}{sizes}, because the tensor is not contiguous.",
        "Use reshape instead of view.",
        expected=expected,
        seen=problem.code.strip(),
        fault="reshape-layout",
    )
