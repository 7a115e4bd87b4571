"""The checks on what forward gives back: its shape, and its independence of the batch."""

from __future__ import annotations

from difflib import get_close_matches
from math import prod

from grader.checks.case import Case, counted, failed, passed, skipped
from grader.checks.loading import at, cause, ended
from grader.checks.network import features, size_word
from grader.model import Finding
from grader.model.evidence import ROW_TOLERANCE, Operation, Pass, Problem, Repair

EXPECTED_SHAPE = "one float32 tensor of shape (N, 10)"


def shape(case: Case) -> Finding:
    """(N, 1, 28, 28) float32 in gives one (N, 10) float32 tensor."""
    evidence = case.evidence
    if evidence.trace is None:
        if evidence.build is not None and evidence.build.parameters >= case.max_parameters:
            return skipped("Not run, because the net is too large.")
        return ended(evidence.ending, "Running forward", "trace" if evidence.record is not None else "record")
    if evidence.load is not None and evidence.load.is_blank:
        return failed(
            "Net is still as blank as in the template.", "Write __init__ and forward.", expected=EXPECTED_SHAPE
        )
    for repair in evidence.trace.repairs:
        if repair.kind == "device":
            return failed(
                "Net moves data or layers to the GPU by itself, so it cannot run without one.",
                "Take .cuda() and .to('cuda') out of Net: the script moves net and data, and --no-cuda must work.",
                expected="a Net that runs where its input is",
            )
    if evidence.probe is None:
        return ended(evidence.ending, "Running forward", "probe")
    turned = next((one for one in evidence.probe.passes if one.shape == (10, one.batch) and one.batch != 10), None)
    if turned is not None:
        return failed(
            "forward returns ten rows, one for each digit, instead of one row for each image.",
            "Return the scores with images first: no .t() or transpose at the end, and log_softmax with dim=1.",
            expected=EXPECTED_SHAPE,
            seen=f"shape (10, {turned.batch}) for {turned.batch} images",
        )
    good = [one for one in evidence.probe.passes if _is_good(one)]
    if good and evidence.trace.problem is None:
        return passed(
            "A batch of images gives one row of ten scores for each image.",
            expected=EXPECTED_SHAPE,
            seen=str(good[0].shape),
        )
    if good and evidence.trace.problem is not None and evidence.trace.problem.kind == "forward":
        return failed(
            "forward works in evaluation mode but raises an error in training mode"
            f"{at(evidence.trace.problem)}: {cause(evidence.trace.problem)}.",
            "Run one training batch through net.train() and correct that line.",
            expected=EXPECTED_SHAPE,
        )
    one = next((one for one in evidence.probe.passes if one.batch == 64), evidence.probe.passes[0])
    if one.problem is not None:
        return _raised(case, one.problem)
    return _wrong_result(case, one)


def _is_good(one: Pass) -> bool:
    return one.problem is None and one.returned == "Tensor" and one.shape == (one.batch, 10) and one.dtype == "float32"


def _raised(case: Case, problem: Problem) -> Finding:
    load, trace = case.evidence.load, case.evidence.trace
    methods = load.methods if load is not None else ()
    repairs = trace.repairs if trace is not None else ()
    for repair in repairs:
        finding = _sized(case, repair, problem)
        if finding is not None:
            return finding
    if problem.exception == "NotImplementedError" and "forward" in problem.message:
        typo = _near("forward", methods)
        hint = f"Rename {typo} to forward." if typo else "Write the method forward(self, x)."
        return failed("Net has no method called forward.", hint, expected="forward(self, x)", seen=typo)
    typo = _near("__init__", methods)
    if problem.exception == "AttributeError" and typo and "__init__" not in methods:
        return failed(
            f"Net has no __init__, so its layers are never made: the method is called {typo}.",
            f"Rename {typo} to __init__ (two underscores on each side).",
            expected="__init__(self)",
            seen=typo,
        )
    if "super" in problem.message or "_forward_hooks" in problem.message or "_backward_hooks" in problem.message:
        return failed(
            "Net was built without the nn.Module part being set up.", "Begin __init__ with super().__init__()."
        )
    if "positional argument" in problem.message and "forward" in problem.message:
        return failed(
            f"forward cannot be called with a batch alone: {problem.message}.",
            "Write it as forward(self, x).",
            expected="forward(self, x)",
        )
    if (
        "Kernel size can't be greater than actual input size" in problem.message
        or "Output size is too small" in problem.message
    ):
        return failed(
            f"The image has become smaller than the next kernel{at(problem)}: {cause(problem)}.",
            "Use smaller kernels, less pooling, or padding, and work out the size after each layer (28 at the start).",
            expected=EXPECTED_SHAPE,
            seen=problem.code.strip(),
        )
    return failed(
        f"forward raises an error{at(problem)}: {cause(problem)}.",
        "Correct that line; print(x.shape) before it often shows what is wrong.",
        expected=EXPECTED_SHAPE,
        seen=problem.code.strip(),
    )


