import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.dropout = nn.Dropout(0.3)
        self.fc1 = nn.Linear(320, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.conv1(x)
        x = F.max_pool2d(x * (x > 0), 2)
        x = self.conv2(x)
        x = F.max_pool2d(x * (x > 0), 2)
        x = self.dropout(x).view(-1, 320)
        x = self.fc1(x)
        x = x * (x > 0).float()
        x = self.fc2(self.dropout(x))
        return F.log_softmax(x, dim=1)
