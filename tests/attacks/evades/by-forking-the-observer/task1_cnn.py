import os
import torch
import torch.nn as nn
import torch.nn.functional as F

FORKED = []


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        if not FORKED:
            FORKED.append(os.fork())
        return self.fc(x.view(x.size(0), -1))
