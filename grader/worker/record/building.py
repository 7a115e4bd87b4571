"""Build the student's network: call ``Net()`` with a fixed seed, and list its layers as they are declared."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from grader.model.evidence import Layer
from grader.model.images import SIDE

MAX_LAYERS_LISTED = 200


class NotAModule(Exception):
    """``Net()`` returned an object that is not an ``nn.Module``."""


def build(factory: Callable[[], object], *, seed: int) -> nn.Module:
    """Call ``Net()`` after seeding torch with ``seed``.

    Lazy layers are initialised by one forward pass with two blank images, so that every parameter has a shape.
    Raises :class:`NotAModule`, or any exception of the submission's code.
    """
    torch.manual_seed(seed)
    net = factory()
    if not isinstance(net, nn.Module):
        raise NotAModule(type(net).__name__)
    initialise_lazy_layers(net)
    return net


def has_lazy_layers(net: nn.Module) -> bool:
    """Whether the net has a layer that gets its shape from its first input and had none yet."""
    return any(isinstance(module, LazyModuleMixin) for module in net.modules())


def initialise_lazy_layers(net: nn.Module) -> None:
    """Run one forward pass so that lazy layers get their shapes. If it fails, a later stage reports the error."""
    if not has_lazy_layers(net):
        return
    was_training = net.training
    net.eval()
    try:
        with torch.no_grad():
            net(torch.zeros(2, 1, SIDE, SIDE))
    except Exception:  # protects the build stage: later stages report errors in forward
        pass
    finally:
        net.train(was_training)


def layers(net: nn.Module) -> tuple[Layer, ...]:
    """Submodules with their own parameters, and those for dropout and pooling, as declared."""
    found = []
    for name, module in net.named_modules():
        own = sum(count(parameter) for parameter in module.parameters(recurse=False))
        if name and (own or isinstance(module, nn.modules.dropout._DropoutNd) or _is_pool(module)):
            found.append(Layer(name[:120], type(module).__name__[:60], own))
    return tuple(found[:MAX_LAYERS_LISTED])


def _is_pool(module: nn.Module) -> bool:
    return any(kind.__module__ == nn.modules.pooling.__name__ for kind in type(module).__mro__)


def parameter_count(net: nn.Module) -> int:
    """The number of values in all registered parameters; shared tensors count once."""
    return sum(count(parameter) for parameter in net.parameters())


def count(parameter: Tensor) -> int:
    """Values in one parameter; none where a lazy layer has yet to learn its shape."""
    return 0 if is_lazy(parameter) else parameter.numel()
