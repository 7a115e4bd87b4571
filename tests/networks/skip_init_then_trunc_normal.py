# Layers come empty from skip_init and are filled by a loop over named_parameters with a truncated normal.
import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import skip_init


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.conv1 = skip_init(nn.Conv2d, 1, 16, kernel_size=5)
        self.conv2 = skip_init(nn.Conv2d, 16, 16, kernel_size=5)
        self.fc1 = skip_init(nn.Linear, 256, 64)
        self.fc2 = skip_init(nn.Linear, 64, 10)
        with torch.no_grad():
            for name, parameter in self.named_parameters():
                if name.endswith('bias'):
                    parameter.fill_(0.1 if 'conv' in name else 0.0)
                else:
                    nn.init.trunc_normal_(parameter, std=0.1, a=-0.2, b=0.2)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.dropout2d(x, p=0.2, training=self.training).flatten(1)
        x = F.dropout(F.relu(self.fc1(x)), p=0.5, training=self.training)
        return F.log_softmax(self.fc2(x), dim=1)
