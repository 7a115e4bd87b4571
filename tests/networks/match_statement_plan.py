# forward interprets a plan of tuples with a match statement.
import torch.nn as nn
import torch.nn.functional as F

PLAN = [('layer', 'conv1'), ('relu',), ('pool', 2), ('layer', 'conv2'), ('relu',), ('pool', 2), ('drop', 0.2),
        ('flatten',), ('layer', 'fc1'), ('relu',), ('drop', 0.4), ('layer', 'fc2')]


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 16, 5)
        self.fc1, self.fc2 = nn.Linear(256, 64), nn.Linear(64, 10)

    def forward(self, x):
        for step in PLAN:
            match step:
                case ('layer', str(name)):
                    x = getattr(self, name)(x)
                case ('pool', int(k)):
                    x = F.max_pool2d(x, k)
                case ('drop', float(p)) if self.training:
                    x = F.dropout(x, p)
                case ('drop', _):
                    pass
                case ('flatten',):
                    x = x.flatten(1)
                case ('relu',):
                    x = F.relu(x)
                case _:
                    raise ValueError(step)
        return F.log_softmax(x, dim=1)
