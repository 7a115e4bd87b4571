# Lambda modules as in the PyTorch nn tutorial, with the repeated layers cloned by copy.deepcopy.
import copy

import torch.nn as nn
import torch.nn.functional as F


class Lambda(nn.Module):
    def __init__(self, func):
        super().__init__()
        self.func = func

    def forward(self, x):
        return self.func(x)


def clones(module, n):
    return [copy.deepcopy(module) for _ in range(n)]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        drop_a, drop_b = clones(nn.Dropout(0.2), 2)
        pool_a, pool_b = clones(nn.MaxPool2d(2), 2)
        act = lambda: Lambda(lambda x: F.relu(x))  # noqa: E731
        self.model = nn.Sequential(
            Lambda(lambda x: x.view(-1, 1, 28, 28)),
            nn.Conv2d(1, 16, 5), act(), pool_a,
            nn.Conv2d(16, 16, 5), act(), pool_b, drop_a,
            Lambda(lambda x: x.view(x.size(0), -1)),
            nn.Linear(256, 50), act(), drop_b,
            nn.Linear(50, 10), Lambda(lambda x: F.log_softmax(x, dim=1)),
        )

    def forward(self, xb):
        return self.model(xb)
