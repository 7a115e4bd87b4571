# Activation, pooling and dropout sit in one @torch.jit.script function that is told whether we train.
import torch
import torch.nn as nn
from torch import Tensor


@torch.jit.script
def act_pool_drop(x: Tensor, p: float, pool: bool, training: bool) -> Tensor:
    x = torch.relu(x)
    if pool:
        x = torch.max_pool2d(x, [2, 2])
    if p > 0.0:
        x = torch.dropout(x, p, training)
    return x


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv_a = nn.Conv2d(1, 8, 3)
        self.conv_b = nn.Conv2d(8, 24, 3)
        self.dense = nn.Linear(24 * 25, 48)
        self.scores = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = act_pool_drop(self.conv_a(x), 0.0, True, self.training)
        x = act_pool_drop(self.conv_b(x), 0.25, True, self.training)
        x = act_pool_drop(self.dense(x.flatten(1)), 0.4, False, self.training)
        return torch.log_softmax(self.scores(x), dim=-1)