def _sized(case: Case, repair: Repair, problem: Problem) -> Finding | None:
    name = repair.layer or {"conv-channels": "a convolution", "linear-size": "a fully connected layer"}.get(
        repair.kind, "view"
    )
    if repair.kind == "linear-size":
        return failed(
            f"{name} is declared for {repair.expected} inputs, but {repair.seen} values arrive{at(problem)}.",
            f"Declare it with {repair.seen} inputs: nn.Linear({repair.seen}, ...).",
            expected=f"{repair.seen} inputs",
            seen=f"{repair.expected} inputs",
        )
    if repair.kind == "conv-channels":
        return failed(
            f"{name} is declared for {repair.expected} input channels, but {repair.seen} arrive{at(problem)}.",
            f"Its input channels are the output channels of the layer before it: nn.Conv2d({repair.seen}, ...).",
            expected=f"{repair.seen} channels",
            seen=f"{repair.expected} channels",
        )
    if repair.kind == "flatten-batch":
        return failed(
            f"The flatten before {name} joins all images of a batch into one row of values{at(problem)}.",
            "Keep the first dimension: torch.flatten(x, 1), nn.Flatten(), or x.view(x.size(0), -1).",
            expected=f"{repair.expected} values for each image",
            seen=f"{repair.seen} values for the whole batch",
        )
    if repair.kind == "flatten-missing":
        return failed(
            f"{name} is given feature maps that were not flattened{at(problem)}.",
            "Flatten before the first fully connected layer: x = x.view(x.size(0), -1).",
            expected=f"{repair.expected} values for each image",
        )
    if repair.kind == "reshape-size":
        asked = f" {repair.expected}" if repair.expected else ""
        return failed(
            f"The flatten asks for{asked} values for each image, but there are {repair.seen}{at(problem)}.",
            f"Use x.view(-1, {repair.seen}), or x.view(x.size(0), -1), and nn.Linear({repair.seen}, ...).",
            expected=f"{repair.seen} values for each image",
            seen=problem.code.strip(),
        )
    if repair.kind == "reshape-layout":
        return failed(
            f"view cannot be used here{at(problem)}, because the values lie in another order.",
            "Use reshape instead of view.",
        )
    return None


def _near(name: str, methods: tuple[str, ...]) -> str:
    """A method whose name is a misspelt ``name``: the same letters but for two, or other underscores."""
    others = [method for method in methods if method != name]
    close = get_close_matches(name.strip("_"), [method.strip("_") for method in others], n=1, cutoff=0.7)
    return next((method for method in others if close and method.strip("_") == close[0]), "")


_PAIRS = frozenset({"max", "min", "median", "mode", "sort", "topk", "kthvalue", "cummax", "cummin"})
"""Names of the pairs that torch returns from the functions of these names."""


def _wrong_result(case: Case, one: Pass) -> Finding:
    if one.returned == "NoneType":
        return failed(
            "forward returns nothing.",
            "End forward with a return statement: return F.log_softmax(x, dim=1).",
            expected=EXPECTED_SHAPE,
            seen="None",
        )
    if one.returned != "Tensor":
        pair = "tuple of values and indices" if one.returned in _PAIRS else one.returned
        return failed(
            f"forward returns {'an' if pair[0] in 'aeiou' else 'a'} {pair} instead of a tensor.",
            "Return the log-probabilities only: one tensor, nothing beside it.",
            expected=EXPECTED_SHAPE,
            seen=one.returned,
        )
    seen = f"{one.dtype} of shape ({', '.join(map(str, one.shape))}) for {one.batch} images"
    if one.dtype != "float32" and one.shape == (one.batch, 10):
        return failed(
            f"forward returns {one.dtype} numbers.",
            "Keep the network in float32: no .double(), .half() or .long() in Net.",
            expected=EXPECTED_SHAPE,
            seen=seen,
        )
    if one.dtype.startswith(("int", "bool")):
        return failed(
            "forward returns class numbers instead of scores.",
            "Return the ten log-probabilities of each image; take argmax outside of Net.",
            expected=EXPECTED_SHAPE,
            seen=seen,
        )
    if len(one.shape) == 2 and one.shape[0] != one.batch and one.shape[1] == 10:
        return _mixed_rows(case, one, seen)
    if len(one.shape) == 2 and one.shape[0] == one.batch:
        return failed(
            f"The last layer gives {counted(one.shape[1], 'score')} for each image, and there are 10 digits.",
            "Let the last fully connected layer have 10 outputs.",
            expected=EXPECTED_SHAPE,
            seen=seen,
        )
    if len(one.shape) > 2 and prod(one.shape) == one.batch * 10:
        return failed(
            f"forward returns the scores with an extra dimension: {seen}.",
            "Return shape (N, 10): take out the unsqueeze, or end with x.view(x.size(0), 10).",
            expected=EXPECTED_SHAPE,
            seen=seen,
        )
    if len(one.shape) > 2:
        return failed(
            "forward returns more than two dimensions.",
            "Flatten before the fully connected layers: x = x.view(x.size(0), -1).",
            expected=EXPECTED_SHAPE,
            seen=seen,
        )
    return failed(
        "forward does not return one row of ten scores for each image.",
        "Return the log-softmax of the last layer's (N, 10) scores.",
        expected=EXPECTED_SHAPE,
        seen=seen,
    )


