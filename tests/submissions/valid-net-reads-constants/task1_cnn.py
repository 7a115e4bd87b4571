import torch
import torch.nn as nn
import torch.nn.functional as F

# ===== experiment table: change here =====
CHANNELS_1 = 8
CHANNELS_2 = CHANNELS_1 * 2
KERNEL = 5
POOL = 2
P_CONV, P_FC = 0.2, 0.4
HIDDEN = 64
NUM_CLASSES = len('0123456789')

after_1 = (28 - KERNEL + 1) // POOL
after_2 = (after_1 - KERNEL + 1) // POOL
FLAT = CHANNELS_2 * after_2 ** 2
print('flattened size', FLAT)

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, CHANNELS_1, KERNEL)
        self.conv2 = nn.Conv2d(CHANNELS_1, CHANNELS_2, KERNEL)
        self.drop1 = nn.Dropout2d(P_CONV)
        self.fc1 = nn.Linear(FLAT, HIDDEN)
        self.drop2 = nn.Dropout(P_FC)
        self.fc2 = nn.Linear(HIDDEN, NUM_CLASSES)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), POOL)
        x = F.max_pool2d(F.relu(self.conv2(x)), POOL)
        x = self.drop1(x)
        x = x.view(-1, FLAT)
        x = self.drop2(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
