# Starts from a classical LeNet class with tanh and average pools and overrides what the lab asks for.
import torch
import torch.nn as nn
import torch.nn.functional as F


class LeNet(nn.Module):
    squash = staticmethod(torch.tanh)
    pool = staticmethod(F.avg_pool2d)

    def __init__(self, c1=6, c2=16, hidden=120):
        super().__init__()
        self.pad = nn.ZeroPad2d(2)
        self.conv1 = nn.Conv2d(1, c1, 5)
        self.conv2 = nn.Conv2d(c1, c2, 5)
        self.fc1 = nn.Linear(c2 * 25, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def between(self, x):
        return x

    def forward(self, x):
        x = self.pool(self.squash(self.conv1(self.pad(x))), 2)
        x = self.between(self.pool(self.squash(self.conv2(x)), 2))
        x = self.squash(self.fc1(torch.flatten(x, 1)))
        return self.fc2(self.between(x))


class Net(LeNet):
    squash = staticmethod(torch.relu)
    pool = staticmethod(F.max_pool2d)

    def __init__(self):
        super().__init__(c1=10, c2=16, hidden=84)

    def between(self, x):
        return F.dropout(x, p=0.25, training=self.training)

    def forward(self, x):
        return F.log_softmax(super().forward(x), dim=1)
