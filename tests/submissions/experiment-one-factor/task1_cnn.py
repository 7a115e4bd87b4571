from __future__ import annotations

from typing import Final, Optional

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CLASSES: Final[int] = 10


class Net(nn.Module):
    conv1: nn.Conv2d
    conv2: nn.Conv2d
    debug: bool = False

    def __init__(self, hidden: Optional[int] = None) -> None:
        super().__init__()
        hidden = hidden or 64
        self.conv1 = nn.Conv2d(in_channels=1, out_channels=10, kernel_size=5)
        self.conv2 = nn.Conv2d(in_channels=10, out_channels=20, kernel_size=5)
        self.conv_dropout: nn.Module = nn.Dropout2d(p=0.2)
        self.fc_dropout: nn.Module = nn.Dropout(p=0.4)
        self.fc1 = nn.Linear(in_features=20 * 4 * 4, out_features=hidden)
        self.fc2 = nn.Linear(in_features=hidden, out_features=CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), kernel_size=2)
        x = F.max_pool2d(F.relu(self.conv2(x)), kernel_size=2)
        flat: Tensor = self.conv_dropout(x).flatten(start_dim=1)
        hidden: Tensor = self.fc_dropout(F.relu(self.fc1(flat)))
        return F.log_softmax(self.fc2(hidden), dim=1)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters() if p.requires_grad)


if __name__ == "__main__":
    print(count(Net()))
