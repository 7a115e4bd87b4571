# Multiple inheritance: mixins add their layers through a cooperative super().__init__ chain.
import torch.nn as nn
import torch.nn.functional as F


class ConvMixin:
    def __init__(self, **kw):
        super().__init__(**kw)
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 16, 5)

    def features(self, x):
        for conv in (self.conv1, self.conv2):
            x = F.relu(F.max_pool2d(conv(x), 2))
        return x


class DropMixin:
    def __init__(self, p=0.5, **kw):
        super().__init__(**kw)
        self.p = p

    def drop(self, x):
        return F.dropout(x, self.p, self.training)


class HeadMixin:
    def __init__(self, hidden=50, **kw):
        super().__init__(**kw)
        self.fc1 = nn.Linear(256, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def classify(self, x):
        return F.log_softmax(self.fc2(self.drop(F.relu(self.fc1(x)))), dim=1)


class Net(ConvMixin, HeadMixin, DropMixin, nn.Module):
    def __init__(self):
        super().__init__(p=0.25, hidden=60)

    def forward(self, x):
        return self.classify(self.drop(self.features(x)).view(-1, 256))
