"""What is measured on a network's graph, training apart: its operations, outputs, modes, gradients and cost."""

from __future__ import annotations

from dataclasses import dataclass, field

from grader.model.recording import Problem, Remark, Repair

WEIGHTED = frozenset({"conv", "linear"})
"""The kinds of operation that are layers with weights."""
LEAST_EFFECT = {"conv": 0.05, "linear": 0.05, "relu": 0.005, "dropout": 0.02}
"""By kind of operation, the least effect that counts; docs/calibration.md has those of valid networks."""
LEAST_RATE = 0.005
"""Of the values, that a dropout drops or keeps; nobody drops one in two hundred."""


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
    effect: float | None = None
    """How much it matters, from a replay without it: the change of the outputs over their spread. Of ReLUs whose
    results meet, the share of values that they keep from having any influence. None where that was not measured.
    """

    @property
    def matters(self) -> bool:
        """Whether a replay without it gives anything else; true where that was not measured."""
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

    ``still`` values repeat the pair with dropout held off, to tell dropout from any other noise.
    """

    problem: Problem | None
    train_difference: float = 0.0
    eval_difference: float = 0.0
    train_still: float = 0.0
    eval_still: float = 0.0


@dataclass(frozen=True)
class ParameterGradient:
    """One parameter tensor after a backward pass. ``state`` is ok, none, zero or nonfinite; zero is also a gradient too
    small to teach anything.
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

    ``id`` is that of a flag; docs/threat-model.md lists them. ``message`` is one plain sentence.
    """

    id: str
    check: str
    message: str


@dataclass(frozen=True)
class Measurements:
    """What measuring a graph gives, training apart; a stage is None where the one before left nothing to measure."""

    trace: Tracing
    probe: Probing | None = None
    modes: Modes | None = None
    gradients: Gradients | None = None
    resources: Resources | None = None
    doubts: tuple[Doubt, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    """CPU seconds by stage."""
    is_trainable: bool = False
    """Whether a training run would tell anything: nothing that was seen rules it out."""
    is_worth_retrying: bool = True
    """Whether a poor first run could be chance: not where the images of a batch are mixed up."""


MEASURED = ("trace", "probe", "modes", "gradients", "resources", "train")
"""The stages that are measured on the graph, in order; ``train`` comes once a seed."""
