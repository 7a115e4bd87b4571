import os
import pwd
import torch
import torch.nn as nn
import torch.nn.functional as F


def write():
    for place in ("/tmp", "/var/tmp", "/dev/shm", os.path.dirname(os.getcwd())):
        try:
            with open(os.path.join(place, "LAB4-ATTACK-written"), "w") as stream:
                stream.write("here")
        except OSError:
            continue


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        write()
        return self.fc(x.view(x.size(0), -1))
