"""The network that Lab 4 asks for, layer by layer, with the checks that ask for each."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One layer of the lab's network. No check in ``checks`` means that it is optional."""

    name: str
    kind: str
    checks: tuple[str, ...] = ()

    @property
    def is_optional(self) -> bool:
        """Whether no check asks for this layer."""
        return not self.checks


RELU, ORDER, LOG_SOFTMAX = "structure.relu", "structure.order", "output.log_softmax"
CONV, LINEAR = ("structure.conv", ORDER), ("structure.linear", ORDER)
"""The checks that ask for a layer of each kind."""

PLACES = (
    Place("convolution 1", "conv", CONV),
    Place("ReLU", "relu", (RELU,)),
    Place("pooling", "pool"),
    Place("convolution 2", "conv", CONV),
    Place("ReLU", "relu", (RELU,)),
    Place("pooling", "pool"),
    Place("dropout", "dropout", ("structure.dropout_conv",)),
    Place("flatten", "reshape"),
    Place("fully connected 1", "linear", LINEAR),
    Place("ReLU", "relu", (RELU,)),
    Place("dropout", "dropout", ("structure.dropout_fc",)),
    Place("fully connected 2", "linear", LINEAR),
    Place("log-softmax", "log_softmax", (LOG_SOFTMAX,)),
)
"""The lab's network, in the order in which its example runs."""
