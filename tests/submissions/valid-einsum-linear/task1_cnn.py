import torch
from torch import nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 3)
        self.conv2 = nn.Conv2d(8, 16, 3)
        self.hidden = nn.Parameter(torch.empty(400, 48))
        self.hidden_bias = nn.Parameter(torch.zeros(48))
        self.out = nn.Parameter(torch.empty(48, 10))
        self.out_bias = nn.Parameter(torch.zeros(10))
        nn.init.kaiming_normal_(self.hidden, mode='fan_out')
        nn.init.kaiming_normal_(self.out, mode='fan_out')

    def forward(self, x):
        x = F.max_pool2d(self.conv1(x).relu(), 2)
        x = F.max_pool2d(self.conv2(x).relu(), 2)
        x = F.dropout(x.flatten(1), p=0.2, training=self.training)
        x = torch.einsum('nf,fh->nh', x, self.hidden) + self.hidden_bias
        x = F.dropout(x.relu(), p=0.2, training=self.training)
        x = torch.einsum('nh,hc->nc', x, self.out) + self.out_bias
        return x.log_softmax(dim=1)
