# Its layers run in bfloat16 under autocast on the CPU, and its scores are floats again.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.drop2d = nn.Dropout2d(0.25)
        self.fc1 = nn.Linear(256, 48)
        self.drop = nn.Dropout(0.25)
        self.fc2 = nn.Linear(48, 10)

    def forward(self, x):
        with torch.autocast(device_type="cpu", dtype=torch.bfloat16):
            h = F.max_pool2d(self.conv1(x).relu(), 2)
            h = F.max_pool2d(self.conv2(h).relu(), 2)
            h = self.fc1(self.drop2d(h).flatten(1)).relu()
            scores = self.fc2(self.drop(h))
        return F.log_softmax(scores.float(), dim=1)
