import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)
        self.register_buffer('zero', torch.tensor(0.0))

    def forward(self, x):
        x = torch.maximum(F.max_pool2d(self.conv1(x), 2), self.zero)
        x = torch.maximum(F.max_pool2d(self.conv2(x), 2), self.zero)
        x = self.drop(x)
        x = x.view(-1, 256)
        x = torch.max(self.fc1(x), self.zero)
        x = self.drop(x)
        return F.log_softmax(self.fc2(x), dim=1)
