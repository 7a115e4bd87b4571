# features and classifier are properties that put a Sequential together anew from registered layers.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 16, 5)
        self.conv_drop = nn.Dropout2d(0.25)
        self.fc1 = nn.Linear(256, 80)
        self.fc_drop = nn.Dropout(0.5)
        self.fc2 = nn.Linear(80, 10)

    @property
    def features(self):
        return nn.Sequential(self.conv1, nn.MaxPool2d(2), nn.ReLU(),
                             self.conv2, nn.MaxPool2d(2), nn.ReLU(), self.conv_drop)

    @property
    def classifier(self):
        return nn.Sequential(self.fc1, nn.ReLU(), self.fc_drop, self.fc2, nn.LogSoftmax(dim=1))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))
