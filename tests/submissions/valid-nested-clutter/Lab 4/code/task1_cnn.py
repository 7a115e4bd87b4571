import argparse
import os

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import datasets, transforms

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKPOINT = os.path.join(HERE, 'checkpoints', 'mnist_cnn.pt')


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = nn.Conv2d(1, 10, 5)
        self.conv2 = nn.Conv2d(10, 20, 5)
        self.drop = nn.Dropout(0.25)
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = self.drop(x)
        x = x.view(-1, 320)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def get_args():
    ap = argparse.ArgumentParser()
    ap.add_argument('--batch-size', type=int, default=64)
    ap.add_argument('--test-batch-size', type=int, default=1000)
    ap.add_argument('--epochs', type=int, default=10)
    ap.add_argument('--lr', type=float, default=0.01)
    ap.add_argument('--momentum', type=float, default=0.5)
    ap.add_argument('--no-cuda', action='store_true', default=False)
    ap.add_argument('--seed', type=int, default=1)
    ap.add_argument('--log-interval', type=int, default=100)
    return ap.parse_args()


def loaders(args):
    def make(train, size):
        data = datasets.MNIST(os.path.join(HERE, 'data'), train=train, download=True, transform=transforms.ToTensor())
        return torch.utils.data.DataLoader(data, batch_size=size, shuffle=train)
    return make(True, args.batch_size), make(False, args.test_batch_size)


def main():
    args = get_args()
    torch.manual_seed(args.seed)
    train_loader, test_loader = loaders(args)
    model = Net()
    if os.path.exists(CHECKPOINT):
        model.load_state_dict(torch.load(CHECKPOINT))
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)
    for epoch in range(args.epochs):
        model.train()
        for n, (data, target) in enumerate(train_loader):
            optimizer.zero_grad()
            loss = F.nll_loss(model(data), target)
            loss.backward()
            optimizer.step()
            if n % args.log_interval == 0:
                print(epoch, n, loss.item())
        model.eval()
        good = 0
        with torch.no_grad():
            for data, target in test_loader:
                good += (model(data).argmax(1) == target).sum().item()
        print('test accuracy', good / 10000)
        torch.save(model.state_dict(), CHECKPOINT)


if __name__ == '__main__':
    main()
