"""What a worker observes about one submission, as plain records.

The worker fills these in and the parent reads them back; nothing here judges. The module needs only the standard
library, so the same records serve the sandboxed run, the stored ``evidence.json`` and a student's self-check.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from grader.pictures import Filters, Mistake

FORMAT = 3
"""Raised whenever a record changes its meaning; stored evidence of another format is never reused."""


@dataclass(frozen=True)
class Problem:
    """Why a stage could not do its work.

    ``kind`` is a stable word that a check can branch on (see docs/report-format.md); the rest is for the message.
    ``line`` is 1-based, 0 when unknown; ``cell`` is the 1-based code cell of a notebook, 0 for a script.
    """

    kind: str
    message: str = ""
    exception: str = ""
    file: str = ""
    line: int = 0
    cell: int = 0
    code: str = ""


@dataclass(frozen=True)
class Remark:
    """Something worth telling that costs nothing by itself: ``id`` is stable, ``message`` one plain sentence."""

    id: str
    message: str


@dataclass(frozen=True)
class Notice:
    """Something in a submission's conduct that a tutor should know of; the ids are listed in docs/threat-model.md.

    ``id`` is stable, ``message`` one plain sentence, with the place where it is known. ``is_grave`` says that the
    submission reached for what observes it, so that nothing which came out of its process can be relied on.
    """

    id: str
    message: str
    is_grave: bool = False


@dataclass(frozen=True)
class Reading:
    """What the parent read in a submission's own text, none of which it ran.

    ``kinds`` are the kinds of operation (those of :class:`Operation`) that the text has any word for: a trace with
    another kind in it disagrees with the text.
    """

    notices: tuple[Notice, ...] = ()
    kinds: tuple[str, ...] = ()


@dataclass(frozen=True)
class Loading:
    """Stage ``load``: the script was read and ``Net`` was, or was not, got out of it without running the rest.

    ``how`` is ``slice`` (only what Net needs ran), ``whole`` (everything ran with training stubbed) or empty.
    ``near_misses`` are names that look like a misspelt Net; ``methods`` the method names written in class Net.
    """

    problem: Problem | None
    how: str = ""
    script: str = ""
    near_misses: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    is_blank: bool = False
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Layer:
    """One parameter-owning or dropout submodule as declared: dotted ``name``, class ``type``, own parameter count."""

    name: str
    type: str
    parameters: int


@dataclass(frozen=True)
class Building:
    """Stage ``build``: ``Net()`` was called with no arguments."""

    problem: Problem | None
    parameters: int = 0
    layers: tuple[Layer, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Operation:
    """One executed operation of a traced forward pass.

    ``kind`` is one of conv, linear, relu, activation, dropout, pool, norm, softmax, log_softmax, reshape, arithmetic,
    detach, other. ``name`` is the word a student would use (``max_pool2d``, ``tanh``). ``layer`` is the dotted name of
    the innermost submodule that ran it, empty for a functional call. ``inputs`` are indices of the operations whose
    results it read, -1 standing for the network's own input; an operation that does not depend on the input has none.
    """

    index: int
    kind: str
    name: str
    layer: str = ""
    inputs: tuple[int, ...] = ()
    shape_in: tuple[int, ...] = ()
    shape_out: tuple[int, ...] = ()
    parameters: int = 0
    probability: float | None = None
    """Dropout: the chance that a value is zeroed."""
    is_active: bool | None = None
    """Dropout: whether it was told that it is training."""
    dim: int | None = None
    """Softmax and log-softmax: the dimension, counted from the front."""
    is_registered: bool = True
    """False when a submodule or weight that it used is not reachable from the net's own modules or parameters."""
    is_fresh: bool = False
    """True when its weights, or its module, are made anew in each forward pass."""
    expected: int | None = None
    """Repaired layers: the number of inputs that the layer was declared with; ``shape_in`` has what it was given."""

    @property
    def drops_some(self) -> bool:
        """Whether this is a dropout that works in training: switched on, and neither p=0 nor p=1."""
        return self._is_live_dropout and 0 < (self.probability or 0) < 1

    @property
    def drops_everything(self) -> bool:
        """Whether this is a dropout with p=1, which lets nothing through in training."""
        return self._is_live_dropout and (self.probability or 0) >= 1

    @property
    def _is_live_dropout(self) -> bool:
        return self.kind == "dropout" and self.is_active is not False


