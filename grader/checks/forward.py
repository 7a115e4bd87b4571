"""Checks of what forward returns: the shape, and that each image gives the same scores in any batch."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from grader.checks.case import Case, failed, listed, passed, unassessed
from grader.checks.endings import ended
from grader.checks.error_meanings import LAYER, LAYERS
from grader.checks.executed_network import features, position, size_word
from grader.checks.forward_errors import EXPECTED_SHAPE, mixed_by_flatten, not_contiguous, raised
from grader.checks.problem_text import at, cause
from grader.model import Finding
from grader.model.evidence import CHECKED_BATCHES, ROW_TOLERANCE, Operation, Pass, Problem, RecordedPass
from grader.model.images import CLASSES
from grader.model.quantities import quantity


def shape(case: Case) -> Finding:
    """An input of shape (N, 1, 28, 28) gives one output tensor of shape (N, 10); both are float32."""
    evidence = case.evidence
    if evidence.trace is None:
        if evidence.build is not None and evidence.build.parameters >= case.max_parameters:
            return unassessed("A network with so many parameters")
        return ended(evidence.ending, "Running forward", "trace" if evidence.record is not None else "record")
    if evidence.load is not None and evidence.load.is_blank:
        return failed("Net is still blank, as in the template.", "Write __init__ and forward.", expected=EXPECTED_SHAPE)
    moves = any(repair.kind == "device" for repair in evidence.trace.repairs)
    if evidence.probe is None and not moves:
        return ended(evidence.ending, "Running forward", "probe")
    passes: Sequence[Pass | RecordedPass] = [run for run in case.unrepaired if run.mode == "eval"]
    if not passes and evidence.probe is not None:
        passes = evidence.probe.passes
    problem = _training_problem(case)
    transposed = next((run for run in passes if run.shape == (10, run.batch) and run.batch != 10), None)
    if transposed is not None:
        return failed(
            "forward returns one row for each digit instead of one row for each image.",
            "Return the scores with the images in the first dimension: no .t() or transpose at the end.",
            expected=EXPECTED_SHAPE,
            seen=f"shape (10, {transposed.batch}) for {transposed.batch} images",
            fault="transposed",
        )
    good = [run for run in passes if _is_good(run)]
    if moves and problem is None and (good or not passes):
        return failed(
            "Net moves data or layers to the GPU itself, so it cannot run on a computer without a GPU.",
            "Remove .cuda() and .to('cuda') from Net: the lab's script already moves the network and the data.",
            expected="a Net that runs on the device of its input",
            fault="device",
        )
    if good and problem is None:
        return passed(
            "forward returns one row of ten scores for each image.",
            expected=EXPECTED_SHAPE,
            seen=str(good[0].shape),
        )
    if good and problem is not None and problem.kind == "forward":
        return failed(
            f"forward works in evaluation mode but raises an error in training mode{at(problem)}: {cause(problem)}.",
            "Call net.train(), run one batch, and correct the line that fails.",
            expected=EXPECTED_SHAPE,
        )
    shown = next((run for run in passes if run.batch == 64), passes[0])
    if shown.problem is not None:
        return raised(case, shown.problem)
    return _wrong_result(case, shown)


def _training_problem(case: Case) -> Problem | None:
    """Why forward failed in training mode, before any repair; None if it worked for some number of images."""
    runs = [run for run in case.unrepaired if run.mode == "train"]
    if not runs:
        return case.evidence.trace.problem if case.evidence.trace is not None else None
    problems = [run.problem for run in runs]
    return None if None in problems else problems[0]


def _is_good(run: Pass | RecordedPass) -> bool:
    return run.problem is None and run.returned == "Tensor" and run.shape == (run.batch, 10) and run.dtype == "float32"


_PAIRS = frozenset({"max", "min", "median", "mode", "sort", "topk", "kthvalue", "cummax", "cummin"})
"""Torch functions that return a named tuple of values and indices; the tuple has the function's name."""


