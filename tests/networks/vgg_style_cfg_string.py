# The architecture is a line of text, parsed into layers as VGG and darknet cfg files are.
import torch.nn as nn

CFG = 'conv 10 5 | relu | pool 2 | conv 20 5 | relu | pool 2 | drop 0.25 | flat | fc 50 | relu | drop 0.5 | fc 10 | logsm'


def parse(cfg, channels=1, flat=320):
    for item in cfg.split('|'):
        kind, *numbers = item.split()
        if kind == 'conv':
            out, k = map(int, numbers)
            yield nn.Conv2d(channels, out, k)
            channels = out
        elif kind == 'fc':
            yield nn.Linear(flat, int(numbers[0]))
            flat = int(numbers[0])
        else:
            table = {'relu': nn.ReLU, 'pool': lambda k: nn.MaxPool2d(int(k)), 'flat': nn.Flatten,
                     'drop': lambda p: nn.Dropout(float(p)), 'logsm': lambda: nn.LogSoftmax(dim=1)}
            yield table[kind](*numbers)


class Net(nn.Module):
    def __init__(self, cfg=CFG):
        super().__init__()
        self.layers = nn.Sequential(*parse(cfg))

    def forward(self, x):
        return self.layers(x)
