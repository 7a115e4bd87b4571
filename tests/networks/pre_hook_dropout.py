# Forward pre-hooks on the two linear layers do the dropout (and the flatten), so forward never mentions either.
import torch.nn as nn
import torch.nn.functional as F


def drop_input(module, inputs):
    (x,) = inputs
    return F.dropout(x.flatten(1), module.drop_rate, module.training)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)
        for layer, rate in ((self.fc1, 0.2), (self.fc2, 0.4)):
            layer.drop_rate = rate
            layer.register_forward_pre_hook(drop_input)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = F.relu(self.fc1(x))
        return F.log_softmax(self.fc2(x), dim=1)
