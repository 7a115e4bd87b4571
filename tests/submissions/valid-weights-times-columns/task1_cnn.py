import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.drop = nn.Dropout(0.25)
        self.w1 = nn.Parameter(torch.randn(50, 320) * 0.06)
        self.b1 = nn.Parameter(torch.zeros(50, 1))
        self.w2 = nn.Parameter(torch.randn(10, 50) * 0.1)
        self.b2 = nn.Parameter(torch.zeros(10, 1))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        # One image is one column from here on.
        x = self.drop(x).flatten(1).t()
        x = F.relu(torch.matmul(self.w1, x) + self.b1)
        x = self.drop(x)
        x = torch.matmul(self.w2, x) + self.b2
        return F.log_softmax(x.t(), dim=1)
