"""``python -m grader.worker.download --root DIR``: torchvision's MNIST download as a process of its own.

It lives among the workers because torchvision imports torch. Checking what came is the parent's work
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
"""When none of these names can be looked up there is no network, and importing torchvision would waste 4 s."""


class NoMirrorWorked(Exception):
    """Nothing could be fetched; the message says why on one line, mirror by mirror."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Leave both splits in ``DIR/MNIST/raw`` and return 0, or print one line that says why not and return 1."""
    parser = argparse.ArgumentParser(prog="python -m grader.worker.download", description="Download MNIST.")
    parser.add_argument("--root", required=True, metavar="DIR", help="torchvision's root folder")
    parser.add_argument("--timeout", type=float, default=SOCKET_SECONDS, help="seconds to wait for a silent server")
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
    """Download both splits below ``root`` from ``mirror``, a URL prefix; an empty one stands for torchvision's own."""
    # Behind a proxy, names are the proxy's to look up; a mirror given by name or number is simply tried.
    if not mirror and not urllib.request.getproxies() and not any(map(_is_known, FAMILIAR_HOSTS)):
        raise NoMirrorWorked("no network, as no host name can be looked up")
    from torchvision.datasets import MNIST

    reasons = []
    for prefix in [mirror.rstrip("/") + "/"] if mirror else MNIST.mirrors:
        # torchvision names its folder after the class, hence the same name. One mirror at a time, because torchvision
        # itself does not go on to the next one after a timeout.
        one_mirror = type("MNIST", (MNIST,), {"mirrors": [prefix]})
        try:
            with contextlib.redirect_stderr(io.StringIO()):  # the progress bar
                for train in (True, False):
                    one_mirror(root, train=train, download=True)
            return
        except Exception as error:  # whatever a server, a proxy or a disk can do: the tutor gets one line
            reasons.append(f"{prefix} {_reason(error)}")
    raise NoMirrorWorked("; ".join(reasons))


def _is_known(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


def _reason(error: Exception) -> str:
    """The innermost reason on one line; torchvision wraps it in several that repeat the address."""
    words = " ".join(str(error).rpartition("got:")[2].split())
    return words.strip("<>") or type(error).__name__


if __name__ == "__main__":
    sys.exit(main())
