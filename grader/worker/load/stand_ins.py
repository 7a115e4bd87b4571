"""Stand-ins for data sets, training, plots, the command line and the keyboard, in place while a script is loaded."""

from __future__ import annotations

import argparse
import builtins
import contextlib
import functools
import importlib
import importlib.util
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from types import FrameType, ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

LAB_DEFAULTS: dict[str, object] = {
    "batch_size": 64,
    "test_batch_size": 1000,
    "epochs": 10,
    "lr": 0.01,
    "momentum": 0.5,
    "no_cuda": False,
    "no_mps": False,
    "no_accel": False,
    "seed": 1,
    "log_interval": 100,
    "cuda": False,
    "save_model": False,
    "dry_run": False,
}
"""Defaults of the lab script's command-line arguments, including those of later versions of the PyTorch example."""
_ABSENT = object()
_Change = tuple[Any, str, object]


class StatementTimeout(BaseException):
    """A statement took longer than loading allows."""


@contextlib.contextmanager
def replaced(changes: Sequence[_Change]) -> Iterator[None]:
    """Set attributes, each given as (owner, name, value); restore the old values afterwards."""
    before: list[_Change] = []
    try:
        for owner, name, value in changes:
            before.append((owner, name, vars(owner).get(name, _ABSENT)))
            setattr(owner, name, value)
        yield
    finally:
        for owner, name, value in reversed(before):
            if value is _ABSENT:
                with contextlib.suppress(AttributeError):
                    delattr(owner, name)
            else:
                setattr(owner, name, value)


def _answering(answer: object, real: Callable[..., Any]) -> Callable[..., object]:
    """A stand-in for ``real`` that always returns ``answer``. It wraps ``real`` for torch's compiler."""

    @functools.wraps(real)
    def stand_in(*_: object, **__: object) -> object:
        return answer

    return stand_in


@contextlib.contextmanager
def cpu_only() -> Iterator[None]:
    """Inside this context, PyTorch reports that it has no GPU."""
    changes: list[_Change] = [
        (torch.cuda, "is_available", _answering(False, torch.cuda.is_available)),
        (torch.cuda, "device_count", _answering(0, torch.cuda.device_count)),
        (torch.backends.mps, "is_available", _answering(False, torch.backends.mps.is_available)),
    ]
    for name in ("xpu", "accelerator"):
        if hasattr(torch, name):
            owner = getattr(torch, name)
            changes.append((owner, "is_available", _answering(False, owner.is_available)))
    if hasattr(torch, "accelerator"):
        for name, answer in (("current_accelerator", None), ("device_count", 0)):
            changes.append((torch.accelerator, name, _answering(answer, getattr(torch.accelerator, name))))
    with replaced(changes):
        yield


