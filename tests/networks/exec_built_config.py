# Hyper-parameters come from a configuration text that is run with exec into a dictionary.
import torch
import torch.nn as nn
import torch.nn.functional as F

CONFIG = """
channels = (8, 16)
kernel = 5
hidden = 2 ** 6
p_conv, p_fc = 0.2, 0.5
flat = channels[1] * 4 * 4
"""


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        c = {}
        exec(CONFIG, {}, c)
        self.__dict__['c'] = c
        self.conv1 = nn.Conv2d(1, c['channels'][0], c['kernel'])
        self.conv2 = nn.Conv2d(*c['channels'], c['kernel'])
        self.fc1 = nn.Linear(c['flat'], c['hidden'])
        self.fc2 = nn.Linear(c['hidden'], 10)

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x).relu(), 2)
        x = F.max_pool2d(self.conv2(x).relu(), 2)
        x = F.dropout(x, self.c['p_conv'], self.training)
        x = torch.flatten(x, 1)
        x = F.dropout(self.fc1(x).relu(), self.c['p_fc'], self.training)
        return self.fc2(x).log_softmax(1)
