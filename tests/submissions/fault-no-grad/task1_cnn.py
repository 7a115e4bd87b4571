import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 32, 5)
        self.drop = nn.Dropout(0.1)
        self.fc1 = nn.Linear(512, 200)
        self.fc2 = nn.Linear(200, 10)

    def features(self, x):
        with torch.no_grad():   # my laptop ran out of memory without this
            x = F.relu(F.max_pool2d(self.conv1(x), 2))
            x = F.relu(F.max_pool2d(self.conv2(x), 2))
        return x

    def forward(self, x):
        x = self.drop(self.features(x))
        x = x.view(x.size(0), -1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
