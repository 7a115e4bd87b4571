"""What a submission's process sends: its script loaded, its network built, and what the network runs, pass by pass."""

from __future__ import annotations

from dataclasses import dataclass, replace

from grader.model.graph import Constant, Program, Weight


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


STAGES: dict[str, type] = {"load": Loading, "build": Building, "record": Recording}
"""Stage name to record type, in the order in which a submission's process sends them."""
