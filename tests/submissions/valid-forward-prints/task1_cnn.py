import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        print('making the net')
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        print('in', x.size())
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        print('after conv', x.size(), 'mean', x.mean().item())
        x = self.drop(x)
        x = x.view(-1, 320)
        x = self.drop(F.relu(self.fc1(x)))
        x = self.fc2(x)
        print('out', x.size())
        return F.log_softmax(x, dim=1)
