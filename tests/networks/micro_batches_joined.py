# Large batches are cut into pieces of 32 images to save memory; the results are concatenated.
import torch
import torch.nn as nn


class Net(nn.Module):
    piece = 32

    def __init__(self):
        super().__init__()
        self.maps = nn.Sequential(nn.Conv2d(1, 8, 5), nn.ReLU(), nn.MaxPool2d(2),
                                  nn.Conv2d(8, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.1))
        self.head = nn.Sequential(nn.Linear(256, 64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 10),
                                  nn.LogSoftmax(dim=1))

    def forward(self, x):
        results = []
        for part in x.split(self.piece):
            results.append(self.head(self.maps(part).flatten(1)))
        return torch.cat(results, dim=0)