LONGEST_ROUTE = 60


def route(operations: Sequence[Operation], last: int) -> tuple[str, ...]:
    """The weighted layers, and the ways out of torch, that the result of ``last`` came through, as words to compare.

    A word has a layer's kind, its name and the number of its weights: shapes may depend on the batch.
    """
    found: set[int] = set()
    waiting = [last]
    while waiting:
        index = waiting.pop()
        if 0 <= index < len(operations) and index not in found:
            found.add(index)
            waiting.extend(operations[index].inputs)
    return tuple(
        f"{one.kind} {one.layer or one.name} {one.parameters}"[:200]
        for one in (operations[index] for index in sorted(found))
        if one.kind in {"conv", "linear", "detach"}
    )[:LONGEST_ROUTE]


@dataclass(frozen=True)
class Repair:
    """A fault that stopped the forward pass and was mended in the trace only, so that the rest could be seen.

    ``kind`` is linear-size, conv-channels, flatten-missing, flatten-batch, reshape-size, reshape-layout or device.
    """

    kind: str
    layer: str
    message: str
    expected: int = 0
    seen: int = 0


@dataclass(frozen=True)
class Tracing:
    """Stage ``trace``: one forward pass in training mode with every operation written down.

    ``output`` indexes the operation that made the result (-1: the input itself, None: nothing usable came out).
    ``returned`` is the Python type name of what forward returned. With ``problem`` set, ``operations`` holds what ran
    before the error.
    """

    problem: Problem | None
    batch: int = 0
    operations: tuple[Operation, ...] = ()
    output: int | None = None
    returned: str = ""
    repairs: tuple[Repair, ...] = ()
    remarks: tuple[Remark, ...] = ()


@dataclass(frozen=True)
class Pass:
    """A forward pass in eval mode with a batch of ``batch`` images: the output's shape and dtype, or the problem."""

    batch: int
    problem: Problem | None = None
    returned: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""


@dataclass(frozen=True)
class Scores:
    """What the outputs of one eval pass look like as log-probabilities.

    ``sum_error`` is the largest abs(sum(exp(row)) - 1) along dim 1, ``column_error`` the same along dim 0,
    ``largest`` the largest output. ``probability_error`` is the largest abs(sum(row) - 1).
    ``tail`` names the operations from behind the last weighted one to the output, in order; ``lead`` those of them that
    come before the first result s with output == log_softmax(s, 1). ``lead`` is None when there is no such result.
    """

    is_finite: bool
    largest: float = 0.0
    smallest: float = 0.0
    sum_error: float = 0.0
    column_error: float = 0.0
    probability_error: float = 0.0
    tail: tuple[str, ...] = ()
    lead: tuple[str, ...] | None = None


ROW_TOLERANCE = 1e-3
"""Row errors up to this are rounding, some 1e-6 of the outputs' spread; rows that share a mean give 1e-1."""


@dataclass(frozen=True)
class Probing:
    """Stage ``probe``: eval-mode passes over batches of 1, 2, 3, 64 and 100 images.

    ``row_error`` is the largest change in a row's output when the other rows change, relative to the outputs' spread;
    ``score_row_error`` the same for the scores that enter the final softmax. Dropout is held off while they are taken,
    so that dropout left on in eval mode shows only where it belongs.
    """

    passes: tuple[Pass, ...]
    scores: Scores | None = None
    row_error: float | None = None
    score_row_error: float | None = None
    constant_rows: bool = False
    """True when all rows come out alike whatever the image is."""


