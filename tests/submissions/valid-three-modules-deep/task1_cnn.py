import torch.nn as nn
import torch.nn.functional as F


class ConvUnit(nn.Module):
    def __init__(self, i, o, k):
        super().__init__()
        self.conv = nn.Conv2d(i, o, k)
        self.bn = nn.BatchNorm2d(o)
        self.act = nn.ReLU(True)

    def forward(self, x):
        return self.act(self.bn(self.conv(x)))


class Stage(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.unit = ConvUnit(i, o, 5)
        self.pool = nn.MaxPool2d(2)

    def forward(self, x):
        return self.pool(self.unit(x))


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = Stage(1, 8)
        self.b = Stage(8, 16)
        self.d = nn.Dropout2d(0.2)

    def forward(self, x):
        return self.d(self.b(self.a(x)))


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Flatten(),
            nn.Sequential(nn.Linear(256, 32), nn.ReLU(), nn.Dropout(0.3)),
            nn.Linear(32, 10),
        )

    def forward(self, x):
        return self.body(x)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.features = Features()
        self.classifier = Classifier()

    def forward(self, x):
        return F.log_softmax(self.classifier(self.features(x)), dim=1)
