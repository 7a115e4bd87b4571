# A class decorator writes forward from a list of method names given to it.
import torch.nn as nn
import torch.nn.functional as F


def pipeline(*names):
    def decorate(cls):
        def forward(self, x):
            for name in names:
                x = getattr(self, name)(x)
            return x
        cls.forward = forward
        return cls
    return decorate


@pipeline('conv1', 'shrink', 'conv2', 'shrink', 'drop1', 'flat', 'fc1', 'act', 'drop2', 'fc2', 'finish')
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 9, 5)
        self.conv2 = nn.Conv2d(9, 18, 5)
        self.drop1 = nn.Dropout(0.15)
        self.fc1 = nn.Linear(288, 64)
        self.drop2 = nn.Dropout(0.35)
        self.fc2 = nn.Linear(64, 10)

    def act(self, x):
        return F.relu(x)

    def shrink(self, x):
        return F.max_pool2d(self.act(x), 2)

    def flat(self, x):
        return x.flatten(start_dim=1)

    def finish(self, x):
        return F.log_softmax(x, dim=1)
