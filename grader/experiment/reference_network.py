"""The lab's network with given numbers of channels and kernel sizes, as a script that a worker trains.

The reference surface was measured with this network, so brief re-runs can be compared with the surface.
"""

from __future__ import annotations

_SCRIPT = '''\
"""The lab's network with {channels1} and {channels2} channels, and kernels of {kernel1} and {kernel2} pixels."""

import torch
import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, {channels1}, {kernel1}, padding={padding1})
        self.conv2 = nn.Conv2d({channels1}, {channels2}, {kernel2}, padding={padding2})
        self.conv_dropout = nn.Dropout2d(0.5)
        self.fc1 = nn.Linear({features}, 50)
        self.fc_dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv_dropout(self.conv2(x)), 2))
        x = torch.flatten(x, 1)
        x = self.fc_dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
'''
_SIDE_AT_THE_END = 7
"""Pixels after both pools: half a kernel of padding keeps 28, or 29 with an even kernel; pools make 14, then 7."""


def reference_script(channels1: int, channels2: int, kernel1: int, kernel2: int) -> str:
    """A complete script with a class ``Net`` without arguments. Kernels of 1 to 28 pixels fit, also even ones."""
    return _SCRIPT.format(
        channels1=channels1,
        channels2=channels2,
        kernel1=kernel1,
        kernel2=kernel2,
        padding1=kernel1 // 2,
        padding2=kernel2 // 2,
        features=channels2 * _SIDE_AT_THE_END**2,
    )
