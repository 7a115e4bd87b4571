# Every layer without weights is made afresh in forward: nn.ReLU()(x), nn.MaxPool2d(2)(x), nn.LogSoftmax(dim=1)(x).
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 12, kernel_size=5)
        self.conv2 = nn.Conv2d(12, 16, kernel_size=5)
        self.dropout1 = nn.Dropout(p=0.25)
        self.dropout2 = nn.Dropout(p=0.5)
        self.linear1 = nn.Linear(16 * 4 * 4, 72)
        self.linear2 = nn.Linear(72, 10)

    def forward(self, x):
        x = self.conv1(x)
        x = nn.ReLU()(x)
        x = nn.MaxPool2d(2)(x)
        x = self.conv2(x)
        x = nn.ReLU(inplace=True)(x)
        x = nn.MaxPool2d(kernel_size=2, stride=2)(x)
        x = self.dropout1(x)
        x = nn.Flatten()(x)
        x = self.linear1(x)
        x = nn.ReLU()(x)
        x = self.dropout2(x)
        x = self.linear2(x)
        return nn.LogSoftmax(dim=1)(x)
