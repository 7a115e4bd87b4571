import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 9, 4)
        self.conv2 = nn.Conv2d(9, 18, 4)
        self.pool = nn.MaxPool2d(2)
        self.act = nn.ReLU()
        self.drop = nn.Dropout(0.2)
        self.fc1 = nn.Linear(18 * 4 * 4, 70)
        self.fc2 = nn.Linear(70, 10)
        self.final = nn.LogSoftmax(dim=1)

    def forward(self, x):
        # conv part
        x = self.pool(self.act(self.conv1(x)))
        x = self.pool(self.act(self.conv2(x)))
        x = self.drop(x)
        # fully connected part
        x = x.view(x.size()[0], -1)
        x = self.act(self.fc1(x))
        x = self.drop(x)
        x = self.fc2(x)
        return self.final(x)
