"""Measurements on a network's graph, except training: its operations, outputs, modes, gradients and cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.model.recording import Problem, Remark, Repair

WEIGHTED = frozenset({"conv", "linear"})
"""The kinds of operation that are layers with weights."""
LEAST_EFFECT = {"conv": 0.05, "linear": 0.05, "relu": 0.005, "dropout": 0.02}
"""The least effect that counts, by kind of operation; docs/calibration.md has the effects in valid networks."""
LEAST_RATE = 0.005
"""The least share of the values that a dropout must drop, and must keep; nobody drops one in two hundred."""


@dataclass(frozen=True)
class Operation:
    """One executed operation of a traced forward pass.

    ``kind`` is one of conv, linear, relu, activation, dropout, pool, norm, softmax, log_softmax, reshape, arithmetic,
    detach, other. ``name`` is the word a student would use (``max_pool2d``, ``tanh``). ``layer`` is the dotted name of
    the innermost submodule that ran it, empty for a functional call. ``inputs`` are the indices of the operations whose
    results it read, -1 for the network's input; an operation that does not depend on the input has none.
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
    """Dropout: the probability that a value is zeroed."""
    is_active: bool | None = None
    """Dropout: whether it runs in training mode."""
    dim: int | None = None
    """Softmax and log-softmax: the dimension, counted from the front."""
    is_registered: bool = True
    """False when a submodule or weight that it uses is not registered with the network."""
    is_fresh: bool = False
    """True when its weights, or its module, are created again in each forward pass."""
    expected: int | None = None
    """Repaired layers: the number of inputs that the layer was declared with; ``shape_in`` has what it was given."""
    effect: float | None = None
    """How much it matters: the change of the outputs in a replay without it, relative to their spread. For ReLUs whose
    results are combined, the share of values that they block. None if it was not measured.
    """

    @property
    def matters(self) -> bool:
        """Whether a replay without it gives different outputs; true if that was not measured."""
        return self.effect is None or self.effect >= LEAST_EFFECT.get(self.kind, 0.0)

    @property
    def drops_some(self) -> bool:
        """Whether this is a dropout that works in training: switched on, and neither p=0 nor p=1."""
        return self._is_live_dropout and LEAST_RATE <= (self.probability or 0) <= 1 - LEAST_RATE and self.matters

    @property
    def drops_everything(self) -> bool:
        """Whether this is a dropout with p=1, which lets nothing through in training."""
        return self._is_live_dropout and (self.probability or 0) >= 1

    @property
    def _is_live_dropout(self) -> bool:
        return self.kind == "dropout" and self.is_active is not False


@dataclass(frozen=True)
class Tracing:
    """Stage ``trace``: one forward pass in training mode, with all its operations.

    ``output`` indexes the operation that made the result (-1: the input itself, None: there is no usable result).
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
    """Properties of the outputs of one eval pass, taken as log-probabilities.

    ``sum_error`` is the largest abs(sum(exp(row)) - 1) along dim 1, ``column_error`` the same along dim 0,
    ``largest`` the largest output. ``probability_error`` is the largest abs(sum(row) - 1).
    ``tail`` names the operations after the last weighted one up to the output, in order; ``lead`` those of them before
    the first result s with output == log_softmax(s, 1). ``lead`` is None when there is no such result.
    """

    is_finite: bool
    largest: float = 0.0
    smallest: float = 0.0
    sum_error: float = 0.0
    column_error: float = 0.0
    probability_error: float = 0.0
    tail: tuple[str, ...] = ()
    lead: tuple[str, ...] | None = None


CHECKED_BATCHES = (1, 2, 3, 64, 100)
"""Batch sizes of the check ``forward.batch``."""
ROW_TOLERANCE = 1e-3
"""Row errors up to this are rounding, about 1e-6 of the outputs' spread; rows that share a mean give 1e-1."""


@dataclass(frozen=True)
class Probing:
    """Stage ``probe``: eval-mode passes over batches of ``CHECKED_BATCHES`` images.

    ``row_error`` is the largest change in a row's output when the other rows change, relative to the outputs' spread;
    ``score_row_error`` the same for the scores that enter the final softmax. Dropout is switched off for both, so that
    dropout that stays on in eval mode affects only its own check.
    """

    passes: tuple[Pass, ...]
    scores: Scores | None = None
    row_error: float | None = None
    score_row_error: float | None = None
    constant_rows: bool = False
    """True when all rows are the same, whatever the images are."""


@dataclass(frozen=True)
class Modes:
    """Stage ``modes``: pairs of passes over one batch, as largest absolute differences.

    The ``still`` values repeat the pair with dropout switched off, to distinguish dropout from other noise.
    """

    problem: Problem | None
    train_difference: float = 0.0
    eval_difference: float = 0.0
    train_still: float = 0.0
    eval_still: float = 0.0


@dataclass(frozen=True)
class ParameterGradient:
    """One parameter tensor after a backward pass.

    ``state`` is ok, none, zero or nonfinite; zero includes gradients that are too small for training.
    """

    name: str
    shape: tuple[int, ...]
    state: str
    is_trainable: bool = True


@dataclass(frozen=True)
class Gradients:
    """Stage ``gradients``: a backward pass from the loss; parameters in the order of ``net.named_parameters()``.

    ``unregistered`` names weights that took part in the forward pass and are not among the net's parameters.
    """

    problem: Problem | None
    parameters: tuple[ParameterGradient, ...] = ()
    unregistered: tuple[str, ...] = ()


@dataclass(frozen=True)
class Resources:
    """Stage ``resources``: parameter count, and CPU seconds of a warm eval pass over 64 images (best of several)."""

    problem: Problem | None
    parameters: int = 0
    forward_seconds: float = 0.0


ALL_CHECKS = ""
"""The ``check`` of a doubt that concerns all checks."""


@dataclass(frozen=True)
class Doubt:
    """Why the marks of one check, or of ALL_CHECKS, wait for a tutor although they were earned.

    ``id`` is that of a flag; docs/threat-model.md lists them. ``message`` is one sentence.
    """

    id: str
    check: str
    message: str


@dataclass(frozen=True)
class Measurements:
    """All measurements on a graph except training; a stage is None if the one before left nothing to measure."""

    trace: Tracing
    probe: Probing | None = None
    modes: Modes | None = None
    gradients: Gradients | None = None
    resources: Resources | None = None
    doubts: tuple[Doubt, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    """CPU seconds by stage."""
    is_trainable: bool = False
    """Whether a training run is possible and useful, by all that was measured."""
    is_worth_retrying: bool = True
    """Whether a poor first run could be chance; False if the network mixes up the images of a batch."""
    machine: str = ""
    """The name and the kind of the machine that measured."""


MEASURED = ("trace", "probe", "modes", "gradients", "resources", "train")
"""The stages that are measured on the graph, in order; ``train`` occurs once for each seed."""
