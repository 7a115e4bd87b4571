"""What the grader and its functions on a Dask worker say to each other, as bytes.

A message is a line of JSON; the reply of a measuring process follows it as it is. Nothing is pickled but these bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from grader.model import DataFiles

AUTO = "auto"
"""The best device of each machine."""


class Preparation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a worker must have, and what it opens, to measure for a run."""

    grader: str
    """The version."""
    code: str
    """A digest."""
    libraries: dict[str, str]
    """Their versions, Python's too."""
    device: str
    isolation: str
    """As after ``--isolation``."""
    data: DataFiles
    """With the SHA-256 of each file instead of its path."""
    nonce: str
    """Drawn by each grader, so that one that ends does not end the measurements of another one that wants the same."""

    @property
    def run(self) -> str:
        """What a request names, so that no worker measures with anything else."""
        return hashlib.sha256(_encoder.encode(self)).hexdigest()

    @property
    def checksums(self) -> tuple[str, ...]:
        """Of the files that a worker needs."""
        return self.data.train_images, self.data.train_labels, self.data.heldout_images


class Ready(msgspec.Struct, tag="ready", forbid_unknown_fields=True):
    """The worker can measure, and trains on this device.

    ``isolation`` is that of its measuring processes, as one sentence. ``process`` is drawn by the worker's process.
    """

    machine: str
    device: str
    isolation: str
    process: str


class Missing(msgspec.Struct, tag="missing", forbid_unknown_fields=True):
    """The worker's machine lacks the files with these checksums."""

    checksums: tuple[str, ...]


class Unfit(msgspec.Struct, tag="unfit", forbid_unknown_fields=True):
    """The worker cannot measure for this run: ``reason`` completes the sentence that begins with its name."""

    machine: str
    reason: str


class Measured(msgspec.Struct, tag="measured", forbid_unknown_fields=True):
    """A measuring process has replied; its reply follows."""


class Unmeasured(msgspec.Struct, tag="unmeasured", forbid_unknown_fields=True):
    """A measuring process gave no reply: the fields of its ending, and its last output."""

    kind: str
    stage: str
    detail: str
    output: str


class Unprepared(msgspec.Struct, tag="unprepared", forbid_unknown_fields=True):
    """The worker is not, or no longer, prepared for this run; ``process`` as in :class:`Ready`."""

    process: str


Answer = Ready | Missing | Unfit | Measured | Unmeasured | Unprepared

_encoder = msgspec.json.Encoder(order="deterministic")
_preparations = msgspec.json.Decoder(Preparation)
_answers: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def encode(message: Preparation | Answer, rest: bytes = b"") -> bytes:
    """Encode a message, and the bytes that follow it."""
    return b"\n".join([_encoder.encode(message), rest])


def decode_preparation(data: bytes) -> Preparation:
    """Decode a preparation. Raises ValueError for anything else."""
    wanted = _preparations.decode(data.partition(b"\n")[0])
    if not all(re.fullmatch("[0-9a-f]{64}", checksum) for checksum in wanted.checksums):
        raise ValueError("a file is named by something else than its SHA-256")
    return wanted


def decode_answer(data: bytes) -> tuple[Answer, bytes]:
    """Decode an answer, and the bytes that follow it. Raises msgspec's error for anything else."""
    line, _, rest = data.partition(b"\n")
    return _answers.decode(line), rest


def by_checksum(files: DataFiles) -> tuple[DataFiles, dict[str, str]]:
    """The files with checksums instead of paths, and the path of each checksum."""
    paths: dict[str, str] = {}
    for path in (files.train_images, files.train_labels, files.heldout_images):
        with Path(path).open("rb") as file:
            paths[hashlib.file_digest(file, "sha256").hexdigest()] = path
    return with_paths(files, {path: checksum for checksum, path in paths.items()}), paths


def with_paths(files: DataFiles, paths: Mapping[str, str]) -> DataFiles:
    """The files with other names for their places."""
    return replace(
        files,
        train_images=paths[files.train_images],
        train_labels=paths[files.train_labels],
        heldout_images=paths[files.heldout_images],
    )
