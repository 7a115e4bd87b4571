import torch
import torch.nn as nn
import torch.nn.functional as F


LONG = "n" * 1_000_000


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
        self.add_module(LONG, nn.Linear(2, 2))

    def forward(self, x):
        return type(LONG, (), {})()
