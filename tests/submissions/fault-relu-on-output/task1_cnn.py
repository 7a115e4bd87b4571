import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 32, 5)
        self.conv_drop = nn.Dropout(0.1)
        self.fc1 = nn.Linear(512, 128)
        self.fc_drop = nn.Dropout(0.1)
        self.fc2 = nn.Linear(128, 10)
        self.norm = nn.BatchNorm1d(10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.conv_drop(x)
        x = x.view(-1, 512)
        x = self.fc_drop(F.relu(self.fc1(x)))
        x = F.relu(self.norm(self.fc2(x)))
        return F.log_softmax(x, dim=1)
