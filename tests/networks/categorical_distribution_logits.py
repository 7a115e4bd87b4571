# The log-probabilities are read off a torch.distributions.Categorical, as reinforcement learning code does.
import torch.nn as nn
import torch.nn.functional as F
from torch.distributions import Categorical


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=8, stride=2)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=4, stride=1)
        self.drop = nn.Dropout(0.1)
        self.fc1 = nn.Linear(32 * 8 * 8, 64)
        self.policy = nn.Linear(64, 10)

    def forward(self, obs):
        h = F.relu(self.conv1(obs))
        h = self.drop(F.relu(self.conv2(h)))
        h = self.drop(F.relu(self.fc1(h.flatten(1))))
        return Categorical(logits=self.policy(h)).logits
