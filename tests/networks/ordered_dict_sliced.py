# One nn.Sequential from an OrderedDict, used through slices of itself.
from collections import OrderedDict

import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(OrderedDict([
            ('conv1', nn.Conv2d(1, 16, 4, stride=2)),
            ('relu1', nn.ReLU()),
            ('conv2', nn.Conv2d(16, 32, 4, stride=2)),
            ('relu2', nn.ReLU()),
            ('drop2', nn.Dropout(0.2)),
            ('fc1', nn.Linear(32 * 5 * 5, 64)),
            ('relu3', nn.ReLU()),
            ('drop3', nn.Dropout(0.2)),
            ('fc2', nn.Linear(64, 10)),
            ('prob', nn.LogSoftmax(dim=1)),
        ]))

    def forward(self, x):
        features = self.net[:5](x)
        return self.net[5:](features.reshape(features.shape[0], -1))
