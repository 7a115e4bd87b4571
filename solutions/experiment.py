"""Lab 4, the experiment: how channels and kernel sizes decide what the network of task 1 learns.

Run it with ``python solutions/experiment.py``; ``--help`` lists the options. It trains one network for each choice of
channels and kernels. In the folder ``--out`` it keeps experiments.csv (a table like the one that students hand in),
experiments.svg (the drawing of it) and runs.csv (every single run). Stopped and started again, it goes on where it was.
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
"""Fewer of them teach a network too little to compare."""
COLUMNS = ("channels1", "channels2", "kernel1", "kernel2", "epochs", "accuracy", "seconds")
"""Of experiments.csv, as in the students' template."""
Advance = Callable[[], None]


class Net(nn.Module):
    """The network of task 1 with padding, so that every kernel fits and 7 x 7 pixels are left at the end."""

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
        """What the time of a run goes with: multiplications for one image, and as many as would take the rest's time.

        The rest, each value between the layers and each call, was weighed by twelve networks on one core of a CPU.
        """
        first = self.channels1 * (self.kernel1 * SIDE) ** 2
        second = self.channels1 * self.channels2 * (self.kernel2 * SIDE // 2) ** 2
        values = SIDE**2 * (self.channels1 + self.channels2 / 4)
        return round(first + second + 100 * values + 1_000_000)


@dataclass(frozen=True)
class Run:
    """One line of runs.csv: the accuracy (0..1) on the test images of one network after so many epochs.

    ``seconds`` are those of training and testing. ``steps`` is 0 for whole epochs, else the batches of a shortened one.
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
        """The mean of ``runs``, which are of that configuration and length."""
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
    """Read ``10x20``, or raise argparse's error with a sentence that helps."""
    found = re.fullmatch(r"(\d+)[x×](\d+)", text.strip().lower(), re.ASCII)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} should be two whole numbers with an x between them, such as 10x20")
    return int(found[1]), int(found[2])


def channels(text: str) -> tuple[int, int]:
    """Two numbers of channels."""
    first, second = pair(text)
    if not (1 <= first <= MOST_CHANNELS and 1 <= second <= MOST_CHANNELS):
        raise argparse.ArgumentTypeError(f"{text}: a convolution has from 1 to {MOST_CHANNELS} channels here")
    return first, second


def kernels(text: str) -> tuple[int, int]:
    """Two kernel sizes, one for each convolution."""
    first, second = pair(text)
    if not (1 <= first <= SIDE and 1 <= second <= SIDE):
        raise argparse.ArgumentTypeError(f"{text}: a kernel has from 1 to {SIDE} pixels, as the images have {SIDE}")
    return first, second


def count(text: str) -> int:
    """A whole number from 1."""
    if not re.fullmatch(r"\d+", text, re.ASCII) or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number from 1")
    return int(text)


