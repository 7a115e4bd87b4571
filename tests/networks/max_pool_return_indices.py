# Pools with return_indices=True and throws the indices away, as if an unpooling were to come.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop1 = nn.Dropout(0.2)
        self.adaptive = nn.AdaptiveMaxPool2d((4, 4), return_indices=True)
        self.fc1 = nn.Linear(320, 60)
        self.drop2 = nn.Dropout(0.4)
        self.fc2 = nn.Linear(60, 10)

    def forward(self, x):
        x, idx1 = self.pool(F.relu(self.conv1(x)))
        x, idx2 = self.adaptive(F.relu(self.conv2(x)))
        self.indices = [idx1.shape, idx2.shape]
        x = self.drop1(x)
        x = x.squeeze(-1).flatten(1)
        x = self.drop2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
