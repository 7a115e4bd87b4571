"""Lab 4, the experiment: trains the network of task 1 with several numbers of channels and kernel sizes.

Run it with ``python solutions/experiment.py``; ``--help`` lists the options. It trains one network for each choice of
channels and kernels. The folder ``--out`` gets experiments.csv (a table like the students' own), experiments.svg (its
chart) and runs.csv (every single run). When you stop it and start it again, it continues where it stopped.
"""

import argparse
import csv
import functools
import io
import itertools
import os
import re
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import torch
import torch.nn.functional as F
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from torch import nn

from grader.data import DataSet, download_with_torchvision, resolve_data, user_cache
from grader.experiment.reference_surface import reference_surface
from grader.model import UsageFault
from grader.model.experiment import Trial
from grader.model.images import SIDE
from grader.report.html.experiment_chart import experiment_chart, standalone_svg
from grader.storage.json_files import write_file
from grader.worker.devices import devices

BATCH_SIZE, LEARNING_RATE, MOMENTUM = 64, 0.01, 0.9
MOST_CHANNELS = 1024
TEST_BATCH = 1000
LEAST_BATCHES = 300
"""With fewer batches, networks learn too little to be compared."""
COLUMNS = ("channels1", "channels2", "kernel1", "kernel2", "epochs", "accuracy", "seconds")
"""The columns of experiments.csv, as in the students' template."""
Advance = Callable[[], None]


