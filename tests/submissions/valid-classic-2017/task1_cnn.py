from __future__ import print_function
import argparse
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.autograd import Variable
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
import matplotlib.pyplot as plt

# ---- settings -------------------------------------------------------------
parser = argparse.ArgumentParser(description='Lab 4 task 1: CNN on MNIST')
parser.add_argument('--batch-size', type=int, default=64, metavar='N', help='input batch size for training')
parser.add_argument('--test-batch-size', type=int, default=1000, metavar='N', help='input batch size for testing')
parser.add_argument('--epochs', type=int, default=10, metavar='N', help='number of epochs to train')
parser.add_argument('--lr', type=float, default=0.01, metavar='LR', help='learning rate')
parser.add_argument('--momentum', type=float, default=0.5, metavar='M', help='SGD momentum')
parser.add_argument('--no-cuda', action='store_true', default=False, help='disables CUDA training')
parser.add_argument('--seed', type=int, default=1, metavar='S', help='random seed')
parser.add_argument('--log-interval', type=int, default=100, metavar='N', help='batches between two log lines')
args = parser.parse_args()
args.cuda = not args.no_cuda and torch.cuda.is_available()

torch.manual_seed(args.seed)
if args.cuda:
    torch.cuda.manual_seed(args.seed)

# ---- data -----------------------------------------------------------------
kwargs = {'num_workers': 1, 'pin_memory': True} if args.cuda else {}
to_input = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.1307,), (0.3081,))])
train_dataset = datasets.MNIST(root='./data/', train=True, transform=to_input, download=True)
test_dataset = datasets.MNIST(root='./data/', train=False, transform=to_input, download=True)
train_loader = DataLoader(dataset=train_dataset, batch_size=args.batch_size, shuffle=True, **kwargs)
test_loader = DataLoader(dataset=test_dataset, batch_size=args.test_batch_size, shuffle=False, **kwargs)
print(len(train_loader.dataset), 'train samples')
print(len(test_loader.dataset), 'test samples\n')


# ---- network --------------------------------------------------------------
class Net(nn.Module):
    def __init__(self):
        super(Net, self).__init__()
        # 1x28x28 -> 10x24x24 -> pool -> 10x12x12
        self.conv1 = nn.Conv2d(1, 10, kernel_size=5)
        # 10x12x12 -> 20x8x8 -> pool -> 20x4x4 = 320 numbers
        self.conv2 = nn.Conv2d(10, 20, kernel_size=5)
        self.conv2_drop = nn.Dropout2d()
        self.fc1 = nn.Linear(320, 50)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2))
        x = F.relu(F.max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = x.view(-1, 320)
        x = F.relu(self.fc1(x))
        x = F.dropout(x, training=self.training)
        x = self.fc2(x)
        return F.log_softmax(x, dim=1)


net = Net()
if args.cuda:
    net.cuda()
print(net)

params = list(net.parameters())
print(len(params))
print(params[0].size())  # conv1's weights

optimizer = optim.SGD(net.parameters(), lr=args.lr, momentum=args.momentum)
history = []


def train(epoch):
    net.train()
    for batch_idx, (data, target) in enumerate(train_loader):
        if args.cuda:
            data, target = data.cuda(), target.cuda()
        data, target = Variable(data), Variable(target)
        optimizer.zero_grad()
        output = net(data)
        loss = F.nll_loss(output, target)
        loss.backward()
        optimizer.step()
        if batch_idx % args.log_interval == 0:
            print('Epoch {} [{}/{}]\tloss {:.4f}'.format(
                epoch, batch_idx * len(data), len(train_loader.dataset), loss.data[0]))


def test():
    net.eval()
    test_loss = 0
    correct = 0
    for data, target in test_loader:
        if args.cuda:
            data, target = data.cuda(), target.cuda()
        data, target = Variable(data, volatile=True), Variable(target)
        output = net(data)
        test_loss += F.nll_loss(output, target, size_average=False).data[0]
        pred = output.data.max(1, keepdim=True)[1]
        correct += pred.eq(target.data.view_as(pred)).long().cpu().sum()
    n = len(test_loader.dataset)
    test_loss /= n
    history.append(100. * correct / n)
    print('\nTest: mean loss {:.4f}, accuracy {}/{} ({:.2f}%)\n'.format(test_loss, correct, n, history[-1]))


for epoch in range(1, args.epochs + 1):
    train(epoch)
    test()

plt.plot(range(1, args.epochs + 1), history, 'o-')
plt.xlabel('epoch')
plt.ylabel('test accuracy (%)')
plt.show()
