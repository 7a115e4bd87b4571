# Feature maps are cut in two, each half goes through its own ReLU and pool, and both are joined again.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5)
        self.conv2 = nn.Conv2d(12, 20, 5)
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(320, 64)
        self.fc2 = nn.Linear(64, 10)

    @staticmethod
    def halves(x):
        a, b = torch.chunk(x, 2, dim=1)
        return torch.cat([F.max_pool2d(F.relu(a), 2), F.max_pool2d(F.relu(b), 2)], dim=1)

    def forward(self, x):
        x = self.halves(self.conv1(x))
        x = self.drop(self.halves(self.conv2(x)))
        x = torch.cat(x.flatten(2).unbind(1), dim=1)
        left, right = self.fc1(x).split([32, 32], dim=1)
        x = torch.hstack((F.relu(left), F.relu(right)))
        return F.log_softmax(self.fc2(self.drop(x)), dim=1)