@contextlib.contextmanager
def loading(remark: Callable[[str, str], None]) -> Iterator[None]:
    """Inside this context, a script cannot read the command line, data sets or the keyboard, train, or end the process.

    ``remark`` is called with the id and the message of a remark for the tutor.
    """
    os.environ.setdefault("MPLBACKEND", "Agg")  # no plot windows
    parse = argparse.ArgumentParser.parse_known_args

    def parse_known_args(
        self: argparse.ArgumentParser, args: Any = None, namespace: Any = None, **kwargs: Any
    ) -> tuple[Any, list[str]]:
        try:
            return parse(self, [] if args is None else args, namespace, **kwargs)
        except (SystemExit, argparse.ArgumentError):
            remark(
                "args-defaults",
                "The script requires command-line arguments; the grader used its defaults and those of the lab script.",
            )
            return defaults_of(self), []

    changes: list[_Change] = [
        (argparse.ArgumentParser, "parse_known_args", parse_known_args),
        (builtins, "input", _no_input),
        (os, "_exit", _exit),
        (nn.Module, "cuda", lambda self, *_, **__: self),
        (Tensor, "cuda", lambda self, *_, **__: self),
        (Tensor, "backward", lambda self, *_, **__: None),
        (DataLoader, "__iter__", _one_batch),
        *((kind, "step", lambda self, *_, **__: None) for kind in _optimizers(torch.optim.Optimizer)),
        *_dataset_changes(),
    ]
    with cpu_only(), replaced(changes), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def defaults_of(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """All arguments of a parser with their defaults, or with the lab's, for a script that requires a command line."""
    values: dict[str, object] = {}
    for action in parser._actions:
        if action.dest in ("help", argparse.SUPPRESS) or action.default is argparse.SUPPRESS:
            continue
        value = action.default if action.default is not None else LAB_DEFAULTS.get(action.dest)
        values[action.dest] = parser._get_value(action, value) if isinstance(value, str) else value
    return argparse.Namespace(**{**parser._defaults, **values})


def usual_value(name: str) -> object:
    """A stand-in for a name that the script binds only inside functions."""
    if name in ("args", "opt"):
        return argparse.Namespace(**LAB_DEFAULTS)
    if name == "device":
        return torch.device("cpu")
    return False if name == "use_cuda" else LAB_DEFAULTS["lr" if name == "learning_rate" else name]


def _no_input(*_: object) -> str:
    raise EOFError("input() is not available during grading")


def _exit(*_: object) -> None:
    raise SystemExit


def _optimizers(kind: type[torch.optim.Optimizer]) -> Iterator[type[torch.optim.Optimizer]]:
    for subclass in kind.__subclasses__():
        if "step" in vars(subclass):
            yield subclass
        yield from _optimizers(subclass)


def _one_batch(self: DataLoader[Any]) -> Iterator[Any]:
    """Yield at most one small batch, made without worker processes; nothing if the data set cannot give it."""
    try:
        count = min(4, self.batch_size or 1, len(self.dataset))  # type: ignore[arg-type]
        batch = self.collate_fn([self.dataset[index] for index in range(count)])
    except Exception:  # protects the loop: a script's own transform may fail on the stand-in images
        return
    yield batch


class StandInDataset(Dataset[Any]):
    """A few blank images with a data set's usual attributes; touches neither disk nor network."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        positional = dict(zip(("root", "train", "transform", "target_transform", "download"), args, strict=False))
        given = {**positional, **kwargs}
        self.root = str(given.get("root", ""))
        self.train = bool(given.get("train", True))
        self.transform = given.get("transform")
        self.target_transform = given.get("target_transform")
        in_colour = type(self).__name__.startswith(("CIFAR", "SVHN", "STL"))
        self.data = torch.zeros((64, 32, 32, 3) if in_colour else (64, 28, 28), dtype=torch.uint8)
        self.targets = torch.arange(64) % 10
        self.classes = [str(digit) for digit in range(10)]
        self.class_to_idx = {name: index for index, name in enumerate(self.classes)}
        self.train_data = self.test_data = self.data
        self.train_labels = self.test_labels = self.labels = self.targets

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        from PIL import Image

        image: Any = Image.fromarray(self.data[index].numpy())
        target: Any = int(self.targets[index])
        image = self.transform(image) if self.transform is not None else image
        return image, self.target_transform(target) if self.target_transform is not None else target


def _dataset_changes() -> list[_Change]:
    """Stand-ins for torchvision's data sets, in every torchvision module that has been imported."""
    changes: list[_Change] = []
    made: dict[str, type] = {}
    for place in [name for name in sys.modules if name.startswith("torchvision.datasets")]:
        module = sys.modules[place]
        for name, value in list(vars(module).items()):
            if not (isinstance(value, type) and issubclass(value, Dataset)) or value is Dataset:
                continue
            if not value.__module__.startswith("torchvision.datasets") or name in {"VisionDataset", "FakeData"}:
                continue
            stand_in = made.setdefault(name, type(name, (StandInDataset,), {"__module__": value.__module__}))
            changes.append((module, name, stand_in))
    return changes


def import_datasets() -> None:
    """Import torchvision's data sets, if it is installed, so that :func:`loading` can replace them by stand-ins."""
    with contextlib.suppress(Exception):  # protects the load stage: torchvision may be missing or broken
        if importlib.util.find_spec("torchvision") is not None:
            importlib.import_module("torchvision.datasets")


class Permissive(ModuleType):
    """A stand-in for a package that is not installed: every attribute, call and item returns the object itself."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *args: Any, **_: Any) -> Any:
        """Hand back what was given, as tqdm(loader) and decorators do, or be what the call returns."""
        return args[0] if len(args) == 1 and (callable(args[0]) or hasattr(args[0], "__iter__")) else self

    def __getitem__(self, _: object) -> Any:
        return self

    def __setitem__(self, _: object, __: object) -> None: ...

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None: ...


@contextlib.contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise :class:`StatementTimeout` after ``seconds``, repeatedly. Without SIGALRM this does nothing."""
    if threading.current_thread() is not threading.main_thread() or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(_: int, __: FrameType | None) -> None:
        raise StatementTimeout(f"took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, 0.2)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
