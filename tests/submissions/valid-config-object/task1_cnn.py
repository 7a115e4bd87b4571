from dataclasses import dataclass, field
import torch
from torch import nn, Tensor
import torch.nn.functional as F


@dataclass
class Config:
    channels: tuple = (12, 20)
    kernel: int = 3
    hidden: int = 60
    drops: list = field(default_factory=lambda: [0.2, 0.4])

    @property
    def flat(self):
        return self.channels[1] * 5 * 5


config = Config()


class Net(nn.Module):
    def __init__(self, cfg: Config = config):
        super().__init__()
        self.conv1 = nn.Conv2d(1, cfg.channels[0], cfg.kernel)
        self.conv2 = nn.Conv2d(*cfg.channels, cfg.kernel)
        self.drop1, self.drop2 = (nn.Dropout(p) for p in cfg.drops)
        self.fc1 = nn.Linear(cfg.flat, cfg.hidden)
        self.fc2 = nn.Linear(cfg.hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop1(x).flatten(1)
        x = self.drop2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
