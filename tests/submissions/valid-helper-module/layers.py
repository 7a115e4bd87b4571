import torch.nn as nn


class ConvRelu(nn.Module):
    """A 5x5 convolution and its ReLU."""

    def __init__(self, before, after):
        super().__init__()
        self.conv = nn.Conv2d(before, after, 5)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.conv(x))
