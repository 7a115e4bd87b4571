"""Where to read more about each step: pages of PyTorch's documentation, at addresses that stay the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from grader.selfcheck.steps import OVERFITS, SHAPES

_DOCS = "https://docs.pytorch.org/docs/stable/"


@dataclass(frozen=True)
class Link:
    """A page on the web, with the text of the link to it."""

    text: str
    url: str


def _generated(name: str, text: str, part: str = "") -> Link:
    return Link(text, f"{_DOCS}generated/{name}.html{part and '#'}{part}")


_CONV = _generated("torch.nn.Conv2d", "nn.Conv2d")
_LINEAR = _generated("torch.nn.Linear", "nn.Linear")
_FLATTEN = _generated("torch.flatten", "torch.flatten")
_LOG_SOFTMAX = _generated("torch.nn.functional.log_softmax", "F.log_softmax")

LINKS: Mapping[str, Link] = {
    "loads": _generated("torch.nn.Module", "nn.Module"),
    "forward.shape": _FLATTEN,
    SHAPES: _generated("torch.nn.MaxPool2d", "nn.MaxPool2d"),
    "structure.conv": _CONV,
    "structure.linear": _LINEAR,
    "structure.dropout_conv": _generated("torch.nn.Dropout2d", "nn.Dropout2d"),
    "structure.dropout_fc": _generated("torch.nn.Dropout", "nn.Dropout"),
    "structure.relu": _generated("torch.nn.functional.relu", "F.relu"),
    "structure.order": Link("Modules", f"{_DOCS}notes/modules.html"),
    "output.log_softmax": _LOG_SOFTMAX,
    "behaviour.dropout_train_eval": _generated("torch.nn.Module", "Module.train", "torch.nn.Module.train"),
    "forward.batch": _generated("torch.Tensor.view", "Tensor.view"),
    "behaviour.gradients": Link("Autograd mechanics", f"{_DOCS}notes/autograd.html"),
    OVERFITS: Link("torch.optim", f"{_DOCS}optim.html"),
    "training.accuracy": _generated("torch.nn.functional.nll_loss", "F.nll_loss"),
    "resources": _generated("torch.nn.Module", "Module.parameters", "torch.nn.Module.parameters"),
    "conv1": _CONV,
    "conv2": _CONV,
    "flatten": _FLATTEN,
    "fc1": _LINEAR,
    "fc2": _LINEAR,
    "log-softmax": _LOG_SOFTMAX,
}
"""By the id of the step, or the name of the milestone."""
