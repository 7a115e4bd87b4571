"""Eval-mode probes, train and eval comparisons, gradients, and resources: one function a stage, each giving its
record.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, allclose, isfinite, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from grader.evidence import (
    Gradients,
    Modes,
    ParameterGradient,
    Pass,
    Probing,
    Problem,
    Resources,
    Scores,
    Tracing,
)
from grader.worker import vocabulary
from grader.worker.building import ROWS_COMPARED
from grader.worker.tracing import TooManyOperations, Tracer

BATCHES = (1, 2, 3, 64, 100)
"""DESIGN.md, forward.batch."""
Images = Callable[[int], Tensor]
Explain = Callable[[str, BaseException], Problem]


class HeldDropout(TorchFunctionMode):
    """Every dropout call returns its input, whatever it was told about training."""

    def __torch_function__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]  # torch's own signature
        if vocabulary.function_name(func) in vocabulary.DROPOUTS and args and isinstance(args[0], Tensor):
            return args[0]
        return func(*args, **(kwargs or {}))


def trace(
    net: nn.Module, images: Images, batch: int, known: Sequence[object], explain: Explain
) -> tuple[Tracing, Tracer]:
    """One training-mode pass over ``batch`` images, mended where a wrong size would stop it."""
    net.train()
    data = images(batch)
    tracer = Tracer(net, data, repair=True, known=known)
    result: object = None
    problem: Problem | None = None
    try:
        with tracer.recording():
            result = net(data)
    except TooManyOperations:
        problem = Problem("too-many-operations", "forward runs thousands of operations")
    except Exception as error:  # the submission's own failure is the observation
        problem = explain("forward", error)
    record = Tracing(
        problem=problem,
        batch=batch,
        operations=tuple(tracer.operations[:400]),
        output=tracer.index_of(_first_tensor(result)),
        returned=type(result).__name__[:60] if problem is None else "",
        repairs=tuple(tracer.repairs),
        remarks=tuple(tracer.remarks.values()),
    )
    return record, tracer


def _first_tensor(value: object) -> object:
    if isinstance(value, tuple | list) and value:
        return _first_tensor(value[0])
    if isinstance(value, dict) and value:
        return _first_tensor(next(iter(value.values())))
    return value


def probe(net: nn.Module, images: Images, working: int, explain: Explain) -> Probing:
    """Eval-mode passes at every batch size, then row independence and the shape of the scores at a size that works."""
    net.eval()
    passes = tuple(_one_pass(net, images(size), explain) for size in BATCHES)
    usable = [one.batch for one in passes if one.problem is None and one.shape == (one.batch, 10)]
    if working not in usable and working:
        extra = _one_pass(net, images(working), explain)
        if extra.problem is None and extra.shape == (working, 10):
            passes, usable = (*passes, extra), [*usable, working]
    if not usable:
        return Probing(passes)
    size = ROWS_COMPARED if ROWS_COMPARED in usable else max(usable)
    rows, score_rows, is_constant = _row_errors(net, images, size)
    return Probing(passes, _scores(net, images(size)), rows, score_rows, is_constant)


def _one_pass(net: nn.Module, data: Tensor, explain: Explain) -> Pass:
    try:
        with torch.no_grad():
            result = net(data)
    except Exception as error:  # the submission's own failure is the observation
        return Pass(len(data), explain("forward", error))
    if type(result) is not Tensor:
        return Pass(len(data), None, type(result).__name__[:60])
    return Pass(len(data), None, "Tensor", tuple(result.shape[:8]), str(result.dtype).removeprefix("torch."))


def _traced(net: nn.Module, data: Tensor) -> tuple[Tensor, Tracer]:
    tracer = Tracer(net, data, hold_dropout=True)
    with torch.no_grad(), tracer.recording():
        result = net(data)
    return result, tracer


def _scores(net: nn.Module, data: Tensor) -> Scores | None:
    """What one pass's outputs look like as log-probabilities, in double precision."""
    try:
        result, tracer = _traced(net, data)
    except Exception:  # it worked a moment ago: a net that fails now and then leaves this unobserved
        return None
    outputs = result.detach().double()
    if outputs.dim() != 2 or not bool(isfinite(outputs).all()):
        return Scores(is_finite=bool(isfinite(outputs).all()))
    index = tracer.index_of(result)
    return Scores(
        is_finite=True,
        largest=float(outputs.max()),
        smallest=float(outputs.min()),
        sum_error=_bounded((outputs.clamp(max=50).exp().sum(1) - 1).abs().max()),
        column_error=_bounded((outputs.clamp(max=50).exp().sum(0) - 1).abs().max()),
        probability_error=_bounded((outputs.sum(1) - 1).abs().max()),
        tail=() if index is None else _words(tracer, sorted(_tail(tracer, index))),
        lead=None if index is None else _lead(tracer, outputs, index),
    )


