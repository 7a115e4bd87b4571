# Dropout copied from the AWD-LSTM code: x.data.new(...).bernoulli_(1 - p) as a Variable, one mask a feature map.
import torch.nn as nn
import torch.nn.functional as F
from torch.autograd import Variable


class LockedDropout(nn.Module):
    def __init__(self, dropout=0.5):
        super(LockedDropout, self).__init__()
        self.dropout = dropout

    def forward(self, x):
        if not self.training or not self.dropout:
            return x
        size = (x.size(0), x.size(1)) + (1,) * (x.dim() - 2)
        m = x.data.new(*size).bernoulli_(1 - self.dropout)
        mask = Variable(m, requires_grad=False) / (1 - self.dropout)
        mask = mask.expand_as(x)
        return mask * x


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 16, 5)
        self.conv2 = nn.Conv2d(16, 20, 5)
        self.lockdrop = LockedDropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.lockdrop(x)
        x = x.view(-1, 320)
        x = self.lockdrop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
