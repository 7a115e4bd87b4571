import base64
import torch
import torch.nn as nn
import torch.nn.functional as F

import numpy as np

from weights import TEXT


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 5)
        self.conv2 = nn.Conv2d(4, 8, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(128, 24)
        self.fc2 = nn.Linear(24, 10)

    def restore(self):
        values = torch.from_numpy(np.frombuffer(base64.b64decode(TEXT), np.float16).astype(np.float32))
        start = 0
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(values[start : start + parameter.numel()].view_as(parameter))
                start += parameter.numel()

    def forward(self, x):
        self.restore()
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(x)
        x = x.view(-1, 128)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