@dataclass(frozen=True)
class Modes:
    """Stage ``modes``: pairs of passes over one batch, as largest absolute differences.

    ``still`` values repeat the pair with dropout held off, to tell dropout from any other noise. ``train_path`` and
    ``eval_path`` are the weighted layers that the output came through in either mode, as words to compare with each
    other and with those of a training run; None when a pass was not followed. ``traced_difference`` compares an eval
    pass that was followed to one that was not.
    """

    problem: Problem | None
    train_difference: float = 0.0
    eval_difference: float = 0.0
    train_still: float = 0.0
    eval_still: float = 0.0
    train_path: tuple[str, ...] | None = None
    eval_path: tuple[str, ...] | None = None
    traced_difference: float = 0.0


@dataclass(frozen=True)
class ParameterGradient:
    """One parameter tensor after a backward pass. ``state`` is ok, none, zero or nonfinite."""

    name: str
    shape: tuple[int, ...]
    state: str
    is_trainable: bool = True
    is_used: bool = True


@dataclass(frozen=True)
class Gradients:
    """Stage ``gradients``: a backward pass from the loss; parameters in the order of ``net.named_parameters()``.

    ``unregistered`` names weights that took part in the forward pass and are not among the net's parameters.
    """

    problem: Problem | None
    parameters: tuple[ParameterGradient, ...] = ()
    unregistered: tuple[str, ...] = ()
    fresh: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resources:
    """Stage ``resources``: parameter count, and CPU seconds of a warm eval pass over 64 images (best of several)."""

    problem: Problem | None
    parameters: int = 0
    forward_seconds: float = 0.0


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy on the worker's own validation images, and the loss since the last point, after ``step`` steps."""

    step: int
    accuracy: float
    loss: float


@dataclass(frozen=True)
class Training:
    """Stage ``train``: one seeded training run. Times are wall seconds in the worker.

    What follows from the predictions is filled in by the parent, for it alone has the labels: ``correct`` of ``total``
    held-out images, ``confusion`` with rows of true digits by columns of predicted ones, ``untrained_correct`` of
    ``untrained_total`` held-out images before the first step, and the ``mistakes`` that the net was surest of, surest
    first. ``filters`` are the worker's and are only shown. ``train_path`` and ``eval_path`` are the weighted layers of
    training steps and a held-out batch picked at random, the first odd ones if they are not all alike; see
    :class:`Modes`.
    """

    problem: Problem | None
    seed: int
    device: str = "cpu"
    steps: int = 0
    seconds: float = 0.0
    initial_accuracy: float = 0.0
    curve: tuple[CurvePoint, ...] = ()
    correct: int = 0
    total: int = 0
    confusion: tuple[tuple[int, ...], ...] = ()
    remarks: tuple[Remark, ...] = ()
    untrained_correct: int = 0
    untrained_total: int = 0
    train_path: tuple[str, ...] | None = None
    eval_path: tuple[str, ...] | None = None
    mistakes: tuple[Mistake, ...] = ()
    filters: Filters | None = None


@dataclass(frozen=True)
class Ending:
    """How the worker's process ended, as the parent saw it.

    ``kind`` is finished, deadline, exit, signal, memory, crashed (what it sent is not evidence), lost (the worker died
    under it), fault (the grader's own) or unobserved (the observer met something that it is not made for); ``stage`` is
    the stage that was under way.
    """

    kind: str
    stage: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Evidence:
    """Everything observed about one submission. A stage that was never reached is None."""

    ending: Ending
    load: Loading | None = None
    build: Building | None = None
    trace: Tracing | None = None
    probe: Probing | None = None
    modes: Modes | None = None
    gradients: Gradients | None = None
    resources: Resources | None = None
    trainings: tuple[Training, ...] = ()
    output: str = ""
    """The tail of what the submission printed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall seconds by stage, measured by the parent."""
    notices: tuple[Notice, ...] = ()
    """What the worker noticed while the submission ran, in order, each once."""
    isolation: str = ""
    """What held the submission in, as one sentence that begins with the level."""
    reading: Reading | None = None
    """What the parent read in the text; None when it was not read."""
    format: int = FORMAT


STAGES: dict[str, type] = {
    "load": Loading,
    "build": Building,
    "trace": Tracing,
    "probe": Probing,
    "modes": Modes,
    "gradients": Gradients,
    "resources": Resources,
    "train": Training,
}
"""Stage name to record type, in the order in which a worker sends them; ``train`` comes once a seed."""
