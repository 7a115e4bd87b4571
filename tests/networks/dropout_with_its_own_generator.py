# Dropout by hand from a random generator that the net keeps for itself.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 3, padding=1)
        self.conv2 = nn.Conv2d(10, 20, 3, padding=1)
        self.fc1 = nn.Linear(20 * 49, 40)
        self.fc2 = nn.Linear(40, 10)
        self.dice = torch.Generator().manual_seed(7)

    def drop(self, h, keep):
        if not self.training:
            return h
        return h * (torch.rand(h.shape, generator=self.dice) < keep) / keep

    def forward(self, x):
        h = F.relu(F.max_pool2d(self.conv1(x), 2))
        h = F.relu(F.max_pool2d(self.drop(self.conv2(h), 0.7), 2))
        h = self.drop(F.relu(self.fc1(h.flatten(1))), 0.6)
        return F.log_softmax(self.fc2(h), dim=1)
