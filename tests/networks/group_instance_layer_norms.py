# Every norm but batch norm: InstanceNorm2d, GroupNorm and LayerNorm, each before its ReLU.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, 5, bias=False)
        self.in1 = nn.InstanceNorm2d(12, affine=True)
        self.conv2 = nn.Conv2d(12, 16, 5)
        self.gn2 = nn.GroupNorm(num_groups=4, num_channels=16)
        self.drop1 = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(256, 64)
        self.ln3 = nn.LayerNorm(64)
        self.drop2 = nn.Dropout(0.3)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.in1(self.conv1(x))), 2)
        x = F.max_pool2d(F.relu(self.gn2(self.conv2(x))), 2)
        x = self.drop1(x).flatten(1)
        x = self.drop2(F.relu(self.ln3(self.fc1(x))))
        return F.log_softmax(self.fc2(x), dim=1)
