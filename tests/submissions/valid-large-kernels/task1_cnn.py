import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.big = nn.Conv2d(1, 8, kernel_size=9, stride=2)    # (28-9)/2+1 = 10
        self.medium = nn.Conv2d(8, 24, kernel_size=7)          # 10-7+1 = 4
        self.fc1 = nn.Linear(24 * 4 * 4, 80)
        self.fc2 = nn.Linear(80, 10)

    def forward(self, x):
        x = torch.relu(self.big(x))
        x = torch.relu(self.medium(x))
        x = F.dropout2d(x, p=0.2, training=self.training)
        x = torch.flatten(x, 1)
        x = torch.relu(self.fc1(x))
        x = F.dropout(x, p=0.2, training=self.training)
        return torch.log_softmax(self.fc2(x), dim=1)
