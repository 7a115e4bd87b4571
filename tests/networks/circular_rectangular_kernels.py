# Kernels of 3 by 5 and 5 by 3, circular and reflect padding, two groups, and a rectangular pool.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 12, (3, 5), padding=(1, 2), padding_mode='circular')
        self.conv2 = nn.Conv2d(12, 20, kernel_size=(5, 3), padding=(2, 1), padding_mode='reflect', groups=2)
        self.dropout = nn.Dropout(0.25)
        self.fc1 = nn.Linear(20 * 7 * 9, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), (2, 1))       # 28 x 28 -> 14 x 28
        x = F.max_pool2d(F.relu(self.conv2(x)), (2, 3))       # 14 x 28 ->  7 x 9
        x = self.dropout(x)
        x = x.view(-1, 20 * 7 * 9)
        x = F.relu(self.fc1(x))
        x = self.dropout(x)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)
