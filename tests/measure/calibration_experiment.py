"""Measure how far honest claims are from a brief training run: ``python -m tests.measure.calibration_experiment``.

A student's network may differ from the reference in padding, pooling, width, dropout, optimiser and batch size, which
the experiment does not vary. Each variant is trained on MNIST for whole epochs, and the reference briefly. The distance
between both is printed in log-odds. The bounds in ``grader/experiment/plausibility.py`` are based on it. Run it again
when the bounds, the reference network or torch change. It takes about an hour on one core.
"""

from __future__ import annotations

import argparse
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from grader.data import DataSet, resolve_data, user_cache
from grader.experiment.plausibility import BRIEF_STEPS, plausible

HELDOUT = 2000
"""Test images for the brief run, as in grading; after whole epochs all 10,000 are used."""
NETWORKS = ((1, 2, 3, 3), (2, 4, 3, 3), (5, 10, 5, 5), (10, 20, 3, 3), (20, 40, 5, 5))
"""Channels and kernel sizes of both convolutions."""


@dataclass(frozen=True)
class Variant:
    """A network and its training. ``rate`` is the learning rate of SGD with ``momentum``, or of Adam."""

    name: str
    is_padded: bool = True
    is_pooled: bool = True
    width: int = 50
    conv_dropout: float = 0.5
    fc_dropout: float = 0.5
    rate: float = 0.01
    momentum: float = 0.9
    batch_size: int = 64
    epochs: int = 1
    is_adam: bool = False


REFERENCE = Variant("reference")
VARIANTS = (
    REFERENCE,
    Variant("no padding", is_padded=False),
    Variant("no pooling", is_pooled=False),
    Variant("width 32", width=32),
    Variant("width 128", width=128),
    Variant("momentum 0.5", momentum=0.5),
    Variant("rate 0.1, momentum 0.5", rate=0.1, momentum=0.5),
    Variant("rate 0.001, momentum 0.5", rate=0.001, momentum=0.5, epochs=3),
    Variant("batches of 128", batch_size=128),
    Variant("little dropout after the convolutions", conv_dropout=0.1),
    Variant("no dropout, width 128, rate 0.05", conv_dropout=0.0, fc_dropout=0.0, width=128, rate=0.05),
    Variant("learns most", conv_dropout=0.1, fc_dropout=0.25, width=128, rate=0.05, epochs=3),
    Variant("Adam", conv_dropout=0.1, fc_dropout=0.25, width=128, rate=0.001, is_adam=True),
)


class Net(nn.Module):
    """The lab's network in one of its variants, for (N, 1, 28, 28) images."""

    def __init__(self, network: tuple[int, int, int, int], variant: Variant) -> None:
        super().__init__()
        first, second, side1, side2 = network
        padding = (side1 // 2, side2 // 2) if variant.is_padded else (0, 0)
        self.pool = nn.MaxPool2d(2) if variant.is_pooled else nn.Identity()
        self.conv1 = nn.Conv2d(1, first, side1, padding=padding[0])
        self.conv2 = nn.Conv2d(first, second, side2, padding=padding[1])
        self.conv_dropout = nn.Dropout2d(variant.conv_dropout)
        self.fc_dropout = nn.Dropout(variant.fc_dropout)
        with torch.no_grad():
            features = self.features(torch.zeros(1, 1, 28, 28)).shape[1]
        self.fc1 = nn.Linear(features, variant.width)
        self.fc2 = nn.Linear(variant.width, 10)

    def features(self, x: torch.Tensor) -> torch.Tensor:
        """Turn images into (N, features) values for the fully connected layers."""
        x = F.relu(self.pool(self.conv1(x)))
        x = F.relu(self.pool(self.conv_dropout(self.conv2(x))))
        return torch.flatten(x, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn images into (N, 10) log-probabilities."""
        return F.log_softmax(self.fc2(self.fc_dropout(F.relu(self.fc1(self.features(x))))), dim=1)


@dataclass(frozen=True, eq=False)
class Images:
    """Normalised images (n, 1, 28, 28) and their digits (n,)."""

    images: torch.Tensor
    digits: torch.Tensor


def images_of(data: DataSet) -> tuple[Images, Images]:
    """The training and the test images."""
    images = (data.train_images, data.heldout_images)
    train, test = (torch.tensor(pixels).float().div(255).unsqueeze(1) for pixels in images)
    deviation, mean = torch.std_mean(train)
    train_digits, test_digits = (torch.tensor(labels).long() for labels in (data.train_labels, data.heldout_labels))
    return Images((train - mean) / deviation, train_digits), Images((test - mean) / deviation, test_digits)


def spread(images: Images, count: int) -> Images:
    """``count`` of the images, spread evenly over all."""
    places = torch.arange(count) * len(images.digits) // count
    return Images(images.images[places], images.digits[places])


@torch.no_grad()
def accuracy_of(net: nn.Module, images: Images) -> float:
    """The accuracy (0..1)."""
    net.eval()
    batches = zip(torch.split(images.images, 500), torch.split(images.digits, 500), strict=True)
    return sum(int((net(some).argmax(dim=1) == digits).sum()) for some, digits in batches) / len(images.digits)


def train(
    network: tuple[int, int, int, int], variant: Variant, seed: int, train: Images, test: Images, *, steps: int | None
) -> list[float]:
    """The accuracy on ``test`` after each epoch, or only after ``steps`` steps."""
    torch.manual_seed(seed)
    net = Net(network, variant)
    optimizer: torch.optim.Optimizer = (
        torch.optim.Adam(net.parameters(), variant.rate)
        if variant.is_adam
        else torch.optim.SGD(net.parameters(), variant.rate, momentum=variant.momentum)
    )
    order = torch.Generator().manual_seed(seed)
    accuracies = []
    for _ in range(1 if steps else variant.epochs):
        net.train()
        for batch in torch.split(torch.randperm(len(train.digits), generator=order), variant.batch_size)[:steps]:
            optimizer.zero_grad()
            loss = F.nll_loss(net(train.images[batch]), train.digits[batch])
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
        accuracies.append(accuracy_of(net, test))
    return accuracies


def log_odds(share: float) -> float:
    """The log-odds of an accuracy between 0 and 1."""
    return math.log(share / (1 - share))


def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line for each network, variant and epoch."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default="mnist", help="as for grade (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="only variants whose name contains this")
    parser.add_argument("--networks", type=int, default=len(NETWORKS), help="only the first N networks")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    data = resolve_data(args.data, environment=os.environ, cache=user_cache(os.environ), download=None)
    training, test = images_of(data)
    print("| network | variant | epochs | brief | accuracy | distance | allowed | inside |")
    print("|---|---|--:|--:|--:|--:|--:|---|")
    for network in NETWORKS[: args.networks]:
        (brief,) = train(network, REFERENCE, args.seed, training, spread(test, HELDOUT), steps=BRIEF_STEPS)
        for variant in (variant for variant in VARIANTS if args.only in variant.name):
            for epoch, accuracy in enumerate(train(network, variant, args.seed, training, test, steps=None), start=1):
                low, high = plausible(brief, epochs=epoch)
                sides = [log_odds(bound) - log_odds(brief) for bound in (low, high)]
                print(
                    f"| {network} | {variant.name} | {epoch} | {brief:.3f} | {accuracy:.4f} "
                    f"| {log_odds(accuracy) - log_odds(brief):+.2f} | {sides[0]:+.2f} to {sides[1]:+.2f} "
                    f"| {'yes' if low <= accuracy <= high else 'NO'} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
