import torch
import torch.nn as nn
import torch.nn.functional as F
from layers import ConvRelu
import settings as cfg

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = ConvRelu(1, cfg.c1)
        self.second = ConvRelu(cfg.c1, cfg.c2)
        self.drop = nn.Dropout(cfg.dropout)
        self.fc1 = nn.Linear(cfg.c2 * 16, cfg.hidden)
        self.fc2 = nn.Linear(cfg.hidden, 10)

    def forward(self, x):
        x = F.max_pool2d(self.first(x), 2)
        x = F.max_pool2d(self.second(x), 2)
        x = self.drop(x)
        x = torch.flatten(x, 1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
