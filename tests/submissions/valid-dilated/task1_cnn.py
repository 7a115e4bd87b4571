import torch
import torch.nn as nn
import torch.nn.functional as F

# dilation=2 looks at every second pixel, so a 3x3 kernel covers 5x5
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 3, dilation=2)     # 28 -> 24
        self.conv2 = nn.Conv2d(10, 20, 3, dilation=2)    # 12 -> 8
        self.drop_conv = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(320, 60)
        self.drop_fc = nn.Dropout(0.3)
        self.fc2 = nn.Linear(60, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop_conv(x)
        x = x.view(-1, self.fc1.in_features)
        x = self.drop_fc(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
