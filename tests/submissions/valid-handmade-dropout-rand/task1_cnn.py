import torch
import torch.nn as nn
import torch.nn.functional as F


class MyDropout(nn.Module):
    """inverted dropout, as on slide 34"""

    def __init__(self, p=0.5):
        super().__init__()
        self.p = p

    def forward(self, x):
        if not self.training:
            return x
        keep = (torch.rand_like(x) > self.p).float()
        return x * keep / (1 - self.p)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.conv_drop = MyDropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc_drop = MyDropout(0.25)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.conv_drop(x)
        x = x.view(-1, 320)
        x = self.fc_drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
