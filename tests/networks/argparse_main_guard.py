# A complete script with argparse and a training loop, everything under the main guard.
import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    """conv-relu-pool, conv-relu-pool, dropout, fc-relu, dropout, fc"""

    def __init__(self, c1=8, c2=16, k=5, hidden=40, p=(0.1, 0.2)):
        super().__init__()
        side = ((28 - k + 1) // 2 - k + 1) // 2
        self.flat = c2 * side ** 2
        self.conv1, self.conv2 = nn.Conv2d(1, c1, k), nn.Conv2d(c1, c2, k)
        self.fc1, self.fc2 = nn.Linear(self.flat, hidden), nn.Linear(hidden, 10)
        self.p = p

    def forward(self, x):
        for conv in self.conv1, self.conv2:
            x = F.max_pool2d(F.relu(conv(x)), 2)
        x = F.dropout(x, self.p[0], self.training).view(-1, self.flat)
        x = F.dropout(F.relu(self.fc1(x)), self.p[1], self.training)
        return F.log_softmax(self.fc2(x), 1)


def train(model, loader, optimizer, epoch):
    model.train()
    for i, (data, target) in enumerate(loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data), target)
        loss.backward()
        optimizer.step()
        if i % 100 == 0:
            print(f'epoch {epoch} step {i} loss {loss:.4f}')


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--epochs', type=int, default=10)
    parser.add_argument('--lr', type=float, default=0.01)
    args = parser.parse_args()
    from torchvision import datasets, transforms
    data = datasets.MNIST('./data', train=True, transform=transforms.ToTensor())
    loader = torch.utils.data.DataLoader(data, batch_size=64, shuffle=True)
    model = Net()
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.5)
    for epoch in range(1, args.epochs + 1):
        train(model, loader, optimizer, epoch)


if __name__ == '__main__':
    main()
