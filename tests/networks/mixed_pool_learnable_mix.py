# Pools by a learnable mix of max and average pooling, "mixed pooling".
import torch
import torch.nn as nn
import torch.nn.functional as F


class MixedPool(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k = k
        self.alpha = nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return self.alpha * F.max_pool2d(x, self.k) + (1 - self.alpha) * F.avg_pool2d(x, self.k)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.pool1 = MixedPool(2)
        self.conv2 = nn.Conv2d(16, 20, 5)
        self.pool2 = MixedPool(2)
        self.drop1 = nn.Dropout(0.2)
        self.fc1 = nn.Linear(320, 64)
        self.drop2 = nn.Dropout(0.3)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool1(F.relu(self.conv1(x)))
        x = self.pool2(F.relu(self.conv2(x)))
        x = self.drop1(x).view(x.shape[0], -1)
        x = self.drop2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
