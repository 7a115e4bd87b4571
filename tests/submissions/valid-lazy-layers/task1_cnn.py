import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        # lazy layers: no need to work out the 320 by hand :)
        self.conv1 = nn.LazyConv2d(10, 5)
        self.conv2 = nn.LazyConv2d(20, 5)
        self.fc1 = nn.LazyLinear(50)
        self.fc2 = nn.LazyLinear(10)
        self.dropout = nn.Dropout(0.25)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.dropout(x)
        x = x.flatten(start_dim=1)
        x = self.dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
