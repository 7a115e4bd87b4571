import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        n = x.shape[0]
        assert x.shape[1:] == (1, 28, 28), f'expected 28x28 grey images, got {tuple(x.shape)}'
        assert x.dtype == torch.float32
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        assert x.shape[1:] == torch.Size([10, 12, 12])
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        assert x.shape == (n, 20, 4, 4)
        x = self.drop(x).reshape(n, -1)
        x = self.drop(F.relu(self.fc1(x)))
        out = F.log_softmax(self.fc2(x), dim=1)
        assert out.shape == (n, 10)
        return out
