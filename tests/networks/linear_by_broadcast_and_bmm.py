# FC1 is a broadcast product and a sum, FC2 a batched matrix product with an expanded weight.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.drop = nn.Dropout(0.2)
        self.w1 = nn.Parameter(nn.init.kaiming_normal_(torch.empty(40, 256)))
        self.b1 = nn.Parameter(torch.zeros(1, 40))
        self.w2 = nn.Parameter(nn.init.xavier_normal_(torch.empty(10, 40)))
        self.b2 = nn.Parameter(torch.zeros(1, 10))

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(x).flatten(1)
        x = (x[:, None, :] * self.w1[None]).sum(dim=2) + self.b1
        x = self.drop(F.relu(x))
        w = self.w2.unsqueeze(0).expand(x.size(0), -1, -1)
        x = torch.bmm(w, x.unsqueeze(2)).squeeze(2) + self.b2
        return F.log_softmax(x, dim=1)
