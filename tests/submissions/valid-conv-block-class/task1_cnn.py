import torch
from torch import nn
import torch.nn.functional as F


class ConvBlock(nn.Module):
    def __init__(self, inp, out, k=3):
        super().__init__()
        self.conv = nn.Conv2d(inp, out, k, padding=k // 2)
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(self.relu(self.conv(x)))


class Head(nn.Module):
    def __init__(self, inp, hidden, classes=10):
        super().__init__()
        self.fc1 = nn.Linear(inp, hidden)
        self.drop = nn.Dropout(0.3)
        self.fc2 = nn.Linear(hidden, classes)

    def forward(self, x):
        return self.fc2(self.drop(F.relu(self.fc1(x))))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.block1 = ConvBlock(1, 8)
        self.block2 = ConvBlock(8, 16, k=5)
        self.drop = nn.Dropout2d(0.15)
        self.head = Head(16 * 7 * 7, 48)

    def forward(self, x):
        x = self.block2(self.block1(x))
        x = self.drop(x)
        return F.log_softmax(self.head(torch.flatten(x, 1)), dim=1)
