import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1=nn.Conv2d(1,10,5,stride=3)
        self.conv2=nn.Conv2d(10,20,3,stride=3)
        self.drop=nn.Dropout(0.5)
        self.fc1=nn.Linear(80,50)
        self.fc2=nn.Linear(50,10)
    def forward(self, x):
        x=F.relu(self.conv1(x))
        x=self.drop(F.relu(self.conv2(x))).flatten(1)
        x=F.dropout(F.relu(self.fc1(x)),training=self.training)
        return F.log_softmax(self.fc2(x),1)
