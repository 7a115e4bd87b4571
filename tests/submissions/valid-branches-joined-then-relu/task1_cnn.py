import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Conv2d(1, 6, 3, padding=1)
        self.b = nn.Conv2d(1, 6, 5, padding=2)
        self.f = nn.Linear(12 * 49, 32)
        self.g = nn.Linear(32, 10)
        self.d = nn.Dropout()

    def forward(self, x):
        x = F.relu(torch.cat([self.a(x), self.b(x)], 1))
        x = self.d(F.max_pool2d(x, 4)).flatten(1)
        return F.log_softmax(self.g(self.d(F.relu(self.f(x)))), 1)
