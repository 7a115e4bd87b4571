# Its second dropout is a mask: a dropout of ones, with which the values are multiplied.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 12, 5)
        self.conv_drop = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(12 * 25, 60)
        self.mask = nn.Dropout(0.3)
        self.fc2 = nn.Linear(60, 10)

    def forward(self, x):
        h = F.max_pool2d(F.relu(self.conv1(x)), 2)
        h = F.max_pool2d(F.relu(self.conv_drop(self.conv2(h))), 2)
        h = F.relu(self.fc1(h.reshape(len(h), -1)))
        return F.log_softmax(self.fc2(h * self.mask(torch.ones_like(h))), dim=1)
