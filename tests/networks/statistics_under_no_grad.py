# Each pass keeps statistics under no_grad, with .item() and .data, and logs them; nothing of it reaches the output.
import logging

import torch
import torch.nn as nn
import torch.nn.functional as F

log = logging.getLogger(__name__)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 14, 5)
        self.conv2 = nn.Conv2d(14, 14, 3)
        self.conv_drop = nn.Dropout(0.3)
        self.fc1 = nn.Linear(14 * 5 * 5, 60)
        self.fc2 = nn.Linear(60, 10)
        self.calls = 0
        self.dead = {}

    def watch(self, name, x):
        with torch.no_grad():
            self.dead[name] = (x == 0).float().mean().item()
            top = x.data.abs().max().item()
        log.info('call %d: %s is %.1f%% zero, max %.3f', self.calls, name, 100 * self.dead[name], top)

    def forward(self, x):
        self.calls += 1
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        self.watch('conv1', x)
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        self.watch('conv2', x)
        x = self.conv_drop(x).view(x.shape[0], -1)
        x = F.relu(self.fc1(x))
        self.watch('fc1', x.detach())
        x = F.dropout(x, 0.5, self.training)
        out = F.log_softmax(self.fc2(x), dim=1)
        with torch.no_grad():
            entropy = -(out.exp() * out).sum(1).mean()
            self.last_entropy = float(entropy)
        return out