def parse_arguments(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the options; what makes no sense ends with a sentence about it."""
    parser = argparse.ArgumentParser(
        description="Train the network of task 1 with several numbers of channels and kernel sizes on MNIST.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--channels", type=channels, nargs="+", default=["5x10", "10x20", "20x40"], metavar="AxB", help="of both convs")
    add("--kernels", type=kernels, nargs="+", default=["3x3", "5x5", "7x7"], metavar="AxB", help="of both convs")
    add("--epochs", type=count, nargs="+", default=[1], metavar="N", help="passes over the images; each gives a line")
    add("--seeds", type=count, default=1, metavar="N", help="runs of each network; the table has their mean")
    add("--steps", type=count, metavar="N", help="cut each epoch to N batches, for a quick look")
    add("--data", metavar="DIR", help="folder of MNIST, or the word digits; else LAB4_DATA, or a download")
    add("--out", type=Path, default=Path("experiment"), metavar="DIR", help="where the results are kept")
    add("--device", choices=("auto", "cpu", "cuda", "mps"), default="auto", help="auto prefers a GPU")
    add("--surface", type=Path, metavar="FILE", help="write means, spreads and numbers of runs there as well")
    args = parser.parse_args(arguments)
    # argparse converts a default only where it is one string.
    args.channels = [channels(one) if isinstance(one, str) else one for one in args.channels]
    args.kernels = [kernels(one) if isinstance(one, str) else one for one in args.kernels]
    args.epochs = sorted(set(args.epochs))
    if args.device != "cpu":
        found = devices()
        if args.device not in ("auto", *found):
            parser.error(f"argument --device: {args.device} is not to be had here, but {' and '.join(found)}")
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
    """Normalise by the mean and the standard deviation of the training pixels, and copy to the device, once."""
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
    """Train ``net`` on one batch after the other, and call ``advance`` after each."""
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
    """The runs that are wanted and those that are there, in a folder that always holds the results so far."""

    def __init__(self, args: argparse.Namespace, data: DataSet) -> None:
        self.args, self.data = args, data
        self.steps: int = args.steps or 0
        pairs = itertools.product(dict.fromkeys(args.channels), dict.fromkeys(args.kernels))
        self.configurations = [Configuration(*sizes, *sides) for sizes, sides in pairs]
        self.record = args.out / "runs.csv"
        self.runs = read_runs(self.record)

    @property
    def missing(self) -> list[tuple[Configuration, int]]:
        """Configurations and seeds that still have to be trained; all configurations come under one seed first."""
        wanted = [(one, seed) for seed in range(1, self.args.seeds + 1) for one in self.configurations]
        return [(one, seed) for one, seed in wanted if not self._epochs_of(one, seed) >= set(self.args.epochs)]

    def _epochs_of(self, configuration: Configuration, seed: int) -> set[int]:
        return {run.epochs for run in self._ours() if (run.configuration, run.seed) == (configuration, seed)}

    def _ours(self) -> list[Run]:
        """Runs on the same data and for the same length: others in the folder are kept and not used."""
        return [run for run in self.runs if (run.data, run.steps) == (self.data.name, self.steps)]

    def add(self, runs: Sequence[Run]) -> None:
        """Keep ``runs`` and write everything anew; each file is replaced in one step."""
        self.runs += [run for run in runs if run.epochs not in self._epochs_of(run.configuration, run.seed)]
        names = [field.name for field in fields(Run)]
        write_file(self.record, csv_of(names, [astuple(run) for run in self.runs]))
        self.write_results()

    @property
    def results(self) -> list[Result]:
        """What the folder holds on these images, asked for in this run or an earlier one, smallest networks first."""
        runs = sorted(self._ours(), key=lambda run: (astuple(run.configuration), run.epochs, run.seed))
        grouped = itertools.groupby(runs, key=lambda run: (run.configuration, run.epochs))
        return [Result.of(one, epochs, list(some)) for (one, epochs), some in grouped]

    def write_results(self) -> None:
        """Write experiments.csv, experiments.svg and what ``--surface`` names."""
        rows = [one.row for one in self.results]
        write_file(self.args.out / "experiments.csv", csv_of(COLUMNS, rows))
        reference = reference_surface().trials if self.data.name == "mnist" else ()
        chart = experiment_chart([Trial(*row) for row in rows], reference)
        if chart is not None:
            write_file(self.args.out / "experiments.svg", standalone_svg(chart).encode())
        if self.args.surface is not None:
            more = [(*one.row, one.spread, len(one.accuracies)) for one in self.results]
            write_file(self.args.surface, csv_of((*COLUMNS, "spread", "runs"), more))


def read_runs(path: Path) -> list[Run]:
    """The runs of an earlier sweep; none when there was none. Raises UsageFault for another file of that name."""
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            kinds = {field.name: field.type for field in fields(Run)}
            return [Run(**{name: kinds[name](cell) for name, cell in row.items()}) for row in csv.DictReader(stream)]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageFault(f"{path} is no record of this script. Move it away, or name another --out.") from error


def csv_of(names: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """A table with a header."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue().encode()


def train_one(one: Configuration, seed: int, images: Images, sweep: Sweep, advance: Advance) -> list[Run]:
    """Train one network under one seed; a run for each of the epochs that were asked for."""
    args, runs = sweep.args, []
    torch.manual_seed(seed)
    net = Net(*astuple(one)).to(args.device)
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    order = torch.Generator().manual_seed(seed)
    start = time.perf_counter()
    for epoch in range(1, args.epochs[-1] + 1):
        picks = torch.randperm(len(images.train), generator=order).to(args.device).split(BATCH_SIZE)
        train_epoch(net, optimizer, images, picks[: args.steps], advance)
        if epoch in args.epochs:
            accuracy = accuracy_of(net, images)
            seconds = round(time.perf_counter() - start, 1)
            runs.append(Run(*astuple(one), epoch, accuracy, seconds, seed, sweep.data.name, sweep.steps))
    return runs


def train_missing(sweep: Sweep, images: Images, console: Console) -> None:
    """Train what is missing, with a bar whose time left goes by the work of each network."""
    missing = sweep.missing
    batches = min(-(-len(images.train) // BATCH_SIZE), sweep.steps or sys.maxsize) * sweep.args.epochs[-1]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        TimeRemainingColumn(),
        TextColumn("{task.fields[last]}"),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=batches * sum(one.work for one, _ in missing), last="")
        for number, (one, seed) in enumerate(missing, start=1):
            progress.update(bar, description=f"{number}/{len(missing)}  {one}")
            runs = train_one(one, seed, images, sweep, functools.partial(progress.advance, bar, one.work))
            sweep.add(runs)
            progress.update(bar, last=f"last {100 * runs[-1].accuracy:.2f} %")


def table_of(results: Sequence[Result]) -> Table:
    """The results for the console, the best of them marked by a star."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("channels", "kernels", "parameters", "epochs", "accuracy", "spread", "runs", "seconds"):
        table.add_column(name, justify="right", no_wrap=True)
    best = max(result.accuracy for result in results)
    for result in results:
        one = result.configuration
        table.add_row(
            f"{one.channels1}x{one.channels2}",
            f"{one.kernel1}x{one.kernel2}",
            f"{sum(weights.numel() for weights in Net(*astuple(one)).parameters()):,}",
            str(result.epochs),
            f"{'* ' if result.accuracy == best else ''}{100 * result.accuracy:.2f} %",
            f"{100 * result.spread:.2f}" if len(result.accuracies) > 1 else "",
            str(len(result.accuracies)),
            f"{result.seconds:.1f}",
        )
    return table


def tell_what_differs(sweep: Sweep, console: Console) -> None:
    """Say what makes these figures other than those of whole epochs on MNIST, and what is there already."""
    if sweep.data.note:
        console.print(f"[bold]Please note.[/bold] {sweep.data.note}")
    batches = -(-len(sweep.data.train_images) // BATCH_SIZE)
    if batches * sweep.args.epochs[-1] < LEAST_BATCHES:
        console.print(f"An epoch has {batches} batches only, so networks learn little; more --epochs show more.")
    if sweep.steps:
        console.print(f"Each epoch is cut to {sweep.steps} batches, so accuracies are lower than usual.")
    wanted = len(sweep.configurations) * sweep.args.seeds
    if len(sweep.missing) < wanted:
        console.print(f"{wanted - len(sweep.missing)} of {wanted} runs are there already.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the sweep; return the exit code."""
    args = parse_arguments(arguments)
    console = Console(width=min(80, Console().width))
    try:
        download = download_with_torchvision
        data = resolve_data(args.data, environment=os.environ, cache=user_cache(os.environ), download=download)
        args.out.mkdir(parents=True, exist_ok=True)
        sweep = Sweep(args, data)
        tell_what_differs(sweep, console)
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
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
