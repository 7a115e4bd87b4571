import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(1, 12, 5), nn.GELU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 24, 5), nn.GELU(), nn.MaxPool2d(2),
            nn.Dropout(0.2), nn.Flatten(),
            nn.Linear(384, 64), nn.GELU(), nn.Dropout(0.2),
            nn.Linear(64, 10), nn.LogSoftmax(dim=1))

    def forward(self, x):
        return self.net(x)
