import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1=nn.Conv2d(1,8,5,padding=2)
        self.conv2=nn.Conv2d(8,16,5,padding=2)
        self.drop=nn.Dropout(0.5)
        self.fc1=nn.Linear(16,32)
        self.fc2=nn.Linear(32,10)
    def forward(self, x):
        x=F.relu(F.max_pool2d(self.conv1(x),2))
        x=F.relu(self.conv2(x))
        x=self.drop(F.adaptive_avg_pool2d(x,1)).flatten(1)
        x=F.dropout(F.relu(self.fc1(x)),training=self.training)
        return F.log_softmax(self.fc2(x),1)