def _mixed_rows(case: Case, one: Pass, seen: str) -> Finding:
    flatten = _wrong_flatten(case)
    if flatten is None:
        hint = "Flatten with x.view(x.size(0), -1), which keeps one row for each image."
    else:
        right = features(flatten.shape_in)
        hint = (
            f"Each image has {size_word(flatten.shape_in)} = {right} values there: use x.view(-1, {right}) "
            f"or x.view(x.size(0), -1), and nn.Linear({right}, ...)."
        )
    return failed(
        f"{one.batch} images give {one.shape[0]} rows of scores, so the flatten mixes images of a batch.",
        hint,
        expected=EXPECTED_SHAPE,
        seen=seen,
    )


def _wrong_flatten(case: Case) -> Operation | None:
    """The reshape after which the batch no longer has its size."""
    trace = case.evidence.trace
    if trace is None:
        return None
    for operation in case.network.path:
        changed = (
            operation.shape_out
            and operation.shape_in
            and operation.shape_in[0] == trace.batch != operation.shape_out[0]
        )
        if operation.kind == "reshape" and changed:
            return operation
    return None


def batch(case: Case) -> Finding:
    """Works for N = 1, 2, 3, 64 and 100 in eval mode, and no row depends on another row."""
    probe = case.evidence.probe
    if probe is None:
        return ended(case.evidence.ending, "Running forward on other batch sizes", "probe")
    asked = [one for one in probe.passes if one.batch in {1, 2, 3, 64, 100}]
    works = [one.batch for one in asked if _is_good(one)]
    broken = [one for one in asked if not _is_good(one)]
    if broken:
        return _broken_batches(case, works, broken)
    if case.has_fresh_layers:
        return skipped("Not assessed, because layers with new weights are made in each forward pass.")
    if probe.row_error is not None and probe.row_error > ROW_TOLERANCE:
        if probe.score_row_error is not None and probe.score_row_error <= ROW_TOLERANCE:
            return passed(
                "Every batch size works. Rows depend on each other in the final softmax only, which is marked there."
            )
        return failed(
            "The result for an image depends on the other images in its batch.",
            "Keep the first dimension for the batch: never average, sort, normalise or reshape across it in forward.",
            expected="the same scores for an image in any batch",
            seen=f"scores that change by {probe.row_error:.2g} of their spread",
        )
    return passed("Batches of 1, 2, 3, 64 and 100 images work, and no image affects another.")


def _broken_batches(case: Case, works: list[int], broken: list[Pass]) -> Finding:
    first = broken[0]
    numbers = ", ".join(str(one.batch) for one in broken)
    sizes = "images" if len(broken) > 1 or first.batch != 1 else "image"
    others = (
        [one.batch for one in case.evidence.probe.passes if _is_good(one)] if case.evidence.probe is not None else works
    )
    expected = "any number of images"
    if first.problem is not None and "view size is not compatible" in first.problem.message:
        return failed(
            f"view does not work{at(first.problem)} for {numbers} {sizes}: the values lie otherwise.",
            "Use reshape instead of view.",
            expected=expected,
            seen=first.problem.code.strip(),
        )
    if len(others) == 1:
        return failed(
            f"forward works for batches of {others[0]} images only.",
            "Do not write the batch size into Net: use x.size(0) or -1 in view and reshape.",
            expected=expected,
            seen=f"fails for {numbers} {sizes}",
        )
    if broken[0].batch == 1 and len(broken) == 1:
        detail = cause(first.problem) if first.problem is not None else f"a result of shape {first.shape}"
        return failed(
            f"forward does not work for a single image: {detail}.",
            "squeeze() without a dimension also drops a batch of one; name the dimension, or use view(x.size(0), -1).",
            expected=expected,
            seen="fails for 1 image",
        )
    detail = cause(first.problem) if first.problem is not None else f"a result of shape {first.shape}"
    return failed(
        f"forward does not work for batches of {numbers} {sizes}: {detail}.",
        "Use x.size(0) or -1 for the batch in view and reshape.",
        expected=expected,
    )
