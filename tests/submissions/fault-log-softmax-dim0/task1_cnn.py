import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.c1 = nn.Conv2d(1, 10, 5)
        self.c2 = nn.Conv2d(10, 20, 5)
        self.l1 = nn.Linear(320, 60)
        self.l2 = nn.Linear(60, 10)
        self.do1 = nn.Dropout(0.25)
        self.do2 = nn.Dropout(0.25)

    def forward(self, x):
        x = F.max_pool2d(torch.relu(self.c1(x)), 2)
        x = F.max_pool2d(torch.relu(self.c2(x)), 2)
        x = self.do1(x)
        x = torch.flatten(x, 1)
        x = torch.relu(self.l1(x))
        x = self.do2(x)
        return F.log_softmax(self.l2(x), dim=0)