def _bounded(value: Tensor) -> float:
    return min(float(value), 1e30)


def _lead(tracer: Tracer, outputs: Tensor, last: int) -> tuple[str, ...] | None:
    """The operations before the earliest result s, from the last weighted one on, with outputs == log_softmax(s, 1)."""
    chain = sorted(_tail(tracer, last))
    for position, index in enumerate(chain):
        value = tracer.results[index].double()
        if value.shape != outputs.shape:
            continue
        if allclose(functional.log_softmax(value, dim=1), outputs, atol=1e-5, rtol=1e-4):
            return _words(tracer, chain[: position + 1])
    return None


def _words(tracer: Tracer, indices: Sequence[int]) -> tuple[str, ...]:
    operations = [tracer.operations[index] for index in indices]
    return tuple(one.name for one in operations if one.kind not in {"conv", "linear"})[:40]


def _tail(tracer: Tracer, last: int) -> set[int]:
    """Operations between the last weighted one (itself included) and the output."""
    chain: set[int] = set()
    waiting = [last]
    while waiting:
        index = waiting.pop()
        if index < 0 or index in chain:
            continue
        chain.add(index)
        if tracer.operations[index].kind not in {"conv", "linear"}:
            waiting.extend(tracer.operations[index].inputs)
    return chain


def _final_scores(tracer: Tracer, last: int | None) -> Tensor | None:
    """The scores that enter the final softmax or log-softmax, or the last weighted result when there is none."""
    if last is None:
        return None
    chain = sorted(_tail(tracer, last))
    for index in chain:
        operation = tracer.operations[index]
        if operation.kind in {"softmax", "log_softmax"} and operation.inputs and operation.inputs[0] >= 0:
            return tracer.results[operation.inputs[0]]
    return tracer.results[chain[0]] if chain else None


def _row_errors(net: nn.Module, images: Images, size: int) -> tuple[float | None, float | None, bool]:
    """How much rows change when their neighbours do, for the outputs and for the scores before the final softmax.

    The same images are passed again in other company: rotated by one place when the batch holds several, and with all
    neighbours replaced. Changes are divided by the spread of the values, so that they mean the same for every net.
    """
    first = images(size)
    other = images(2 * size)[size:]
    try:
        base, base_tracer = _traced(net, first)
        if size == 1:
            return 0.0, 0.0, False
        changes: list[tuple[Tensor, Tensor]] = []
        score_changes: list[tuple[Tensor, Tensor]] = []
        base_scores = _final_scores(base_tracer, base_tracer.index_of(base))
        for row in range(min(size, 3)):
            mixed = other.clone()
            mixed[row] = first[row]
            result, tracer = _traced(net, mixed)
            changes.append((base[row], result[row]))
            scores = _final_scores(tracer, tracer.index_of(result))
            if base_scores is not None and scores is not None and _have_rows(base_scores, scores, size):
                score_changes.append((base_scores[row], scores[row]))
    except Exception:  # it worked a moment ago: a net that fails now and then leaves this unobserved
        return None, None, False
    values = base.double()  # scores may be whole numbers
    spread = float((values - values.mean(0)).abs().max()) if values.numel() else 0.0
    is_constant = spread < 1e-7 * max(1.0, float(values.abs().max()))
    return _relative(changes, base), _relative(score_changes, base_scores) if score_changes else None, is_constant


def _have_rows(one: Tensor, other: Tensor, size: int) -> bool:
    """Whether two results can be compared row by row."""
    return one.shape == other.shape and one.dim() > 0 and len(one) == size


def _relative(pairs: list[tuple[Tensor, Tensor]], values: Tensor | None) -> float | None:
    if values is None or not pairs:
        return None
    change = max(float((one.double() - two.double()).abs().max()) for one, two in pairs)
    scale = max(float(values.double().std()) if values.numel() > 1 else 0.0, 1e-3 * float(values.abs().max()), 1e-12)
    ratio = change / scale
    return min(ratio, 1e30) if ratio == ratio else None


def follow(net: nn.Module, data: Tensor) -> tuple[Tensor, tuple[str, ...] | None]:
    """One pass, and the weighted layers that its result came through; None for a pass too long to follow.

    Raises whatever the submission's own code raises.
    """
    tracer = Tracer(net, data)
    try:
        with tracer.recording():
            result = net(data)
    except TooManyOperations:
        return net(data), None
    return result, tracer.path_to(result)