def _wrong_result(case: Case, run: Pass | RecordedPass) -> Finding:
    if run.returned == "NoneType":
        return failed(
            "forward returns nothing.",
            "End forward with a return statement: "
            + ("return x." if case.network.ends_early else "return F.log_softmax(x, dim=1)."),
            expected=EXPECTED_SHAPE,
            seen="None",
            fault="return-missing",
        )
    if run.returned in LAYERS:
        return failed(
            f"forward returns a layer ({run.returned}) instead of a tensor.",
            "Apply each layer: self.name(x), not self.name; and F.relu(x) or nn.ReLU()(x), not nn.ReLU(x).",
            expected=EXPECTED_SHAPE,
            seen=run.returned,
            fault=LAYER,
        )
    if run.returned != "Tensor":
        pair = "tuple of values and indices" if run.returned in _PAIRS else run.returned
        return failed(
            f"forward returns {'an' if pair[0] in 'aeiou' else 'a'} {pair} instead of a tensor.",
            "Return only the log-probabilities, as one tensor.",
            expected=EXPECTED_SHAPE,
            seen=run.returned,
            fault="returned-container",
        )
    seen = f"{run.dtype} of shape ({', '.join(map(str, run.shape))}) for {run.batch} images"
    if run.dtype != "float32" and run.shape == (run.batch, 10):
        return failed(
            f"forward returns {run.dtype} values instead of float32.",
            "Keep the network in float32: remove .double(), .half() and .long() from Net.",
            expected=EXPECTED_SHAPE,
            seen=seen,
            fault="dtype",
        )
    if run.dtype.startswith(("int", "bool")):
        return failed(
            "forward returns class numbers instead of scores.",
            "Return the ten log-probabilities of each image, and move argmax out of Net.",
            expected=EXPECTED_SHAPE,
            seen=seen,
            fault="class-numbers",
        )
    if run.shape[:1] != (run.batch,) and (mixed := mixed_by_flatten(case)) is not None:
        return mixed
    if len(run.shape) == 2 and run.shape[0] != run.batch and run.shape[1] == 10:
        return _mixed_rows(case, run, seen)
    if unfinished := _unfinished(case, run, seen):
        return unfinished
    if len(run.shape) == 2 and run.shape[0] == run.batch:
        return failed(
            f"The last layer gives {quantity(run.shape[1], 'score')} for each image, but there are 10 digits.",
            "Give the last fully connected layer 10 outputs.",
            expected=EXPECTED_SHAPE,
            seen=seen,
            fault="class-count",
        )
    if len(run.shape) > 2 and prod(run.shape) == run.batch * 10:
        return failed(
            f"forward returns the scores with an extra dimension: {seen}.",
            "Return shape (N, 10): remove unsqueeze, or end with x.view(x.size(0), 10).",
            expected=EXPECTED_SHAPE,
            seen=seen,
            fault="extra-dimensions",
        )
    if len(run.shape) > 2:
        return failed(
            f"forward returns a tensor with {len(run.shape)} dimensions instead of 2.",
            "Flatten before the fully connected layers: x = x.view(x.size(0), -1).",
            expected=EXPECTED_SHAPE,
            seen=seen,
            fault="flatten-missing",
        )
    return failed(
        "forward does not return one row of ten scores for each image.",
        "Return F.log_softmax(x, dim=1), where x is the output of the last layer with shape (N, 10).",
        expected=EXPECTED_SHAPE,
        seen=seen,
    )


def _unfinished(case: Case, run: Pass | RecordedPass, seen: str) -> Finding | None:
    """The finding for a forward that ends before the last layer; None if it does not, or if a flatten step is missing.

    Only what was returned by the student's own code counts: ``run`` is a pass before any repair.
    """
    network = case.network
    has_scores = prod(run.shape) == run.batch * CLASSES
    if has_scores or not network.ends_early or not run.shape or run.shape[0] != run.batch:
        return None
    if network.linears and len(run.shape) > 2:
        return None
    declared = case.evidence.build.layers if case.evidence.build is not None else ()
    called = {step.layer for step in network.path}
    ahead = [layer.name for layer in declared if layer.parameters and layer.name not in called]
    after = f"ends after {position(network, network.weighted[-1])}" if network.weighted else "applies no layer yet"
    return failed(
        f"forward {after}: it returns {size_word(run.shape)} values for each image, not {CLASSES} scores.",
        f"Go on with the next layer: forward does not call {listed(ahead)} yet."
        if ahead
        else "Go on with the next layer, up to the last one, which gives 10 scores.",
        expected=EXPECTED_SHAPE,
        seen=seen,
        fault="unfinished",
    )


