import torch
from torch import nn
import torch.nn.functional as F


class Net(nn.Module):
    """features -> classifier, the way the torchvision models do it"""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2),
            nn.Conv2d(12, 24, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2),
            nn.Dropout2d(p=0.2),
        )
        self.classifier = nn.Sequential(
            nn.Linear(24 * 7 * 7, 100),
            nn.ReLU(inplace=True),
            nn.Dropout(p=0.4),
            nn.Linear(100, 10),
        )

    def forward(self, x):
        features = self.features(x)
        scores = self.classifier(torch.flatten(features, start_dim=1))
        return F.log_softmax(scores, dim=1)
