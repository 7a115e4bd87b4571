import torch.nn as nn
import torch.nn.functional as F

class BaseCNN(nn.Module):
    hidden = 50

    def __init__(self):
        super(BaseCNN, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(320, self.hidden)
        self.fc2 = nn.Linear(self.hidden, 10)

    def features(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.drop(x)

class Net(BaseCNN):
    hidden = 75

    def forward(self, x):
        x = self.features(x)
        x = x.view(-1, 320)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
