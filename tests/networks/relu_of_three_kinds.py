# Three different spellings of ReLU: clip, torch.max with a zero tensor, and masked_fill.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5)
        self.conv2 = nn.Conv2d(12, 16, 5)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)
        self.drop = nn.Dropout(0.3)

    def forward(self, x):
        x = self.conv1(x).clip(min=0)
        x = F.max_pool2d(x, 2)
        x = self.conv2(x)
        x = torch.max(x, torch.zeros(1, dtype=x.dtype, device=x.device))
        x = self.drop(F.max_pool2d(x, 2)).flatten(1)
        x = self.fc1(x)
        x = x.masked_fill(x < 0, 0.0)
        return self.fc2(self.drop(x)).log_softmax(dim=1)
