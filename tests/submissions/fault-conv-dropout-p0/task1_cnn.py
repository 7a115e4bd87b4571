import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop_conv = nn.Dropout2d(p=0.0)   # best accuracy with 0!
        self.fc1 = nn.Linear(320, 50)
        self.drop_fc = nn.Dropout(p=0.3)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop_conv(x)
        x = x.view(-1, 320)
        x = self.drop_fc(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
