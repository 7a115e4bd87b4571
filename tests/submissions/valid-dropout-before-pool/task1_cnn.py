import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
  def __init__(self):
    super(Net, self).__init__()
    self.conv1 = nn.Conv2d(1, 8, 3)
    self.conv2 = nn.Conv2d(8, 16, 3)
    self.drop = nn.Dropout2d(0.3)
    self.pool = nn.MaxPool2d(2, 2)
    self.relu = nn.ReLU()
    self.fc1 = nn.Linear(16*5*5, 64)
    self.fc2 = nn.Linear(64, 10)

  def forward(self, x):
    x = self.conv1(x)
    x = self.pool(x)
    x = self.relu(x)
    x = self.conv2(x)
    x = self.drop(x)
    x = self.pool(x)
    x = self.relu(x)
    x = x.view(-1, 16*5*5)
    x = self.fc1(x)
    x = F.dropout(x, 0.3, training=self.training)   # before the relu, makes no difference
    x = self.relu(x)
    x = self.fc2(x)
    return F.log_softmax(x, dim=1)
