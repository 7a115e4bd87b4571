# The convolutional half runs under torch.utils.checkpoint to save memory.
import torch
import torch.nn as nn
from torch.utils.checkpoint import checkpoint


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.25),
        )
        self.classifier = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Dropout(0.25), nn.Linear(64, 10))

    def forward(self, x):
        if torch.is_grad_enabled():
            x = checkpoint(self.features, x, use_reentrant=False)
        else:
            x = self.features(x)
        return torch.log_softmax(self.classifier(torch.flatten(x, 1)), dim=1)
