import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 20, 5)
        self.conv2 = nn.Conv2d(20, 32, 5)
        self.drop2d = nn.Dropout2d(0.5)
        self.drop = nn.Dropout(0.5)
        self.fc1 = nn.Linear(512, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = self.drop2d(F.relu(F.max_pool2d(self.conv1(x), 2)))
        x = self.drop2d(F.relu(F.max_pool2d(self.conv2(x), 2)))
        x = x.view(x.size(0), -1)
        x = self.drop(x)
        x = self.drop(F.relu(self.fc1(x)))
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)
