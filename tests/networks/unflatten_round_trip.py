# Dropout works on the flat vector, is put back into maps by nn.Unflatten, pooled, and made flat again.
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Unflatten(1, (1, 1)), nn.Flatten(1, 2),
            nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(8, 20, 5), nn.ReLU(),
            nn.Flatten(), nn.Dropout(0.2), nn.Unflatten(1, (20, 8, 8)),
            nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(320, 48), nn.ReLU(),
            nn.Unflatten(-1, (6, 8)), nn.Dropout(0.2), nn.Flatten(),
            nn.Linear(48, 10), nn.LogSoftmax(dim=1),
        )

    def forward(self, x):
        return self.model(x)
