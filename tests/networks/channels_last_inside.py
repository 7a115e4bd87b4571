# Goes over to the channels_last memory format inside forward and back before the flatten.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5).to(memory_format=torch.channels_last)
        self.conv2 = nn.Conv2d(16, 16, 5).to(memory_format=torch.channels_last)
        self.drop1 = nn.Dropout2d(0.25)
        self.drop2 = nn.Dropout(0.25)
        self.fc1 = nn.Linear(256, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = x.to(memory_format=torch.channels_last)
        x = F.max_pool2d(F.relu(self.conv1(x), inplace=True), 2)
        x = F.max_pool2d(F.relu(self.conv2(x), inplace=True), 2)
        x = self.drop1(x)
        x = x.contiguous(memory_format=torch.contiguous_format).view(x.size(0), -1)
        x = self.drop2(F.relu(self.fc1(x), inplace=True))
        return F.log_softmax(self.fc2(x), dim=1)
