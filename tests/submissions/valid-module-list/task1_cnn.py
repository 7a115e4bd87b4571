import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        widths = [1, 10, 20]
        self.convs = nn.ModuleList()
        for i in range(2):
            self.convs.append(nn.Conv2d(widths[i], widths[i + 1], 3))
        self.fcs = nn.ModuleList([nn.Linear(20 * 5 * 5, 60), nn.Linear(60, 10)])
        self.drop = nn.Dropout(0.4)

    def forward(self, x):
        for conv in self.convs:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        x = self.drop(x)
        x = x.flatten(1)
        x = self.drop(F.relu(self.fcs[0](x)))
        return F.log_softmax(self.fcs[-1](x), 1)
