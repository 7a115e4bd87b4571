"""The four MNIST files on disk: finding them, checking them against known checksums, reading them."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.data.dataset import DataSet
from grader.data.idx import parse_images, parse_labels


@dataclass(frozen=True)
class RawFile:
    """The expected properties of one unpacked file: its name in ``MNIST/raw``, its size in bytes, its SHA-256."""

    name: str
    size: int
    sha256: str


MNIST = (
    RawFile("train-images-idx3-ubyte", 47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    RawFile("train-labels-idx1-ubyte", 60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    RawFile("t10k-images-idx3-ubyte", 7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    RawFile("t10k-labels-idx1-ubyte", 10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
)
"""Training images and labels, then held-out images and labels."""

Catalogue = tuple[RawFile, RawFile, RawFile, RawFile]


@dataclass(frozen=True)
class Damage:
    """What is wrong with one file. ``path`` is None if it is missing; ``message`` gives its name and size."""

    path: Path | None
    message: str


@dataclass(frozen=True)
class Reading:
    """The result of reading one folder: the content of good files by name, and what is wrong with the others."""

    contents: Mapping[str, bytes]
    damages: tuple[Damage, ...]

    @property
    def is_complete(self) -> bool:
        """Whether every file was there and undamaged."""
        return not self.damages


def raw_folder(folder: Path, catalogue: Catalogue) -> Path | None:
    """The place with most of the files: ``folder``, its ``raw`` or its ``MNIST/raw``; None if no file is there."""

    def files_in(place: Path) -> int:
        return sum(_present(place, file) is not None for file in catalogue)

    best = max((folder, folder / "raw", folder / "MNIST" / "raw"), key=files_in)
    return best if files_in(best) else None


def read_raw(folder: Path, catalogue: Catalogue) -> Reading:
    """Read all files, unpacked or ``.gz``, and check the size and SHA-256 of their content. Raises nothing."""
    contents: dict[str, bytes] = {}
    damages: list[Damage] = []
    for file in catalogue:
        outcome = _read(folder, file)
        if isinstance(outcome, Damage):
            damages.append(outcome)
        else:
            contents[file.name] = outcome
    return Reading(contents, tuple(damages))


def data_set(contents: Mapping[str, bytes], catalogue: Catalogue) -> DataSet:
    """The content of the files as a data set. Raises :class:`ValueError` if a file is not valid IDX."""
    train_images, train_labels, heldout_images, heldout_labels = (contents[file.name] for file in catalogue)
    data = DataSet(
        name="mnist",
        train_images=parse_images(train_images),
        train_labels=parse_labels(train_labels),
        heldout_images=parse_images(heldout_images),
        heldout_labels=parse_labels(heldout_labels),
        # Hashing the digests of the files instead of their content saves hashing 55 MB a second time.
        fingerprint=hashlib.sha256("".join(file.sha256 for file in catalogue).encode()).hexdigest()[:12],
    )
    for images, labels in ((data.train_images, data.train_labels), (data.heldout_images, data.heldout_labels)):
        if len(images) != len(labels):
            raise ValueError(f"there are {len(images)} images but {len(labels)} labels")
    return data


def _present(folder: Path, file: RawFile) -> Path | None:
    # Some sites serve the files as train-images.idx3-ubyte.
    dotted = file.name.replace("-idx", ".idx")
    names = (file.name, dotted, f"{file.name}.gz", f"{dotted}.gz")
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _read(folder: Path, file: RawFile) -> bytes | Damage:
    path = _present(folder, file)
    if path is None:
        return Damage(None, f"{file.name} is missing (0 bytes found, {file.size:,} expected)")
    try:
        size = path.stat().st_size
        content, is_whole = _unpacked(path, file.size) if path.suffix == ".gz" else (path.read_bytes(), True)
    except OSError as error:
        return Damage(path, f"{path.name} cannot be read ({error.strerror or error})")
    what = f"{path.name} unpacks to" if path.suffix == ".gz" else f"{path.name} has"
    if not is_whole:
        return Damage(
            path,
            f"{path.name} ({size:,} bytes) is damaged or incomplete: "
            f"{len(content):,} bytes could be unpacked, {file.size:,} expected",
        )
    if len(content) < file.size:
        return Damage(
            path,
            f"{what} too few bytes, as after an incomplete download: {len(content):,} found, {file.size:,} expected",
        )
    if len(content) > file.size:
        found = f"more than {file.size:,}" if path.suffix == ".gz" else f"{len(content):,}"
        return Damage(path, f"{what} too many bytes: {found} found, {file.size:,} expected")
    digest = hashlib.sha256(content).hexdigest()
    if digest != file.sha256:
        return Damage(
            path,
            f"{what} the expected {file.size:,} bytes, but not the content of MNIST "
            f"(SHA-256 {digest[:12]}... found, {file.sha256[:12]}... expected)",
        )
    return content


def _unpacked(path: Path, expected: int) -> tuple[bytes, bool]:
    """What can be unpacked of a .gz file, at most ``expected`` + 1 bytes, and whether that worked without errors."""
    content = bytearray()
    try:
        with gzip.open(path) as stream:
            while len(content) <= expected and (chunk := stream.read(min(1 << 20, expected + 1 - len(content)))):
                content += chunk
    except (EOFError, gzip.BadGzipFile, zlib.error):
        return bytes(content), False
    return bytes(content), True
