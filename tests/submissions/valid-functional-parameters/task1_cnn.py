import math

import torch
import torch.nn as nn
import torch.nn.functional as F


def weight(*shape):
    fan_in = math.prod(shape[1:])
    return nn.Parameter(torch.randn(*shape) * math.sqrt(2.0 / fan_in))


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.w1, self.b1 = weight(8, 1, 5, 5), nn.Parameter(torch.zeros(8))
        self.w2, self.b2 = weight(16, 8, 5, 5), nn.Parameter(torch.zeros(16))
        self.w3, self.b3 = weight(64, 256), nn.Parameter(torch.zeros(64))
        self.w4, self.b4 = weight(10, 64), nn.Parameter(torch.zeros(10))

    def forward(self, x):
        x = F.max_pool2d(F.relu(F.conv2d(x, self.w1, self.b1)), 2)
        x = F.max_pool2d(F.relu(F.conv2d(x, self.w2, self.b2)), 2)
        x = F.dropout(x, 0.25, self.training)
        x = x.reshape(-1, 256)
        x = F.relu(F.linear(x, self.w3, self.b3))
        x = F.dropout(x, 0.5, self.training)
        return F.log_softmax(F.linear(x, self.w4, self.b4), dim=-1)
