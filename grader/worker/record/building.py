"""Calling the student's ``Net()`` under a seed, and what its layers are as declared."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.parameter import is_lazy

from grader.model.evidence import Layer

MAX_LAYERS_LISTED = 200


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
    """Values in one parameter; none where a lazy layer has yet to learn its shape."""
    return 0 if is_lazy(parameter) else parameter.numel()
