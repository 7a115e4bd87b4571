import torch.nn as nn
import torch.nn.functional as F

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = make_conv(1, 12)
        self.conv2 = make_conv(12, 16)
        self.drop = nn.Dropout(0.3)
        n = flat_size(28, 5, 16)
        self.fc1 = nn.Linear(n, 40)
        self.fc2 = nn.Linear(40, 10)

    def forward(self, x):
        x = relu_pool(self.conv1(x))
        x = relu_pool(self.conv2(x))
        x = self.drop(x)
        x = x.flatten(1)
        x = self.drop(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)

def make_conv(a, b, k=5):
    return nn.Conv2d(a, b, kernel_size=k)

def half_after_conv(side, k):
    return (side - k + 1) // 2

def flat_size(side, k, channels):
    for _ in range(2):
        side = half_after_conv(side, k)
    return side * side * channels

def relu_pool(x):
    return F.max_pool2d(F.relu(x), 2)

if __name__ == "__main__":
    n = Net()
    print(sum(p.numel() for p in n.parameters()), "parameters")
