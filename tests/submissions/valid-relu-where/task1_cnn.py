import torch
import torch.nn as nn
import torch.nn.functional as F

def positive_part(t):
    return torch.where(t > 0, t, torch.zeros_like(t))

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 12, 5)
        self.conv2 = nn.Conv2d(12, 18, 5)
        self.drop_a = nn.Dropout2d(0.2)
        self.drop_b = nn.Dropout(0.2)
        self.fc1 = nn.Linear(18 * 16, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = positive_part(F.max_pool2d(self.conv1(x), 2))
        x = positive_part(F.max_pool2d(self.conv2(x), 2))
        x = self.drop_a(x)
        x = x.view(x.size(0), -1)
        x = self.drop_b(positive_part(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
