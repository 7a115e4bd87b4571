"""The options of ``grade`` for what does the work: processes, devices, a cluster."""

from __future__ import annotations

import argparse
import os


def add_machines(grade: argparse.ArgumentParser) -> None:
    """Add the options of ``grade`` for processes, devices and a cluster."""
    grade.add_argument(
        "--jobs",
        type=_count,
        default=os.cpu_count() or 1,
        metavar="N",
        help="processes at once (default: %(default)s)",
    )
    grade.add_argument(
        "--device",
        choices=["auto", "cpu", "cuda", "mps"],
        default="auto",
        help="the device that trains networks (default: as before in this run, else the best of this machine)",
    )
    grade.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="measure and train on the workers of a Dask cluster: tls://HOST:8786, or local:4 for four workers on this "
        "machine (docs/scale.md)",
    )
    grade.add_argument(
        "--resources",
        metavar="GPU=K",
        help="with --cluster: measure at most K networks at once on each worker (default: as many as it has threads, "
        "or as its own resource GPU says)",
    )
    grade.add_argument(
        "--mixed", action="store_true", help="with --cluster: allow workers with different kinds of device"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("must be a whole number, 1 or more")
    return int(text)
