# FC1 is a tensordot of the whole feature maps with a four-dimensional weight, so nothing is ever flattened.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.W1 = nn.Parameter(torch.randn(20, 4, 4, 50) * 0.06)
        self.b1 = nn.Parameter(torch.zeros(50))
        self.W2 = nn.Parameter(torch.randn(50, 10) * 0.14)
        self.b2 = nn.Parameter(torch.zeros(10))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout2d(x, 0.25, self.training)
        x = F.relu(torch.tensordot(x, self.W1, dims=3) + self.b1)
        x = F.dropout(x, 0.25, self.training)
        x = torch.tensordot(x, self.W2, dims=([1], [0])) + self.b2
        return F.log_softmax(x, dim=1)
