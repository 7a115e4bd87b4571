import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.l = nn.ModuleDict({
            'c1': nn.Conv2d(1, 16, 5, stride=1),
            'c2': nn.Conv2d(16, 16, 5, stride=1),
            'pool': nn.MaxPool2d(2),
            'drop_c': nn.Dropout2d(0.1),
            'f1': nn.Linear(16 * 16, 80),
            'drop_f': nn.Dropout(0.3),
            'f2': nn.Linear(80, 10),
        })

    def forward(self, x):
        l = self.l
        x = l['pool'](F.relu(l['c1'](x)))
        x = l['pool'](F.relu(l['c2'](x)))
        x = l['drop_c'](x)
        x = x.view(x.shape[0], -1)
        x = l['drop_f'](F.relu(l['f1'](x)))
        x = l['f2'](x)
        return F.log_softmax(x, dim=1)
