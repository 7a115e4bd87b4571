# Max pooling by a six-dimensional view and amax; the other by pixel_unshuffle and max(...).values.
import torch
import torch.nn as nn
import torch.nn.functional as F


def pool_view(x):
    n, c, h, w = x.shape
    return x.view(n, c, h // 2, 2, w // 2, 2).amax(dim=(3, 5))


def pool_shuffle(x):
    n, c, h, w = x.shape
    return F.pixel_unshuffle(x, 2).reshape(n, c, 4, h // 2, w // 2).max(dim=2).values


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5)
        self.conv2 = nn.Conv2d(12, 16, 5)
        self.drop1 = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(256, 50)
        self.drop2 = nn.Dropout(0.2)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = pool_view(torch.relu(self.conv1(x)))
        x = self.drop1(pool_shuffle(torch.relu(self.conv2(x))))
        x = self.drop2(torch.relu(self.fc1(x.flatten(1))))
        return torch.log_softmax(self.fc2(x), dim=1)
