import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.c1 = nn.Conv2d(1, 10, kernel_size=(5, 5))
        self.c2 = nn.Conv2d(10, 20, kernel_size=(5, 5))
        self.A = nn.Parameter(torch.randn(320, 64) * 0.07)
        self.a = nn.Parameter(torch.zeros(64))
        self.B = nn.Parameter(torch.randn(64, 10) * 0.15)
        self.b = nn.Parameter(torch.zeros(10))
        self.p = 0.35

    def forward(self, img):
        h = F.relu(F.max_pool2d(self.c1(img), 2))
        h = F.relu(F.max_pool2d(self.c2(h), 2))
        h = torch.dropout(h, self.p, self.training)
        h = h.view(h.size(0), 320)
        h = torch.relu(torch.addmm(self.a, h, self.A))
        h = torch.dropout(h, self.p, self.training)
        return torch.log_softmax(torch.addmm(self.b, h, self.B), 1)
