import torch
from torch import nn
from torch.nn import functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 14, 5)
        self.conv2 = nn.Conv2d(14, 20, 5)
        self.flat = nn.Flatten()
        self.drop = nn.Dropout(p=0.5)
        self.fc1 = nn.Linear(20 * 4 * 4, 90)
        self.fc2 = nn.Linear(90, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.flat(x)
        x = self.drop(x)
        x = F.relu(self.fc1(x))
        x = self.drop(x)
        return F.log_softmax(self.fc2(x), dim=1)
