import torch
import torch.nn as nn
import torch.nn.functional as F


class ReLUFunction(torch.autograd.Function):
    """from the autograd tutorial: forward and backward by hand"""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx, grad):
        x, = ctx.saved_tensors
        grad = grad.clone()
        grad[x < 0] = 0
        return grad


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        relu = ReLUFunction.apply
        x = F.max_pool2d(relu(self.conv1(x)), 2)
        x = F.max_pool2d(relu(self.conv2(x)), 2)
        x = self.drop(x).view(-1, 320)
        x = self.drop(relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
