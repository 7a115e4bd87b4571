# Both convolutions are written by hand: Tensor.unfold makes the windows and einsum applies the filters.
import torch
import torch.nn as nn
import torch.nn.functional as F


class HandConv(nn.Module):
    def __init__(self, n_in, n_out, k):
        super().__init__()
        self.k = k
        self.filters = nn.Parameter(torch.empty(n_out, n_in, k, k).normal_(0, (2 / (n_in * k * k)) ** 0.5))
        self.bias = nn.Parameter(torch.zeros(n_out))

    def forward(self, x):
        windows = x.unfold(2, self.k, 1).unfold(3, self.k, 1)  # N, C, H', W', k, k
        return torch.einsum('nchwij,ocij->nohw', windows, self.filters) + self.bias[:, None, None]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = HandConv(1, 8, 5)
        self.conv2 = HandConv(8, 16, 5)
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(256, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(x).reshape(x.shape[0], -1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
