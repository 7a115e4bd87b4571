"""Making nets: calling the student's ``Net()`` under a seed, and giving it fresh weights that nobody chose."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy
from torch.nn.utils import parametrize

from grader.evidence import Layer
from grader.worker.tracing import Tracer

MAX_LAYERS_LISTED = 200
ROWS_COMPARED = 3
"""Images whose outputs are compared row by row, where a net takes so many."""


class NotAModule(Exception):
    """``Net()`` gave something that is not an ``nn.Module``."""


def build(factory: Callable[[], object], *, seed: int) -> nn.Module:
    """Call ``Net()`` with torch's generator at ``seed``.

    Lazy layers are settled by one pass of a single blank pair of images, so that every parameter has its shape.
    Raises :class:`NotAModule`, or whatever the submission's own code raises.
    """
    torch.manual_seed(seed)
    net = factory()
    if not isinstance(net, nn.Module):
        raise NotAModule(type(net).__name__)
    if any(isinstance(module, LazyModuleMixin) for module in net.modules()):
        settle_lazy_layers(net)
    return net


def settle_lazy_layers(net: nn.Module) -> None:
    """Run one pass so that lazy layers take their shapes; a pass that fails leaves them for the probes to report."""
    was_training = net.training
    net.eval()
    try:
        with torch.no_grad():
            net(torch.zeros(2, 1, 28, 28))
    except Exception:  # protects the build stage: forward's own faults are told by the stages that run it
        pass
    finally:
        net.train(was_training)


def layers(net: nn.Module) -> tuple[Layer, ...]:
    """Submodules that own parameters or drop values, as declared."""
    found = []
    for name, module in net.named_modules():
        own = sum(count(parameter) for parameter in module.parameters(recurse=False))
        if name and (own or isinstance(module, nn.modules.dropout._DropoutNd)):
            found.append(Layer(name[:120], type(module).__name__[:60], own))
    return tuple(found[:MAX_LAYERS_LISTED])


def parameter_count(net: nn.Module) -> int:
    """Values in all registered parameters, each tensor once."""
    return sum(count(parameter) for parameter in net.parameters())


def count(parameter: Tensor) -> int:
    return 0 if is_lazy(parameter) else parameter.numel()


def refresh_weights(net: nn.Module, *, seed: int) -> None:
    """Give every weight a value that no submission can have chosen, keeping the scale at which it starts.

    Layers of torch's own are reset by torch's own ``reset_parameters``. Any other parameter with two or more dimensions
    has its entries shuffled, which keeps their distribution (so a student's own initialisation still counts) and
    destroys what a loaded or memorised weight would know.
    """
    generator = torch.Generator().manual_seed(seed)
    torch.manual_seed(seed)
    reset: set[int] = set()
    for module in net.modules():
        if parametrize.is_parametrized(module):
            reset.update(_refresh_parametrized(module, generator))
            continue
        torch_class = next(
            (cls for cls in type(module).__mro__ if cls.__module__.startswith("torch.nn.modules.")), None
        )
        own_reset = getattr(torch_class, "reset_parameters", None)
        parameters = list(module.parameters(recurse=False))
        if own_reset is None or not parameters or any(is_lazy(parameter) for parameter in parameters):
            continue
        own_reset(module)
        reset.update(id(parameter) for parameter in parameters)
    with torch.no_grad():
        for parameter in net.parameters():
            if id(parameter) in reset or is_lazy(parameter) or parameter.dim() < 2:
                continue
            parameter.copy_(_shuffled(parameter, generator))


def _shuffled(values: Tensor, generator: torch.Generator) -> Tensor:
    order = torch.randperm(values.numel(), generator=generator)
    return values.detach().flatten()[order].view_as(values)


def _refresh_parametrized(module: nn.Module, generator: torch.Generator) -> set[int]:
    """Shuffle the weights that a parametrization (orthogonal, spectral norm) computes, through its own inverse.

    Gives the ids of the parameters that were settled so; a parametrization without an inverse is left to the others.
    """
    settled: set[int] = set()
    for name, behind in cast("nn.ModuleDict", module.parametrizations).items():
        try:
            with torch.no_grad():
                setattr(module, name, _shuffled(getattr(module, name), generator))
        except (RuntimeError, NotImplementedError, ValueError):
            continue
        settled.update(id(parameter) for parameter in behind.parameters())
    return settled


def probe_images(count: int, *, seed: int, images: Tensor | None, mean: float, std: float) -> Tensor:
    """Normalised (count, 1, 28, 28) float32 probes: blends of random digits with noise, new for each seed.

    Digits keep the activations in the range that the net is meant for; noise makes every pixel matter.
    """
    generator = torch.Generator().manual_seed(seed)
    noise = torch.rand(count, 1, 28, 28, generator=generator)
    if images is None or len(images) == 0:
        return (noise - mean) / std
    picks = torch.randint(len(images), (count,), generator=generator)
    digits = images[picks].float().div(255).unsqueeze(1)
    return (digits.mul(0.8) + noise.mul(0.2) - mean) / std


LIVELY_BATCHES = (16, ROWS_COMPARED)
"""Half-dead weights may tell some of 16 images apart, and none of those that are compared."""


def is_lively(net: nn.Module, images: Callable[[int], Tensor]) -> bool:
    """Whether different images give different outputs, in each of LIVELY_BATCHES that the net can be asked with."""
    net.eval()
    return all(_tells_apart(net, images(count)) for count in LIVELY_BATCHES)


def _tells_apart(net: nn.Module, batch: Tensor) -> bool:
    try:
        with torch.no_grad():
            outputs = net(batch).double()
        return bool(((outputs - outputs[:1]).abs() > 1e-6 * max(1.0, float(outputs.abs().max()))).any())
    except Exception:  # the stage that is to tell it will meet it again
        return True


def working_batch(net: nn.Module, images: Callable[[int], Tensor]) -> tuple[int, Tracer | None]:
    """A batch size that ``forward`` accepts in training mode, and the tracer of that pass.

    Four images when they work; else the sizes that a script is likely to have hard-coded; 0 when none does. A size
    whose pass keeps the number of rows is preferred: a wrong flatten may fit some size by accident.
    """
    fallback: tuple[int, Tracer | None] = (0, None)
    for size in LIKELY_BATCHES:
        tracer = Tracer(net, batch := images(size))
        try:
            with tracer.recording():
                result = net(batch)
        except (
            RuntimeError,
            ValueError,
            IndexError,
        ):  # perhaps the size; the pass that is reported tells what went wrong
            continue
        except Exception:  # no other size would mend this
            break
        if not isinstance(result, Tensor) or (result.dim() > 0 and result.shape[0] == size):
            return size, tracer
        if size == LIKELY_BATCHES[0]:
            fallback = (size, tracer)
    return fallback


LIKELY_BATCHES = (4, 64, 100, 32, 128, 10, 16, 50, 1, 2, 3, 256, 1000)
