import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.s = nn.Sequential(
            nn.Conv2d(1, 8, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Dropout2d(0.3),
            nn.Flatten(0),
            nn.Linear(256, 32),
            nn.ReLU(),
            nn.Dropout(0.4),
            nn.Linear(32, 10),
            nn.LogSoftmax(dim=1),
        )

    def forward(self, x):
        return self.s(x)
