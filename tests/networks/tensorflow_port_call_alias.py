# Ported from Keras: call(inputs, training=None) aliased to forward, and a flatten in N,H,W,C order.
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, filters=(16, 24), rate=0.25):
        super().__init__()
        self.rate = rate
        self.conv2d = nn.Conv2d(in_channels=1, out_channels=filters[0], kernel_size=3)
        self.conv2d_1 = nn.Conv2d(in_channels=filters[0], out_channels=filters[1], kernel_size=3)
        self.dense = nn.Linear(in_features=(units := 5 * 5 * filters[1]), out_features=64)
        self.dense_1 = nn.Linear(in_features=64, out_features=10)
        self.units = units

    def call(self, inputs, training=None):
        if training is None:
            training = self.training
        x = F.max_pool2d(F.relu(self.conv2d(inputs)), (2, 2))
        x = F.max_pool2d(F.relu(self.conv2d_1(x)), (2, 2))
        x = x.permute(0, 2, 3, 1).contiguous()
        x = F.dropout(x, self.rate, training)
        x = x.view(-1, self.units)
        x = F.dropout(F.relu(self.dense(x)), 2 * self.rate, training)
        return F.log_softmax(self.dense_1(x), dim=-1)

    forward = call
