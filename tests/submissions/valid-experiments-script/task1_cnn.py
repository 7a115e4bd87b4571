"""
Lab 4 Task 1. Trains the CNN for several kernel sizes / channel counts and writes experiments.csv
"""
import argparse
import csv
import itertools
import time

import matplotlib
matplotlib.use('Agg')
import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

ap = argparse.ArgumentParser(formatter_class=argparse.ArgumentDefaultsHelpFormatter)
ap.add_argument('--batch-size', type=int, default=64)
ap.add_argument('--test-batch-size', type=int, default=1000)
ap.add_argument('--epochs', type=int, default=10)
ap.add_argument('--lr', type=float, default=0.01)
ap.add_argument('--momentum', type=float, default=0.5)
ap.add_argument('--no-cuda', action='store_true')
ap.add_argument('--seed', type=int, default=1)
ap.add_argument('--log-interval', type=int, default=100)
opt = ap.parse_args()
DEVICE = 'cuda' if torch.cuda.is_available() and not opt.no_cuda else 'cpu'
torch.manual_seed(opt.seed)

T = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
train_loader = DataLoader(datasets.MNIST('data', train=True, download=True, transform=T), opt.batch_size, True)
test_loader = DataLoader(datasets.MNIST('data', train=False, download=True, transform=T), opt.test_batch_size)


class Net(nn.Module):
    def __init__(self, c1=16, c2=24, k=3, p=0.3):
        super().__init__()
        pad = k // 2
        self.conv1 = nn.Conv2d(1, c1, k, padding=pad)
        self.conv2 = nn.Conv2d(c1, c2, k, padding=pad)
        self.pool = nn.MaxPool2d(2, 2)
        self.drop2d = nn.Dropout2d(p)
        self.drop = nn.Dropout(p)
        self.fc1 = nn.Linear(c2 * 7 * 7, 64)
        self.fc2 = nn.Linear(64, 10)

    def forward(self, x):
        x = self.pool(F.relu(self.conv1(x)))
        x = self.pool(F.relu(self.conv2(x)))
        x = self.drop2d(x)
        x = torch.flatten(x, 1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def fit(net):
    optimiser = optim.SGD(net.parameters(), lr=opt.lr, momentum=opt.momentum)
    for epoch in range(opt.epochs):
        net.train()
        for i, (x, y) in enumerate(train_loader):
            x, y = x.to(DEVICE), y.to(DEVICE)
            optimiser.zero_grad()
            loss = F.nll_loss(net(x), y)
            loss.backward()
            optimiser.step()
            if i % opt.log_interval == 0:
                print(f'  epoch {epoch} step {i} loss {loss.item():.3f}')


def evaluate(net):
    net.eval()
    ok = 0
    with torch.no_grad():
        for x, y in test_loader:
            ok += (net(x.to(DEVICE)).argmax(1).cpu() == y).sum().item()
    return 100.0 * ok / len(test_loader.dataset)


rows = []
for (c1, c2), k in itertools.product([(4, 8), (16, 24), (32, 48)], [3, 5, 7]):
    start = time.time()
    net = Net(c1, c2, k).to(DEVICE)
    fit(net)
    rows.append((c1, c2, k, evaluate(net), round(time.time() - start, 1)))
    print('channels %d/%d kernel %d: %.2f %% in %.1f s' % rows[-1])

with open('experiments.csv', 'w', newline='') as f:
    w = csv.writer(f)
    w.writerow(['channels 1', 'channels 2', 'kernel', 'accuracy', 'seconds'])
    w.writerows(rows)

for k in (3, 5, 7):
    chosen = [r for r in rows if r[2] == k]
    plt.plot([r[0] for r in chosen], [r[3] for r in chosen], label=f'kernel {k}')
plt.legend()
plt.savefig('experiments.png')