def _mixed_rows(case: Case, run: Pass | RecordedPass, seen: str) -> Finding:
    flatten = _wrong_flatten(case)
    if flatten is None:
        hint = "Flatten with x.view(x.size(0), -1), which keeps one row for each image."
    else:
        right = features(flatten.shape_in)
        hint = (
            f"Each image has {size_word(flatten.shape_in)} = {right} values there: use x.view(-1, {right}) "
            f"or x.view(x.size(0), -1), and then nn.Linear({right}, ...)."
        )
    return failed(
        f"{run.batch} images give {run.shape[0]} rows of scores, because the flatten step mixes the images of a batch.",
        hint,
        expected=EXPECTED_SHAPE,
        seen=seen,
        fault="reshape-rows",
    )


def _wrong_flatten(case: Case) -> Operation | None:
    """The reshape operation that changes the size of the batch dimension; None if there is none."""
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
    """forward works for every N in ``CHECKED_BATCHES`` in evaluation mode, and no row depends on another row."""
    probe = case.evidence.probe
    if probe is None:
        return ended(case.evidence.ending, "Running forward on other batch sizes", "probe")
    tried = [run for run in probe.passes if run.batch in CHECKED_BATCHES]
    works = [run.batch for run in tried if _is_good(run)]
    broken = [run for run in tried if not _is_good(run)]
    if broken:
        return _broken_batches(case, works, broken)
    rows = case.rows or probe
    if rows.row_error is not None and rows.row_error > ROW_TOLERANCE:
        if rows.score_row_error is not None and rows.score_row_error <= ROW_TOLERANCE:
            return passed(
                "Every batch size works. Only the final softmax mixes images; "
                "the check output.log_softmax reports that."
            )
        return failed(
            "The scores of an image depend on the other images in its batch.",
            "The first dimension is the batch: in forward, do not average, sort, normalise or reshape across it.",
            expected="the same scores for an image in any batch",
            seen="scores that change when the other images in the batch change",
        )
    return passed(
        f"Batches of {listed([str(size) for size in CHECKED_BATCHES])} images work, and no image affects another."
    )


def _broken_batches(case: Case, works: list[int], broken: list[Pass]) -> Finding:
    first = broken[0]
    numbers = ", ".join(str(run.batch) for run in broken)
    sizes = "images" if len(broken) > 1 or first.batch != 1 else "image"
    others = (
        [run.batch for run in case.evidence.probe.passes if _is_good(run)] if case.evidence.probe is not None else works
    )
    expected = "any number of images"
    if first.problem is not None and "view size is not compatible" in first.problem.message:
        return not_contiguous(first.problem, sizes=f" for {numbers} {sizes}", expected=expected)
    if len(others) == 1:
        return failed(
            f"forward works only for batches of {others[0]} images.",
            "Do not use a fixed batch size in Net: use x.size(0) or -1 in view and reshape.",
            expected=expected,
            seen=f"fails for {numbers} {sizes}",
        )
    if broken[0].batch == 1 and len(broken) == 1:
        detail = cause(first.problem) if first.problem is not None else f"a result of shape {first.shape}"
        return failed(
            f"forward does not work for a single image: {detail}.",
            "squeeze() also removes the batch dimension if the batch has one image; use view(x.size(0), -1) instead.",
            expected=expected,
            seen="fails for 1 image",
        )
    detail = cause(first.problem) if first.problem is not None else f"a result of shape {first.shape}"
    return failed(
        f"forward does not work for batches of {numbers} {sizes}: {detail}.",
        "Use x.size(0) or -1 for the batch dimension in view and reshape.",
        expected=expected,
    )
