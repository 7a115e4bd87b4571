"""The stages that a submission's process sends: loading its script, building its network, recording its passes."""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.model.graph import Constant, Program, Weight


@dataclass(frozen=True)
class Problem:
    """Why a stage failed.

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
    """A note that costs no points by itself: ``id`` is stable, ``message`` is one sentence."""

    id: str
    message: str


@dataclass(frozen=True)
class Repair:
    """A fault that was repaired, so that what lies behind it can be assessed.

    ``kind`` is stable; docs/marking-policy.md lists the kinds. ``assumed`` completes the sentence "The rest was
    assessed as if ...": ``fc2 had 10 outputs``. ``problem`` is the fault itself as the submission's process saw it.
    """

    kind: str
    layer: str
    message: str
    expected: int = 0
    seen: int = 0
    assumed: str = ""
    problem: Problem | None = None


@dataclass(frozen=True)
class Loading:
    """Stage ``load``: the script was read, and ``Net`` was extracted from it, unless there is a ``problem``.

    ``how`` is ``slice`` (only what Net needs was run), ``whole`` (everything was run, with training replaced by stubs)
    or empty. ``near_misses`` are names that look like a misspelt Net; ``methods`` are the method names in class Net.
    """

    problem: Problem | None
    how: str = ""
    script: str = ""
    near_misses: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    is_blank: bool = False
    remarks: tuple[Remark, ...] = ()
    repairs: tuple[Repair, ...] = ()
    """Faults of the script that the grader repaired to get at Net; with a ``problem`` too, they were not enough."""
    has_network: bool = False
    """Whether the submitted code holds a network that is not blank, whether it loads or not."""


@dataclass(frozen=True)
class Layer:
    """One submodule with parameters, or for dropout or pooling, as declared: dotted ``name``, class, own parameters."""

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
    repairs: tuple[Repair, ...] = ()
    """Faults of ``Net()`` that the grader repaired to build it."""


NO_PROGRAM = Program()


@dataclass(frozen=True)
class RecordedPass:
    """One pass of the submission's own code, in ``mode`` train or eval over ``batch`` images.

    ``shape`` and ``dtype`` are those of the resulting tensor, ``returned`` is the Python type of the result. With
    ``problem`` set, ``program`` has the operations before the error. ``is_repaired``: this pass alone goes on behind
    the fault, because repairs were not enough to record all of them.
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
    """The results of the submission's own code in eval mode, with weights and images that the grader chose.

    ``outputs`` are base64 of little-endian float32, (ECHO_IMAGES, 10). ``gradients`` has the norm of each weight's
    gradient, in the order of ``Recording.weights``; -1 for no gradient.
    """

    outputs: str
    gradients: tuple[float, ...] = ()


ECHO_IMAGES = 64


@dataclass(frozen=True)
class Recording:
    """Stage ``record``: the operations of the network, pass by pass, with its weights, buffers and constants.

    ``repairs`` are the faults behind which the recording goes on.
    """

    passes: tuple[RecordedPass, ...] = ()
    weights: tuple[Weight, ...] = ()
    buffers: tuple[Constant, ...] = ()
    constants: tuple[Constant, ...] = ()
    repairs: tuple[Repair, ...] = ()
    remarks: tuple[Remark, ...] = ()
    echo: Echo | None = None
    unrepaired: tuple[RecordedPass, ...] = ()
    """The passes before any repair, without programs, if ``passes`` ran on the network as repaired; otherwise empty."""

    def without_programs(self) -> Recording:
        """The recording without the operations of its passes, which are in the graph."""
        return replace(self, passes=tuple(replace(recorded, program=Program()) for recorded in self.passes))


STAGES: dict[str, type] = {"load": Loading, "build": Building, "record": Recording}
"""The type of each stage, in the order in which a submission's process sends them."""
