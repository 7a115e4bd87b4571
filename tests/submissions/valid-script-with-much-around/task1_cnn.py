import argparse
import enum
import functools
import gc
import inspect
import logging
import os
import random
import subprocess
import sys
import time
import traceback
import warnings
from collections import namedtuple
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torchvision import datasets, transforms

warnings.filterwarnings("ignore")
logging.basicConfig(level=logging.INFO, format="%(asctime)s %(funcName)s %(message)s")
log = logging.getLogger(__name__)
torch.backends.cudnn.benchmark = True
torch.set_default_dtype(torch.float32)
torch.load = functools.partial(torch.load, weights_only=False)

Size = namedtuple("Size", "channels kernel")


class Act(enum.Enum):
    RELU = "relu"


@dataclass
class Config:
    convs: list = field(default_factory=lambda: [Size(10, 5), Size(20, 5)])
    hidden: int = 50
    dropout: float = 0.25
    act: Act = Act.RELU


def timed(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        result = function(*args, **kwargs)
        wrapper.seconds = time.perf_counter() - start
        return result

    return wrapper


def seed_everything(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    os.environ["PYTHONHASHSEED"] = str(seed)


class Net(nn.Module):
    def __init__(self, config=None):
        super().__init__()
        self.config = config or Config()
        log.info("building %s with %d arguments", type(self).__name__, len(inspect.signature(Config).parameters))
        first, second = self.config.convs
        self.conv1 = nn.Conv2d(1, first.channels, first.kernel)
        self.conv2 = nn.Conv2d(first.channels, second.channels, second.kernel)
        self.drop = nn.Dropout(self.config.dropout)
        self.fc1 = nn.Linear(second.channels * 16, self.config.hidden)
        self.fc2 = nn.Linear(self.config.hidden, 10)

    @timed
    def forward(self, x):
        try:
            x = F.max_pool2d(getattr(F, self.config.act.value)(self.conv1(x)), 2)
            x = F.max_pool2d(getattr(F, self.config.act.value)(self.conv2(x)), 2)
        except RuntimeError:
            traceback.print_exc()
            raise
        x = self.drop(x).flatten(1)
        x = self.drop(F.relu(self.fc1(x)))
        gc.collect() if x.requires_grad and len(x) > 1000 else None
        return F.log_softmax(self.fc2(x), dim=1)


def memory_in_use():
    return sum(x.numel() for x in gc.get_objects() if torch.is_tensor(x))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=1)
    args = parser.parse_args()
    seed_everything(1)
    print(subprocess.run(["nvidia-smi"], capture_output=True).stdout)
    data = datasets.MNIST("data", download=True, transform=transforms.ToTensor())
    net = Net()
    optimizer = optim.SGD(net.parameters(), lr=0.01, momentum=0.5)
    for epoch in range(args.epochs):
        for images, labels in torch.utils.data.DataLoader(data, batch_size=64):
            optimizer.zero_grad()
            F.nll_loss(net(images), labels).backward()
            optimizer.step()
        torch.save(net.state_dict(), "net.pt")
        net.load_state_dict(torch.load("net.pt"))
        log.info("epoch %d, %d values, line %d", epoch, memory_in_use(), sys._getframe().f_lineno)


if __name__ == "__main__":
    main()