def compare_modes(net: nn.Module, images: Images, sizes: Sequence[int], explain: Explain) -> Modes:
    """Pairs of passes over one batch in training and in eval mode, with dropout free and with dropout held.

    ``sizes`` are batch sizes to try in order: a dropout that seldom drops may leave a small batch alone.
    """
    data = images(sizes[0])
    try:
        net.train()
        train = 0.0
        for size in sizes:
            train = max(train, _difference(net, images(size)))
            if train > 0:
                break
        with HeldDropout():
            train_still = _difference(net, data)
        net.eval()
        evaluated = max(_difference(net, data) for _ in range(2))
        with HeldDropout():
            eval_still = _difference(net, data)
        with torch.no_grad():
            plain, (traced, eval_path) = net(data), follow(net, data)
        net.train()
        train_path = follow(net, data)[1]
    except Exception as error:  # the submission's own failure is the observation
        return Modes(explain("forward", error))
    return Modes(None, train, evaluated, train_still, eval_still, train_path, eval_path, _apart(plain, traced))


def _difference(net: nn.Module, data: Tensor) -> float:
    with torch.no_grad():
        return _apart(net(data), net(data))


def _apart(first: Tensor, second: Tensor) -> float:
    """The largest absolute difference between finite values."""
    change = (first.double() - second.double()).abs()
    change = change[isfinite(change)]
    return _bounded(change.max()) if change.numel() else 0.0


def gradients(
    net: nn.Module, images: Images, working: int, used: set[str], known: Sequence[object], explain: Explain
) -> Gradients:
    """Backward passes from the loss in training mode.

    A gradient counts as zero only if it stays zero over three batches with an SGD step between them: a last layer that
    starts at zero, or one batch that leaves a ReLU dead, is no fault. ``net`` is changed by the steps.
    """
    net.train()
    named = dict(net.named_parameters())
    states = dict.fromkeys(named, "none")
    labels = torch.arange(working) % 10
    for attempt in range(3):
        net.zero_grad(set_to_none=True)
        data = images(working + attempt)[:working]
        try:
            outputs = net(data)
            loss = functional.nll_loss(functional.log_softmax(outputs, dim=1), labels)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        except Exception as error:  # the submission's own failure is the observation
            return Gradients(explain("backward", error), _listed(named, states, used), _unregistered(net, known))
        for name, parameter in named.items():
            if states[name] != "ok":
                states[name] = _gradient_state(parameter)
        if all(state == "ok" for name, state in states.items() if name in used):
            break
        with torch.no_grad():
            for parameter in named.values():
                if parameter.grad is not None and bool(isfinite(parameter.grad).all()):
                    parameter.sub_(parameter.grad, alpha=0.1)
    return Gradients(None, _listed(named, states, used), _unregistered(net, known))


def _gradient_state(parameter: Tensor) -> str:
    gradient = parameter.grad
    if gradient is None:
        return "none"
    if not bool(isfinite(gradient).all()):
        return "nonfinite"
    return "ok" if bool((gradient != 0).any()) else "zero"


def _listed(named: dict[str, nn.Parameter], states: dict[str, str], used: set[str]) -> tuple[ParameterGradient, ...]:
    return tuple(
        ParameterGradient(name[:120], tuple(parameter.shape), states[name], parameter.requires_grad, name in used)
        for name, parameter in list(named.items())[:500]
    )


def _unregistered(net: nn.Module, things: Sequence[object]) -> tuple[str, ...]:
    """Words for weights and layers that took part in the forward pass and that net.parameters() does not give."""
    words = []
    for thing in things:
        if isinstance(thing, Tensor):
            words.append(f"a weight of shape {' x '.join(map(str, thing.shape))}")
    return tuple(dict.fromkeys(words))[:20]


def resources(net: nn.Module, images: Images, working: int, parameters: int, explain: Explain) -> Resources:
    """CPU seconds of a warm eval pass, scaled to 64 images when the net takes only another batch size; best of several.

    The thread's own CPU clock is read, so that a busy machine does not slow a student down.
    """
    net.eval()
    size = working if working > 16 else 64
    best = float("inf")
    try:
        data = images(size)
        with torch.no_grad():
            net(data)
            for _ in range(3):
                start = time.process_time()
                net(data)
                best = min(best, (time.process_time() - start) * 64 / size)
                if best < 0.2:
                    break
    except Exception as error:  # the submission's own failure is the observation
        return Resources(explain("forward", error), parameters)
    return Resources(None, parameters, best)
