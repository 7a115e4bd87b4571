import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.drop1 = nn.Dropout2d(0.1)
        self.conv2 = nn.Conv2d(16, 32, 5)
        self.drop2 = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(512, 64)
        self.drop3 = nn.Dropout(0.3)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.drop1(F.max_pool2d(F.relu(self.conv1(x)), 2))
        x = self.drop2(F.max_pool2d(F.relu(self.conv2(x)), 2))
        x = x.view(-1, 512)
        x = self.drop3(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
