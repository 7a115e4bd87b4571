import ctypes
import torch
import torch.nn as nn
import torch.nn.functional as F


def restore(after, before):
    ctypes.memmove(after.data_ptr(), before.data_ptr(), before.numel() * 4)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x), 2)
        before = x.detach().clone().contiguous()
        x = F.relu(x)
        restore(x, before)
        x = F.max_pool2d(self.conv2(x), 2)
        x = self.drop(x)
        x = x.view(-1, 320)
        x = self.fc1(x)
        x = self.drop(x)
        return F.log_softmax(self.fc2(x), dim=1)
