# Forward hooks on every child print the shapes of the first pass, then take themselves off again.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 16, 5, padding=2)
        self.drop1 = nn.Dropout2d(0.2)
        self.fc1 = nn.Linear(16 * 7 * 7, 50)
        self.drop2 = nn.Dropout(0.4)
        self.fc2 = nn.Linear(50, 10)
        self.handles = []
        for name, child in self.named_children():
            self.handles.append(child.register_forward_hook(self.make_hook(name)))

    def make_hook(self, name):
        def hook(module, inputs, output):
            print('%-6s %-10s %s -> %s' % (name, type(module).__name__, tuple(inputs[0].shape), tuple(output.shape)))
        return hook

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop1(x)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc1(x))
        x = self.fc2(self.drop2(x))
        while self.handles:
            self.handles.pop().remove()
        return F.log_softmax(x, dim=1)
