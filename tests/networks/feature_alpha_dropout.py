# nn.FeatureAlphaDropout on the maps and F.alpha_dropout after FC1, though the activation stays ReLU.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 16, 5)
        self.fad = nn.FeatureAlphaDropout(0.1)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.fad(x)
        x = x.flatten(1)
        x = F.relu(self.fc1(x))
        x = F.alpha_dropout(x, 0.1, self.training)
        return F.log_softmax(self.fc2(x), dim=1)
