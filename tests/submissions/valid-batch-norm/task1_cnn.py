import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 12, 3)
        self.norm1 = nn.BatchNorm2d(12)
        self.conv2 = nn.Conv2d(12, 24, 3)
        self.norm2 = nn.BatchNorm2d(24)
        self.drop1 = nn.Dropout2d(0.25)
        self.fc1 = nn.Linear(24 * 5 * 5, 64)
        self.norm3 = nn.BatchNorm1d(64)
        self.drop2 = nn.Dropout(0.5)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.norm1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.norm2(self.conv2(x))), 2)
        x = self.drop1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.norm3(self.fc1(x)))
        x = self.drop2(x)
        return F.log_softmax(self.fc2(x), dim=1)
