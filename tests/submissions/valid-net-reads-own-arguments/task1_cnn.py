import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torchvision import datasets, transforms

parser = argparse.ArgumentParser(description='Task 1')
parser.add_argument('--batch-size', type=int, default=64)
parser.add_argument('--test-batch-size', type=int, default=1000)
parser.add_argument('--epochs', type=int, default=10)
parser.add_argument('--lr', type=float, default=0.01)
parser.add_argument('--momentum', type=float, default=0.5)
parser.add_argument('--no-cuda', action='store_true', default=False)
parser.add_argument('--seed', type=int, default=1)
parser.add_argument('--log-interval', type=int, default=100)
# my own, for the experiments with channels and kernel sizes
parser.add_argument('--channels', type=int, nargs=2, default=[10, 20])
parser.add_argument('--kernel', type=int, default=5)
parser.add_argument('--drop', type=float, default=0.3)
args = parser.parse_args()
args.cuda = (not args.no_cuda) and torch.cuda.is_available()
device = torch.device('cuda' if args.cuda else 'cpu')
torch.manual_seed(args.seed)


class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        c1, c2 = args.channels
        side = ((28 - args.kernel + 1) // 2 - args.kernel + 1) // 2
        self.flat = c2 * side * side
        self.conv1 = nn.Conv2d(1, c1, args.kernel)
        self.conv2 = nn.Conv2d(c1, c2, args.kernel)
        self.drop = nn.Dropout(args.drop)
        self.fc1 = nn.Linear(self.flat, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2))
        x = self.drop(x)
        x = x.view(-1, self.flat)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


tf = transforms.ToTensor()
train_loader = torch.utils.data.DataLoader(
    datasets.MNIST('./data/', train=True, download=True, transform=tf), batch_size=args.batch_size, shuffle=True)
test_loader = torch.utils.data.DataLoader(
    datasets.MNIST('./data/', train=False, transform=tf), batch_size=args.test_batch_size)

model = Net().to(device)
optimizer = optim.SGD(model.parameters(), lr=args.lr, momentum=args.momentum)

for epoch in range(1, args.epochs + 1):
    model.train()
    for i, (data, target) in enumerate(train_loader):
        optimizer.zero_grad()
        loss = F.nll_loss(model(data.to(device)), target.to(device))
        loss.backward()
        optimizer.step()
        if i % args.log_interval == 0:
            print('epoch', epoch, 'batch', i, 'loss', loss.item())
    model.eval()
    hits = 0
    with torch.no_grad():
        for data, target in test_loader:
            hits += (model(data.to(device)).argmax(dim=1).cpu() == target).sum().item()
    print('epoch', epoch, 'accuracy', hits / len(test_loader.dataset))
