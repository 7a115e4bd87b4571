"""Restore deprecated PyTorch and NumPy names (2017 to 2019) that a correct script may still use in its Net.

PyTorch still accepts ``Variable(x, volatile=True)``, ``nn.init.xavier_uniform`` and similar names without an
underscore, ``F.tanh``, ``F.sigmoid`` and ``log_softmax`` without ``dim``. This module restores them if a later release
removes them. NumPy has removed ``np.int``, ``np.float``, ``np.object``, ``np.str`` and ``np.complex``; this module
restores them, too. The names stay until the child process exits.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

import torch
from torch import nn

_INIT = (
    *("uniform", "normal", "constant", "eye", "dirac", "xavier_uniform", "xavier_normal"),
    *("kaiming_uniform", "kaiming_normal", "orthogonal", "sparse"),
)
_NUMPY = {"int": int, "float": float, "object": object, "str": str, "complex": complex}


def install() -> None:
    """Restore the names that are missing. A second call changes nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in _INIT:
            _restore(nn.init, name, getattr(nn.init, f"{name}_", None))
        _restore(nn.functional, "tanh", torch.tanh)
        _restore(nn.functional, "sigmoid", torch.sigmoid)
        if "numpy" in sys.modules:
            for name, value in _NUMPY.items():
                _restore(sys.modules["numpy"], name, value)
        if not _takes_volatile():
            torch.autograd.Variable = variable  # type: ignore[misc,assignment]


def _restore(owner: Any, name: str, value: object) -> None:
    if value is not None and not hasattr(owner, name):
        setattr(owner, name, value)


def _takes_volatile() -> bool:
    try:
        torch.autograd.Variable(torch.zeros(1), volatile=True)
    except (TypeError, AttributeError, RuntimeError):
        return False
    return True


def variable(data: torch.Tensor, requires_grad: bool = False, volatile: bool = False) -> torch.Tensor:
    """Replacement for ``Variable(data)``: today every tensor is a Variable, and ``volatile`` has no effect."""
    return data.requires_grad_() if requires_grad else data
