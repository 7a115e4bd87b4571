# add_module gives everything a number, and forward walks over self._modules in the order of registration.
import torch.nn as nn


class Flatten(nn.Module):
    def forward(self, x):
        return x.view(x.size()[0], -1)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        layers = [nn.Conv2d(1, 10, 3), nn.ReLU(), nn.MaxPool2d(2, 2), nn.Conv2d(10, 20, 3), nn.ReLU(),
                  nn.MaxPool2d(2, 2), nn.Dropout(0.3), Flatten(), nn.Linear(500, 50), nn.ReLU(), nn.Dropout(0.3),
                  nn.Linear(50, 10), nn.LogSoftmax(dim=1)]
        for number, layer in enumerate(layers):
            self.add_module(str(number), layer)

    def forward(self, input):
        for module in self._modules.values():
            input = module(input)
        return input
