# The body is run by torch.func.functional_call with a dictionary of its own parameters, in MAML style.
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(1, 12, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(12, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout2d(0.2),
            nn.Flatten(), nn.Linear(256, 50), nn.ReLU(), nn.Dropout(0.3), nn.Linear(50, 10),
        )

    def forward(self, x, fast_weights=None):
        weights = dict(self.body.named_parameters())
        if fast_weights:
            weights.update(fast_weights)
        return F.log_softmax(functional_call(self.body, weights, (x,)), dim=1)
