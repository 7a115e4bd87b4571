# A custom parametrization from torch.nn.utils.parametrize centres the kernels and scales the hidden weights.
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import parametrize


class Centred(nn.Module):
    def forward(self, w):
        return w - w.mean(dim=(-2, -1), keepdim=True) * 0.5


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.log_gain = nn.Parameter(torch.zeros(()))

    def forward(self, w):
        return w * self.log_gain.exp()


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 16, 5)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)
        parametrize.register_parametrization(self.conv2, 'weight', Centred())
        parametrize.register_parametrization(self.fc1, 'weight', Scaled())

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout(x, 0.25, self.training).flatten(1)
        x = F.dropout(F.relu(self.fc1(x)), 0.25, self.training)
        return F.log_softmax(self.fc2(x), dim=1)
