# Net is made by a factory function whose class body closes over the sizes.
import torch.nn as nn
import torch.nn.functional as F


def make(c1, c2, kernel, hidden):
    flat = c2 * ((28 - kernel + 1) // 2 - kernel + 1) ** 2

    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(1, c1, kernel)
            self.conv2 = nn.Conv2d(c1, c2, kernel)
            self.dropout = nn.Dropout(0.3)
            self.fc1 = nn.Linear(flat, hidden)
            self.fc2 = nn.Linear(hidden, 10)

        def forward(self, x):
            x = F.max_pool2d(F.relu(self.conv1(x)), 2)
            x = F.relu(self.conv2(x))
            x = self.dropout(x).view(-1, flat)
            x = self.dropout(F.relu(self.fc1(x)))
            return F.log_softmax(self.fc2(x), dim=1)

    Network.__name__ = Network.__qualname__ = 'Net%dx%d' % (c1, c2)
    return Network


Net = make(12, 12, 5, hidden=64)
