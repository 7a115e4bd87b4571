# forward is one functools.reduce over a ModuleList that holds everything, even the reshape.
from functools import reduce

from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.steps = nn.ModuleList([
            nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 18, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2),
            nn.Flatten(-3), nn.Linear(288, 40), nn.ReLU(), nn.Dropout(0.3),
            nn.Linear(40, 10), nn.LogSoftmax(-1),
        ])

    def forward(self, x):
        return reduce(lambda h, step: step(h), self.steps, x)
