# No layer objects at all: register_parameter in a loop over a table of shapes, used by F.conv2d and F.linear.
import torch
import torch.nn as nn
import torch.nn.functional as F

SHAPES = {'conv1': (16, 1, 5, 5), 'conv2': (16, 16, 5, 5), 'fc1': (64, 256), 'fc2': (10, 64)}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        for name, shape in SHAPES.items():
            self.register_parameter(name + '_w', nn.Parameter(torch.empty(shape)))
            self.register_parameter(name + '_b', nn.Parameter(torch.zeros(shape[0])))
            nn.init.kaiming_uniform_(self._parameters[name + '_w'], a=5 ** 0.5)

    def wb(self, name):
        return self._parameters[name + '_w'], self._parameters[name + '_b']

    def forward(self, x):
        x = F.max_pool2d(F.relu(F.conv2d(x, *self.wb('conv1'))), 2)
        x = F.max_pool2d(F.relu(F.conv2d(x, *self.wb('conv2'))), 2)
        x = F.dropout(x, 0.2, training=self.training).flatten(1)
        x = F.dropout(F.relu(F.linear(x, *self.wb('fc1'))), 0.5, training=self.training)
        return F.log_softmax(F.linear(x, *self.wb('fc2')), 1)
