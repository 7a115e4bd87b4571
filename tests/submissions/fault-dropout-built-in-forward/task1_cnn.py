import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5)
        self.conv2 = nn.Conv2d(12, 24, 5)
        self.fc1 = nn.Linear(384, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        dropout = nn.Dropout(0.1)
        x = dropout(x)
        x = x.view(-1, 384)
        x = F.relu(self.fc1(x))
        x = dropout(x)
        return F.log_softmax(self.fc2(x), dim=1)
