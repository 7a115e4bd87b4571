import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.convs = [nn.Conv2d(1, 20, 5), nn.Conv2d(20, 32, 5)]
        self.dropout = nn.Dropout(0.1)
        self.fc1 = nn.Linear(512, 200)
        self.fc2 = nn.Linear(200, 10)

    def forward(self, x):
        for conv in self.convs:
            x = F.relu(F.max_pool2d(conv(x), 2))
        x = self.dropout(x)
        x = x.view(-1, 512)
        x = self.dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)
