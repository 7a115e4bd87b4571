import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    # I wanted to see what nn.Linear does inside, so I wrote it by hand
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.w1 = nn.Parameter(torch.randn(50, 320) / 320 ** 0.5)
        self.b1 = nn.Parameter(torch.zeros(50))
        self.w2 = nn.Parameter(torch.randn(10, 50) / 50 ** 0.5)
        self.b2 = nn.Parameter(torch.zeros(10))
        self.drop = nn.Dropout(0.3)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(x).view(-1, 320)
        x = F.relu(x @ self.w1.t() + self.b1)
        x = self.drop(x)
        x = torch.matmul(x, self.w2.t()) + self.b2
        return F.log_softmax(x, dim=1)
