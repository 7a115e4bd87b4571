"""Lab 4, task 1: a small convolutional network that reads handwritten digits.

Run it with ``python task1_cnn.py``; ``python task1_cnn.py --help`` lists the options. The first run downloads MNIST to
./data, or to the folder in the environment variable LAB4_DATA.
"""

import argparse
import os

import torch
import torch.nn.functional as F
from torch import nn, optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

DATA = os.environ.get("LAB4_DATA", "./data")

# The mean and the standard deviation of MNIST's training pixels, scaled to 0..1.
MEAN, STD = 0.1307, 0.3081


class Net(nn.Module):
    """Two convolution layers, a dropout, and two fully connected layers with a dropout between them."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, kernel_size=5)
        self.conv2 = nn.Conv2d(16, 32, kernel_size=5)
        self.conv_dropout = nn.Dropout2d(0.1)
        self.fc1 = nn.Linear(32 * 4 * 4, 128)
        self.fc_dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (N, 1, 28, 28) images into (N, 10) log-probabilities, one for each digit."""
        x = F.relu(F.max_pool2d(self.conv1(x), 2))  # (N, 16, 12, 12)
        x = F.relu(F.max_pool2d(self.conv_dropout(self.conv2(x)), 2))  # (N, 32, 4, 4)
        x = torch.flatten(x, 1)  # (N, 512)
        x = self.fc_dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the eight options of the lab sheet."""
    parser = argparse.ArgumentParser(
        description="Train a convolutional network on MNIST and test it after each epoch.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="images in a training batch")
    parser.add_argument("--test-batch-size", type=int, default=1000, metavar="N", help="images in a test batch")
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="passes over the training images")
    parser.add_argument("--lr", type=float, default=0.01, metavar="LR", help="learning rate of SGD")
    parser.add_argument("--momentum", type=float, default=0.5, metavar="M", help="momentum of SGD")
    parser.add_argument("--no-cuda", action="store_true", help="use the CPU even if there is a GPU")
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="random seed")
    parser.add_argument("--log-interval", type=int, default=100, metavar="N", help="batches between progress lines")
    return parser.parse_args(arguments)


def choose_device(no_cuda: bool) -> torch.device:
    """Choose an NVIDIA GPU if there is one, otherwise an Apple GPU, otherwise the CPU."""
    if not no_cuda and torch.cuda.is_available():
        return torch.device("cuda")
    if not no_cuda and torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def load_data(batch_size: int, test_batch_size: int, device: torch.device) -> tuple[DataLoader, DataLoader]:
    """Load the 60,000 training images (shuffled in each epoch) and the 10,000 test images in batches."""
    to_tensor = transforms.Compose([transforms.ToTensor(), transforms.Normalize((MEAN,), (STD,))])
    train_set = datasets.MNIST(DATA, train=True, download=True, transform=to_tensor)
    test_set = datasets.MNIST(DATA, train=False, download=True, transform=to_tensor)
    pin_memory = device.type == "cuda"  # makes the copy to the GPU faster
    return (
        DataLoader(train_set, batch_size=batch_size, shuffle=True, pin_memory=pin_memory),
        DataLoader(test_set, batch_size=test_batch_size, pin_memory=pin_memory),
    )


def train(
    net: nn.Module,
    loader: DataLoader,
    optimizer: optim.Optimizer,
    device: torch.device,
    *,
    epoch: int,
    log_interval: int,
) -> None:
    """Train ``net`` for one epoch."""
    net.train()  # dropout on
    seen, total = 0, len(loader.dataset)
    for batch, (images, digits) in enumerate(loader):
        images, digits = images.to(device), digits.to(device)
        optimizer.zero_grad()
        loss = F.nll_loss(net(images), digits)
        loss.backward()
        optimizer.step()
        if batch % log_interval == 0:
            print(f"Epoch {epoch:2d}  {seen:5d}/{total} ({100 * seen / total:3.0f} %)  loss {loss.item():.4f}")
        seen += len(images)


@torch.no_grad()
def test(net: nn.Module, loader: DataLoader, device: torch.device) -> float:
    """Print the average loss and the accuracy of ``net`` on the test images; return the accuracy (0 to 1)."""
    net.eval()  # dropout off
    loss, correct, total = 0.0, 0, len(loader.dataset)
    for images, digits in loader:
        images, digits = images.to(device), digits.to(device)
        output = net(images)
        loss += F.nll_loss(output, digits, reduction="sum").item()
        correct += (output.argmax(dim=1) == digits).sum().item()
    print(f"\nTest set: average loss {loss / total:.4f}, accuracy {correct}/{total} ({100 * correct / total:.2f} %)\n")
    return correct / total


def main(arguments: list[str] | None = None) -> None:
    """Train and test a network with the given options."""
    args = parse_arguments(arguments)
    torch.manual_seed(args.seed)
    device = choose_device(args.no_cuda)
    train_loader, test_loader = load_data(args.batch_size, args.test_batch_size, device)
    net = Net().to(device)
    optimizer = optim.SGD(net.parameters(), lr=args.lr, momentum=args.momentum)
    print(f"Training on {device.type}.\n")
    for epoch in range(1, args.epochs + 1):
        train(net, train_loader, optimizer, device, epoch=epoch, log_interval=args.log_interval)
        test(net, test_loader, device)


if __name__ == "__main__":
    main()
