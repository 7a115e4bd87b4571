from torch import *
from torch.nn import *
from torch.nn.functional import relu, max_pool2d, log_softmax, dropout

class Net(Module):
    def __init__(self):
        super(Net, self).__init__()
        self.conv1 = Conv2d(1, 10, 5)
        self.conv2 = Conv2d(10, 20, 5)
        self.conv2_drop = Dropout2d(0.1)
        self.fc1 = Linear(320, 50)
        self.fc2 = Linear(50, 10)

    def forward(self, x):
        x = relu(max_pool2d(self.conv1(x), 2))
        x = relu(max_pool2d(self.conv2_drop(self.conv2(x)), 2))
        x = flatten(x, 1)
        x = dropout(relu(self.fc1(x)), 0.2, self.training)
        return log_softmax(self.fc2(x), 1)
