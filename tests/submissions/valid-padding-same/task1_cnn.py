import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5, padding='same')
        self.conv2 = nn.Conv2d(8, 16, 5, padding="same")
        self.drop = nn.Dropout2d(0.15)
        self.fc1 = nn.Linear(7 * 7 * 16, 72)
        self.fc2 = nn.Linear(72, 10)

    def forward(self, input):
        out = F.max_pool2d(self.conv1(input), 2).relu()
        out = F.max_pool2d(self.conv2(out), 2).relu()
        out = self.drop(out)
        out = out.reshape(len(out), -1)
        out = self.fc1(out).relu()
        out = F.dropout(out, 0.4, training=self.training)
        out = self.fc2(out)
        return out.log_softmax(1)
