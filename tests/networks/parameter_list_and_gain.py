# Filters in a ParameterList, dense weights in a ParameterDict, biases added by hand, and a learnable scalar gain.
import torch
import torch.nn as nn
import torch.nn.functional as F


def rand(*shape):
    fan = torch.Size(shape[1:]).numel()
    return torch.randn(shape) * (2.0 / fan) ** 0.5


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.filters = nn.ParameterList([nn.Parameter(rand(12, 1, 5, 5)), nn.Parameter(rand(16, 12, 5, 5))])
        self.biases = nn.ParameterList([torch.zeros(12), torch.zeros(16)])
        self.dense = nn.ParameterDict({'w1': rand(64, 256), 'b1': torch.zeros(64),
                                       'w2': rand(10, 64) * 0.5, 'b2': torch.zeros(10)})
        self.gain = nn.Parameter(torch.ones(1))

    def forward(self, x):
        for w, b in zip(self.filters, self.biases, strict=True):
            x = F.conv2d(x, w) + b.view(1, -1, 1, 1)
            x = F.max_pool2d(torch.relu(x), 2)
        x = F.dropout(x.float(), 0.2, self.training).flatten(1)
        x = torch.relu(x @ self.dense['w1'].t() + self.dense.b1)
        x = F.dropout(x, 0.3, self.training)
        x = self.gain * (x.matmul(self.dense['w2'].T) + self.dense.b2)
        return F.log_softmax(x.to(torch.float32), dim=1)
