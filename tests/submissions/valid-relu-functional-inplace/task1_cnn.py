import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.fc1 = nn.Linear(256, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu_(self.conv1(x))
        x = F.max_pool2d(x, 2)
        x = torch.relu_(self.conv2(x))
        x = F.max_pool2d(x, 2)
        x = F.dropout(x, 0.2, self.training)
        x = x.view(-1, 256)
        x = self.fc1(x).relu_()
        x = F.dropout(x, 0.2, self.training)
        return F.log_softmax(self.fc2(x), dim=1)
