"""Download MNIST with torchvision in a separate process: ``python -m grader.worker.download --root DIR``.

This module belongs to the workers because torchvision imports torch. The parent checks the downloaded files
(:mod:`grader.data.fetching`).
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import socket
import sys
import urllib.request
from collections.abc import Sequence

MIRROR_VARIABLE = "LAB4_MNIST_MIRROR"
SOCKET_SECONDS = 10.0
FAMILIAR_HOSTS = ("pytorch.org", "amazonaws.com", "github.com")
"""If DNS resolves none of these names, there is no network, and importing torchvision would waste 4 s."""


class NoMirrorWorked(Exception):
    """The download failed from every mirror. The message gives the reason for each mirror, on one line."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Download both splits to ``DIR/MNIST/raw`` and return 0; on failure, print the reason on one line and return 1."""
    parser = argparse.ArgumentParser(prog="python -m grader.worker.download", description="Download MNIST.")
    parser.add_argument("--root", required=True, metavar="DIR", help="torchvision's root folder")
    parser.add_argument(
        "--timeout", type=float, default=SOCKET_SECONDS, help="seconds to wait for a server that sends nothing"
    )
    options = parser.parse_args(arguments)
    usual = socket.getdefaulttimeout()
    socket.setdefaulttimeout(options.timeout)
    try:
        fetch(options.root, mirror=os.environ.get(MIRROR_VARIABLE, "").strip())
    except (NoMirrorWorked, ImportError) as failure:
        print(failure)
        return 1
    finally:
        socket.setdefaulttimeout(usual)
    return 0


def fetch(root: str, *, mirror: str) -> None:
    """Download both splits to ``root`` from ``mirror``, a URL prefix. If it is empty, use torchvision's own mirrors."""
    # With a proxy, the proxy resolves names. A mirror that the user gave is tried without this check.
    if not mirror and not urllib.request.getproxies() and not any(map(_is_known, FAMILIAR_HOSTS)):
        raise NoMirrorWorked("no network: no host name can be resolved")
    from torchvision.datasets import MNIST

    reasons = []
    for prefix in [mirror.rstrip("/") + "/"] if mirror else MNIST.mirrors:
        # torchvision names its folder after the class, so the subclass has the same name. Mirrors are tried one at a
        # time, because torchvision does not try the next mirror after a timeout.
        dataset = type("MNIST", (MNIST,), {"mirrors": [prefix]})
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
                for train in (True, False):
                    dataset(root, train=train, download=True)
            return
        except Exception as error:  # servers, proxies and disks fail in many ways; the tutor gets one line
            reasons.append(f"{prefix} {_reason(error)}")
    raise NoMirrorWorked("; ".join(reasons))


def _is_known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


def _reason(error: Exception) -> str:
    """The innermost reason on one line. torchvision wraps it in messages that repeat the address."""
    words = " ".join(str(error).rpartition("got:")[2].split())
    return words.strip("<>") or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
