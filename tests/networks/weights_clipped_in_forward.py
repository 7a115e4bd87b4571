# Keeps the norms of the last layer's rows, and all weights of the first, small before each pass.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    MAX_NORM = 3.0

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    @torch.no_grad()
    def constrain(self):
        norms = self.fc2.weight.norm(dim=1, keepdim=True)
        self.fc2.weight.mul_(norms.clamp(max=self.MAX_NORM) / norms)
        self.conv1.weight.clamp_(-2, 2)

    def forward(self, x):
        if self.training:
            self.constrain()
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = F.dropout(F.relu(self.fc1(x.view(-1, 320))), training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)
