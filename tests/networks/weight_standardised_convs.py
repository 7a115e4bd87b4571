# Subclasses nn.Conv2d with weight standardisation, so the convolution sees a function of the parameter.
import torch.nn as nn
import torch.nn.functional as F


class WSConv2d(nn.Conv2d):
    def forward(self, x):
        w = self.weight
        w = w - w.mean(dim=(1, 2, 3), keepdim=True)
        w = w / (w.std(dim=(1, 2, 3), keepdim=True) + 1e-5)
        w = w / (w[0].numel() ** 0.5)
        return F.conv2d(x, w, self.bias, self.stride, self.padding, self.dilation, self.groups)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = WSConv2d(1, 16, 5)
        self.conv2 = WSConv2d(16, 24, 5)
        self.drop1 = nn.Dropout(0.2)
        self.fc1 = nn.Linear(24 * 16, 50)
        self.drop2 = nn.Dropout(0.4)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop1(x).flatten(1)
        x = self.drop2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
