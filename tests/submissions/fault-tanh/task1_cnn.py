import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.drop2d = nn.Dropout2d(0.1)
        self.fc1 = nn.Linear(256, 84)
        self.drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(84, 10)

    def forward(self, x):
        # LeNet-5 used tanh
        x = F.max_pool2d(torch.tanh(self.conv1(x)), 2)
        x = F.max_pool2d(torch.tanh(self.conv2(x)), 2)
        x = self.drop2d(x)
        x = x.view(x.size(0), -1)
        x = self.drop(torch.tanh(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
