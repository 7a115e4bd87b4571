# The network is written for one image, as in JAX, and torch.vmap runs it over the batch.
import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def one_image(self, image):
        h = F.max_pool2d(F.relu(self.conv1(image)), 2)
        h = F.max_pool2d(F.relu(self.conv2(h)), 2)
        h = F.dropout(h, 0.2, self.training)
        h = F.relu(self.fc1(h.reshape(-1)))
        h = F.dropout(h, 0.2, self.training)
        return F.log_softmax(self.fc2(h), dim=0)

    def forward(self, x):
        return torch.vmap(self.one_image, randomness='different')(x)
