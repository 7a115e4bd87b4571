import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv_a = nn.Conv2d(1, 12, 5)
        self.conv_b = nn.Conv2d(12, 24, 5)
        self.pool = nn.AvgPool2d(2)
        self.drop = nn.Dropout(p=0.2)
        self.fc_a = nn.Linear(24 * 4 * 4, 96)
        self.fc_b = nn.Linear(96, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv_a(x)))
        x = self.pool(F.relu(self.conv_b(x)))
        x = self.drop(x)
        x = torch.flatten(x, 1)
        x = self.drop(F.relu(self.fc_a(x)))
        return F.log_softmax(self.fc_b(x), dim=1)
