"""What is observed about one submission, as plain records.

A submission's process sends the first three stages, the last of which is its network as a graph; the others are
measured on that graph. Nothing here judges. The module needs only the standard library, so the same records serve the
sandboxed run, the stored ``evidence.json`` and a student's self-check.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from grader.model.graph import Constant, Graph, Program, Weight
from grader.model.images import Filters, Mistake

FORMAT = 4
"""Raised whenever a record changes its meaning; stored evidence of another format is never reused.

4: the network is recorded as a graph, and all that is measured is measured on it."""


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
class Repair:
    """A fault that stopped the forward pass and was mended in one recorded pass only, so that the rest could be seen.

    ``kind`` is linear-size, conv-channels, flatten-missing, flatten-batch, reshape-size, reshape-layout or device.
    """

    kind: str
    layer: str
    message: str
    expected: int = 0
    seen: int = 0


NO_PROGRAM = Program()


@dataclass(frozen=True)
class RecordedPass:
    """One pass of the submission's own code, in ``mode`` train or eval over ``batch`` images.

    ``shape`` and ``dtype`` are those of the tensor that came out, ``returned`` is the Python type of what did. With
    ``problem`` set, ``program`` holds what ran before the error. ``is_repaired``: sizes were mended on the way.
    """

    mode: str
    batch: int
    problem: Problem | None = None
    returned: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    is_repaired: bool = False
    program: Program = NO_PROGRAM


@dataclass(frozen=True)
class Echo:
    """What the submission's own code made of weights and images that were chosen for it, in eval mode.

    ``outputs`` are base64 of little-endian float32, (ECHO_IMAGES, 10). ``gradients`` has the norm of each weight's
    gradient, in the order of ``Recording.weights``; -1 where there was none.
    """

    outputs: str
    gradients: tuple[float, ...] = ()


ECHO_IMAGES = 64


@dataclass(frozen=True)
class Recording:
    """Stage ``record``: what the network runs, pass by pass, and what it brings along."""

    passes: tuple[RecordedPass, ...] = ()
    weights: tuple[Weight, ...] = ()
    buffers: tuple[Constant, ...] = ()
    constants: tuple[Constant, ...] = ()
    repairs: tuple[Repair, ...] = ()
    remarks: tuple[Remark, ...] = ()
    echo: Echo | None = None

    def without_programs(self) -> Recording:
        """What is said of the passes besides their operations, which are in the graph."""
        return replace(self, passes=tuple(replace(one, program=Program()) for one in self.passes))


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


@dataclass(frozen=True)
class CurvePoint:
    """Accuracy on the worker's own validation images, and the loss since the last point, after ``step`` steps."""

    step: int
    accuracy: float
    loss: float


@dataclass(frozen=True)
class Training:
    """Stage ``train``: one seeded training run of a network. ``seconds`` are CPU seconds of the measuring process.

    What follows from the predictions is filled in by the parent, for it alone has the labels: ``correct`` of ``total``
    held-out images, ``confusion`` with rows of true digits by columns of predicted ones, and the ``mistakes`` that the
    net was surest of, surest first. ``filters`` are only shown. ``network`` is the digest of the graph that was
    trained: submissions with the same one share the run.
    """

    problem: Problem | None
    seed: int
    device: str = "cpu"
    steps: int = 0
    seconds: float = 0.0
    curve: tuple[CurvePoint, ...] = ()
    correct: int = 0
    total: int = 0
    confusion: tuple[tuple[int, ...], ...] = ()
    remarks: tuple[Remark, ...] = ()
    mistakes: tuple[Mistake, ...] = ()
    filters: Filters | None = None
    network: str = ""


@dataclass(frozen=True)
class Ending:
    """How the observation of a submission ended, as the parent saw it.

    ``kind`` is finished, deadline, exit, signal, memory, crashed (what it sent is not evidence), lost (the worker died
    under it), fault (the grader's own), unobserved (the recorder met something that it is not made for), unrecorded
    (what it sent is no network that could be run) or unmeasured (measuring its network failed); ``stage`` is the stage
    that was under way.
    """

    kind: str
    stage: str = ""
    detail: str = ""


@dataclass(frozen=True)
class Doubt:
    """Why the marks of one check, or with an empty ``check`` all of them, wait for a tutor although they were earned.

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


@dataclass(frozen=True)
class Evidence:
    """Everything observed about one submission. A stage that was never reached is None."""

    ending: Ending
    load: Loading | None = None
    build: Building | None = None
    record: Recording | None = None
    """Without the programs of its passes, which the graph was made from."""
    graph: Graph | None = None
    trace: Tracing | None = None
    probe: Probing | None = None
    modes: Modes | None = None
    gradients: Gradients | None = None
    resources: Resources | None = None
    trainings: tuple[Training, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    output: str = ""
    """The tail of what the submission printed."""
    seconds: dict[str, float] = field(default_factory=dict)
    """Seconds by stage: wall seconds of recording, measured by the parent, and CPU seconds of measuring."""
    isolation: str = ""
    """What held the submission in, as one sentence that begins with the level."""
    format: int = FORMAT


STAGES: dict[str, type] = {"load": Loading, "build": Building, "record": Recording}
"""Stage name to record type, in the order in which a submission's process sends them."""
MEASURED = ("trace", "probe", "modes", "gradients", "resources", "train")
"""The stages that are measured on the graph, in order; ``train`` comes once a seed."""
