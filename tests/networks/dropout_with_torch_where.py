# Dropout by torch.where on a uniform draw, in two static helper methods.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    P_CONV, P_FC = 0.2, 0.4

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5)
        self.conv2 = nn.Conv2d(12, 16, 5)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)

    @staticmethod
    def _drop(h, p):
        u = torch.empty_like(h).uniform_()
        return torch.where(u < p, torch.zeros_like(h), h / (1.0 - p))

    def drop(self, h, p):
        return self._drop(h, p) if self.training and p else h

    def forward(self, x):
        h = F.max_pool2d(F.relu(self.conv1(x)), 2)
        h = F.max_pool2d(F.relu(self.conv2(h)), 2)
        h = self.drop(h, self.P_CONV).flatten(1)
        h = self.drop(F.relu(self.fc1(h)), self.P_FC)
        return F.log_softmax(self.fc2(h), dim=1)
