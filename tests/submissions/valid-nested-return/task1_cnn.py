import torch, torch.nn as nn, torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 10, 5), nn.Conv2d(10, 20, 5)
        self.c, self.d = nn.Linear(320, 50), nn.Linear(50, 10)
        self.p, self.q = nn.Dropout2d(0.2), nn.Dropout(0.3)

    def forward(self, x):
        return F.log_softmax(self.d(self.q(F.relu(self.c(torch.flatten(self.p(F.max_pool2d(F.relu(self.b(
            F.max_pool2d(F.relu(self.a(x)), 2))), 2)), 1))))), dim=-1)
