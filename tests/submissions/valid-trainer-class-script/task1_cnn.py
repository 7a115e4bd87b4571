#!/usr/bin/env python3
# -*- coding: utf-8 -*-
import argparse, sys
import torch as t
import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    """conv-pool-conv-pool-dropout-fc-dropout-fc"""

    def __init__(self):
        nn.Module.__init__(self)
        self.c1 = nn.Conv2d(1, 20, 5, 1)
        self.c2 = nn.Conv2d(20, 30, 5, 1)
        self.d1 = nn.Dropout(.25)
        self.f1 = nn.Linear(4*4*30, 100)
        self.d2 = nn.Dropout(.5)
        self.f2 = nn.Linear(100, 10)

    def forward(self, x):
        x = F.max_pool2d(t.relu(self.c1(x)), 2, 2)
        x = F.max_pool2d(t.relu(self.c2(x)), 2, 2)
        x = self.d1(x)
        x = x.view(-1, 4*4*30)
        x = self.d2(t.relu(self.f1(x)))
        x = self.f2(x)
        return F.log_softmax(x, dim=1)


class Trainer(object):
    def __init__(self, args):
        from torchvision import datasets, transforms
        self.args = args
        self.net = Net()
        self.gpu = t.cuda.is_available() and not args.no_cuda
        if self.gpu:
            self.net.cuda()
        self.opt = t.optim.SGD(self.net.parameters(), lr=args.lr, momentum=args.momentum)
        tf = transforms.ToTensor()
        self.train_data = t.utils.data.DataLoader(
            datasets.MNIST('./data/', train=True, download=True, transform=tf), batch_size=args.batch_size, shuffle=True)
        self.test_data = t.utils.data.DataLoader(
            datasets.MNIST('./data/', train=False, download=True, transform=tf), batch_size=args.test_batch_size)

    def put(self, *tensors):
        return [x.cuda() if self.gpu else x for x in tensors]

    def epoch(self, number):
        self.net.train()
        for i, batch in enumerate(self.train_data):
            x, y = self.put(*batch)
            self.opt.zero_grad()
            loss = F.nll_loss(self.net(x), y)
            loss.backward()
            self.opt.step()
            if i % self.args.log_interval == 0:
                sys.stdout.write('\repoch %d batch %d loss %.3f' % (number, i, loss))

    def test(self):
        self.net.eval()
        n = 0
        with t.no_grad():
            for batch in self.test_data:
                x, y = self.put(*batch)
                n += int((self.net(x).argmax(1) == y).sum())
        print('\n%d of 10000 right' % n)


if __name__ == '__main__':
    ap = argparse.ArgumentParser()
    for name, kind, value in [('batch-size', int, 64), ('test-batch-size', int, 1000), ('epochs', int, 10), ('lr', float, .01),
                              ('momentum', float, .5), ('seed', int, 1), ('log-interval', int, 100)]:
        ap.add_argument('--' + name, type=kind, default=value)
    ap.add_argument('--no-cuda', action='store_true', default=False)
    args = ap.parse_args()
    t.manual_seed(args.seed)
    trainer = Trainer(args)
    for e in range(args.epochs):
        trainer.epoch(e + 1)
        trainer.test()
