# Neither nn layers nor F: torch.conv2d, torch.max_pool2d, torch.feature_dropout, torch.dropout, torch.addmm.
import torch


def parameter(*shape, scale=None):
    if scale is None:
        return torch.nn.Parameter(torch.zeros(shape))
    return torch.nn.Parameter(torch.empty(shape).uniform_(-scale, scale))


class Net(torch.nn.Module):
    def __init__(self):
        torch.nn.Module.__init__(self)
        self.k1, self.a1 = parameter(10, 1, 5, 5, scale=0.35), parameter(10)
        self.k2, self.a2 = parameter(20, 10, 5, 5, scale=0.12), parameter(20)
        self.m1, self.c1 = parameter(320, 50, scale=0.12), parameter(50)
        self.m2, self.c2 = parameter(50, 10, scale=0.2), parameter(10)

    def forward(self, x):
        x = torch.conv2d(x, self.k1, self.a1)
        x = torch.max_pool2d(torch.relu(x), 2)
        x = torch.conv2d(x, self.k2, self.a2)
        x = torch.max_pool2d(torch.relu(x), 2)
        x = torch.feature_dropout(x, 0.2, self.training)
        x = torch.addmm(self.c1, x.reshape(-1, 320), self.m1)
        x = torch.dropout(torch.relu(x), 0.4, self.training)
        return torch.log_softmax(torch.addmm(self.c2, x, self.m2), 1)
