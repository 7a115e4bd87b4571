import torch
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self, channels=(10, 20), *args, hidden=50, p=0.3, **kwargs):
        super(Net, self).__init__()
        k = kwargs.get('kernel_size', 5)
        self.conv1 = nn.Conv2d(1, channels[0], k)
        self.conv2 = nn.Conv2d(channels[0], channels[1], k)
        with torch.no_grad():   # find the flattened size with an empty picture
            dummy = F.max_pool2d(self.conv2(F.max_pool2d(self.conv1(torch.zeros(1, 1, 28, 28)), 2)), 2)
        self.fc1 = nn.Linear(dummy.numel(), hidden)
        self.fc2 = nn.Linear(hidden, 10)
        self.drop = nn.Dropout(p)

    def forward(self, x, *unused):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = torch.flatten(self.drop(x), 1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)

for k in (3, 5, 7):
    print(k, sum(p.numel() for p in Net(kernel_size=k).parameters()))