class Net(nn.Module):
    """The network of task 1 with padding, so that every kernel size fits and the last maps have 7 x 7 pixels."""

    def __init__(self, channels1: int, channels2: int, kernel1: int, kernel2: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, channels1, kernel1, padding=kernel1 // 2)
        self.conv2 = nn.Conv2d(channels1, channels2, kernel2, padding=kernel2 // 2)
        self.conv_dropout = nn.Dropout2d(0.5)
        self.fc1 = nn.Linear(channels2 * 7 * 7, 50)
        self.fc_dropout = nn.Dropout(0.5)
        self.fc2 = nn.Linear(50, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Turn (N, 1, 28, 28) images into (N, 10) log-probabilities, one for each digit."""
        x = F.relu(F.max_pool2d(self.conv1(x), 2))  # (N, channels1, 14, 14)
        x = F.relu(F.max_pool2d(self.conv_dropout(self.conv2(x)), 2))  # (N, channels2, 7, 7)
        x = torch.flatten(x, 1)
        x = self.fc_dropout(F.relu(self.fc1(x)))
        return F.log_softmax(self.fc2(x), dim=1)


@dataclass(frozen=True)
class Configuration:
    """What is varied: the channels and the kernel sizes of both convolutions."""

    channels1: int
    channels2: int
    kernel1: int
    kernel2: int

    def __str__(self) -> str:
        return f"{self.channels1}x{self.channels2} channels, {self.kernel1}x{self.kernel2} kernels"

    @property
    def work(self) -> int:
        """The relative time of a run: multiplications per image, plus overhead in units of multiplications.

        The overhead, per value between the layers and per call, was fitted to twelve networks on one CPU core.
        """
        first = self.channels1 * (self.kernel1 * SIDE) ** 2
        second = self.channels1 * self.channels2 * (self.kernel2 * SIDE // 2) ** 2
        values = SIDE**2 * (self.channels1 + self.channels2 / 4)
        return round(first + second + 100 * values + 1_000_000)


@dataclass(frozen=True)
class Run:
    """One line of runs.csv: a network's accuracy (0..1) on the test images after ``epochs``.

    ``seconds`` include training and testing. ``steps`` is 0 for whole epochs, else the batches of a shortened epoch.
    """

    channels1: int
    channels2: int
    kernel1: int
    kernel2: int
    epochs: int
    accuracy: float
    seconds: float
    seed: int
    data: str
    steps: int

    @property
    def configuration(self) -> Configuration:
        """Channels and kernel sizes of this row."""
        return Configuration(self.channels1, self.channels2, self.kernel1, self.kernel2)


@dataclass(frozen=True)
class Result:
    """All runs of one configuration at one number of epochs, under different seeds."""

    configuration: Configuration
    epochs: int
    accuracies: tuple[float, ...]
    seconds: float

    @classmethod
    def of(cls, configuration: Configuration, epochs: int, runs: Sequence[Run]) -> "Result":
        """The result of ``runs``, which all have that configuration and length."""
        seconds = statistics.fmean(run.seconds for run in runs)
        return cls(configuration, epochs, tuple(run.accuracy for run in runs), round(seconds, 1))

    @property
    def accuracy(self) -> float:
        """Mean over the seeds, to four places."""
        return round(statistics.fmean(self.accuracies), 4)

    @property
    def spread(self) -> float:
        """The standard deviation between seeds; 0 for one run."""
        return round(statistics.stdev(self.accuracies), 4) if len(self.accuracies) > 1 else 0.0

    @property
    def row(self) -> tuple[int | float, ...]:
        """The columns of experiments.csv."""
        return (*astuple(self.configuration), self.epochs, self.accuracy, self.seconds)


def pair(text: str) -> tuple[int, int]:
    """Read ``10x20``. Raises argparse's error with a sentence that says what to write."""
    found = re.fullmatch(r"(\d+)[x×](\d+)", text.strip().lower(), re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} should be two whole numbers with an x between them, such as 10x20")
    return int(found[1]), int(found[2])


def channels(text: str) -> tuple[int, int]:
    """Two numbers of channels."""
    first, second = pair(text)
    if not (1 <= first <= MOST_CHANNELS and 1 <= second <= MOST_CHANNELS):
        raise argparse.ArgumentTypeError(f"{text}: a convolution can have 1 to {MOST_CHANNELS} channels here")
    return first, second


def kernels(text: str) -> tuple[int, int]:
    """Two kernel sizes, one for each convolution."""
    first, second = pair(text)
    if not (1 <= first <= SIDE and 1 <= second <= SIDE):
        raise argparse.ArgumentTypeError(f"{text}: a kernel can have 1 to {SIDE} pixels, because images have {SIDE}")
    return first, second


def count(text: str) -> int:
    """A whole number, at least 1."""
    if not re.fullmatch(r"\d+", text, re.ASCII) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number from 1")
    return int(text)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options; exits with a sentence about a wrong one."""
    parser = argparse.ArgumentParser(
        description="Train the network of task 1 with several numbers of channels and kernel sizes on MNIST.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--channels", type=channels, nargs="+", default=["5x10", "10x20", "20x40"], metavar="AxB", help="of both convs")
    add("--kernels", type=kernels, nargs="+", default=["3x3", "5x5", "7x7"], metavar="AxB", help="of both convs")
    add("--epochs", type=count, nargs="+", default=[1], metavar="N", help="numbers of epochs; each gives a line")
    add("--seeds", type=count, default=1, metavar="N", help="runs per network; the table has their mean")
    add("--steps", type=count, metavar="N", help="shorten each epoch to N batches, for a quick look")
    add("--data", metavar="DIR", help="folder of MNIST, or the word mnist; default: LAB4_DATA, or 10,000 images")
    add("--out", type=Path, default=Path("experiment"), metavar="DIR", help="folder for the results")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="auto prefers a GPU")
    add("--surface", type=Path, metavar="FILE", help="also write means, spreads and numbers of runs to this file")
    args = parser.parse_args(arguments)
    # argparse converts a default only if it is a string, not a list of strings.
    args.channels = [channels(given) if isinstance(given, str) else given for given in args.channels]
    args.kernels = [kernels(given) if isinstance(given, str) else given for given in args.kernels]
    args.epochs = sorted(set(args.epochs))
    if args.device != "cpu":
        found = devices()
        if args.device not in ("auto", *found):
            parser.error(f"argument --device: {args.device} is not available here, but {' and '.join(found)}")
        args.device = found[0] if args.device == "auto" else args.device
    return args


@dataclass(frozen=True, eq=False)
class Images:
    """The data on the device: normalised images (n, 1, 28, 28) and their digits (n,)."""

    train: torch.Tensor
    train_digits: torch.Tensor
    test: torch.Tensor
    test_digits: torch.Tensor


def on_device(data: DataSet, device: str) -> Images:
    """Normalise by mean and standard deviation of the training pixels, and copy everything to the device."""
    train = torch.tensor(data.train_images).to(device).float().div_(255).unsqueeze(1)
    test = torch.tensor(data.heldout_images).to(device).float().div_(255).unsqueeze(1)
    deviation, mean = torch.std_mean(train)
    return Images(
        train.sub_(mean).div_(deviation),
        torch.tensor(data.train_labels).long().to(device),
        test.sub_(mean).div_(deviation),
        torch.tensor(data.heldout_labels).long().to(device),
    )


def train_epoch(
    net: nn.Module, optimizer: torch.optim.Optimizer, images: Images, picks: Sequence[torch.Tensor], advance: Advance
) -> None:
    """Train ``net`` on each batch in turn, and call ``advance`` after each."""
    net.train()  # dropout on
    for batch in picks:
        optimizer.zero_grad()
        loss = F.nll_loss(net(images.train[batch]), images.train_digits[batch])
        loss.backward()
        optimizer.step()
        advance()


@torch.no_grad()
def accuracy_of(net: nn.Module, images: Images) -> float:
    """The accuracy (0..1) of ``net`` on the test images."""
    net.eval()  # dropout off
    batches = zip(images.test.split(TEST_BATCH), images.test_digits.split(TEST_BATCH), strict=True)
    correct = sum(int((net(some).argmax(dim=1) == digits).sum()) for some, digits in batches)
    return correct / len(images.test)


class Sweep:
    """The runs that are wanted and the runs that are done, in a folder with the results so far."""

    def __init__(self, args: argparse.Namespace, data: DataSet) -> None:
        self.args, self.data = args, data
        self.steps: int = args.steps or 0
        pairs = itertools.product(dict.fromkeys(args.channels), dict.fromkeys(args.kernels))
        self.configurations = [Configuration(*sizes, *sides) for sizes, sides in pairs]
        self.record = args.out / "runs.csv"
        self.runs = read_runs(self.record)

    @property
    def missing(self) -> list[tuple[Configuration, int]]:
        """Configurations and seeds that are still to be trained; all configurations with the first seed come first."""
        wanted = [(network, seed) for seed in range(1, self.args.seeds + 1) for network in self.configurations]
        return [
            (network, seed) for network, seed in wanted if not self._epochs_of(network, seed) >= set(self.args.epochs)
        ]

    def _epochs_of(self, configuration: Configuration, seed: int) -> set[int]:
        return {run.epochs for run in self._ours() if (run.configuration, run.seed) == (configuration, seed)}

    def _ours(self) -> list[Run]:
        """The runs on the same data with the same steps; other runs stay in the folder but are not used."""
        return [run for run in self.runs if (run.data, run.steps) == (self.data.name, self.steps)]

    def add(self, runs: Sequence[Run]) -> None:
        """Add ``runs`` and write all files again; each file is replaced atomically."""
        self.runs += [run for run in runs if run.epochs not in self._epochs_of(run.configuration, run.seed)]
        names = [field.name for field in fields(Run)]
        write_file(self.record, csv_of(names, [astuple(run) for run in self.runs]))
        self.write_results()

    @property
    def results(self) -> list[Result]:
        """All results on these images, of this sweep and earlier ones, the smallest networks first."""
        runs = sorted(self._ours(), key=lambda run: (astuple(run.configuration), run.epochs, run.seed))
        grouped = itertools.groupby(runs, key=lambda run: (run.configuration, run.epochs))
        return [Result.of(network, epochs, list(group)) for (network, epochs), group in grouped]

    def write_results(self) -> None:
        """Write experiments.csv, experiments.svg and the file of ``--surface``."""
        rows = [result.row for result in self.results]
        write_file(self.args.out / "experiments.csv", csv_of(COLUMNS, rows))
        reference = reference_surface().trials if self.data.name == "mnist" else ()
        chart = experiment_chart([Trial(*row) for row in rows], reference)
        if chart is not None:
            write_file(self.args.out / "experiments.svg", standalone_svg(chart).encode())
        if self.args.surface is not None:
            more = [(*result.row, result.spread, len(result.accuracies)) for result in self.results]
            write_file(self.args.surface, csv_of((*COLUMNS, "spread", "runs"), more))


def read_runs(path: Path) -> list[Run]:
    """The runs of an earlier sweep, or none. Raises UsageFault for another kind of file with that name."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            kinds = {field.name: field.type for field in fields(Run)}
            return [Run(**{name: kinds[name](cell) for name, cell in row.items()}) for row in csv.DictReader(stream)]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageFault(f"{path} was not written by this script. Move it, or choose another --out.") from error


def csv_of(names: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """A table with a header."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue().encode()


def train_network(configuration: Configuration, seed: int, images: Images, sweep: Sweep, advance: Advance) -> list[Run]:
    """Train a network with a seed; returns a run for each wanted number of epochs."""
    args, runs = sweep.args, []
    torch.manual_seed(seed)
    net = Net(*astuple(configuration)).to(args.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    order = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    for epoch in range(1, args.epochs[-1] + 1):
        picks = torch.randperm(len(images.train), generator=order).to(args.device).split(BATCH_SIZE)
        train_epoch(net, optimizer, images, picks[: args.steps], advance)
        if epoch in args.epochs:
            accuracy = accuracy_of(net, images)
            seconds = round(time.perf_counter() - start, 1)
            runs.append(Run(*astuple(configuration), epoch, accuracy, seconds, seed, sweep.data.name, sweep.steps))
    return runs


def train_missing(sweep: Sweep, images: Images, console: Console) -> None:
    """Train the missing networks, with a progress bar that estimates the time left from each network's work."""
    missing = sweep.missing
    batches = min(-(-len(images.train) // BATCH_SIZE), sweep.steps or sys.maxsize) * sweep.args.epochs[-1]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=batches * sum(network.work for network, _ in missing), last="")
        for number, (network, seed) in enumerate(missing, start=1):
            progress.update(bar, description=f"{number}/{len(missing)}  {network}")
            advance = functools.partial(progress.advance, bar, network.work)
            runs = train_network(network, seed, images, sweep, advance)
            sweep.add(runs)
            progress.update(bar, last=f"last {100 * runs[-1].accuracy:.2f} %")


def table_of(results: Sequence[Result]) -> Table:
    """The results as a table for the console, with a star at the best."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("channels", "kernels", "parameters", "epochs", "accuracy", "spread", "runs", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    best = max(result.accuracy for result in results)
    for result in results:
        network = result.configuration
        table.add_row(
            f"{network.channels1}x{network.channels2}",
            f"{network.kernel1}x{network.kernel2}",
            f"{sum(weights.numel() for weights in Net(*astuple(network)).parameters()):,}",
            str(result.epochs),
            f"{'* ' if result.accuracy == best else ''}{100 * result.accuracy:.2f} %",
            f"{100 * result.spread:.2f}" if len(result.accuracies) > 1 else "",
            str(len(result.accuracies)),
            f"{result.seconds:.1f}",
        )
    return table


def print_notes(sweep: Sweep, console: Console) -> None:
    """Say how these figures differ from those of whole epochs on MNIST, and how many runs are already done."""
    batches = -(-len(sweep.data.train_images) // BATCH_SIZE)
    if batches * sweep.args.epochs[-1] < LEAST_BATCHES:
        console.print(f"An epoch has only {batches} batches; for more, try --epochs or --data mnist.")
    if sweep.steps:
        console.print(f"Each epoch is shortened to {sweep.steps} batches, so accuracies are lower than usual.")
    wanted = len(sweep.configurations) * sweep.args.seeds
    if len(sweep.missing) < wanted:
        console.print(f"{wanted - len(sweep.missing)} of {wanted} runs are already done.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sweep; return the exit code."""
    args = parse_arguments(arguments)
    console = Console(width=min(80, Console().width))
    try:
        download = download_with_torchvision
        data = resolve_data(args.data, environment=os.environ, cache=user_cache(os.environ), download=download)
        args.out.mkdir(parents=True, exist_ok=True)
        sweep = Sweep(args, data)
        print_notes(sweep, console)
        if sweep.missing:
            train_missing(sweep, on_device(data, args.device), console)
        sweep.write_results()
        console.print(table_of(sweep.results))
        console.print(f"Written to {args.out}: experiments.csv and experiments.svg.", soft_wrap=True)
    except UsageFault as fault:
        print(fault, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or args.out} cannot be used ({error.strerror or error}).", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to continue.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
