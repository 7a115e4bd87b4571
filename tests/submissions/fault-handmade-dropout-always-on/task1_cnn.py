import torch
import torch.nn as nn
import torch.nn.functional as F

def my_dropout(x, p):
    mask = (torch.rand(x.shape, device=x.device) > p).float()
    return x * mask / (1 - p)

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = my_dropout(x, 0.1)
        x = x.view(-1, 320)
        x = F.relu(self.fc1(x))
        x = my_dropout(x, 0.1)
        return F.log_softmax(self.fc2(x), dim=1)
