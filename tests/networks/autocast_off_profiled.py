# forward runs with autocast switched off, under record_function labels, and keeps its own stop-watch.
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.profiler import record_function


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 16, 5)
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)
        self.seconds = 0.0

    def forward(self, x):
        start = time.perf_counter()
        with torch.autocast(device_type=x.device.type, enabled=False):
            x = x.float()
            with record_function('features'):
                x = F.max_pool2d(F.relu(self.conv1(x)), 2)
                x = F.max_pool2d(F.relu(self.conv2(x)), 2)
                x = self.drop(x)
            with record_function('classifier'):
                x = self.drop(F.relu(self.fc1(x.flatten(1))))
                out = F.log_softmax(self.fc2(x), dim=1)
        self.seconds += time.perf_counter() - start
        return out
