import torch
import torch.nn as nn
import torch.nn.functional as F

def drop(x, p, training):
    if training:
        mask = torch.bernoulli(torch.full(x.shape, 1.0 - p, device=x.device))
        x = x * mask
        x = x / (1.0 - p)
    return x

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 16, 5)
        self.fc1 = nn.Linear(256, 60)
        self.fc2 = nn.Linear(60, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = drop(x, 0.3, self.training)
        x = x.view(-1, 256)
        x = F.relu(self.fc1(x))
        x = drop(x, 0.3, self.training)
        return F.log_softmax(self.fc2(x), dim=1)
