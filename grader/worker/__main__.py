"""Entry point of a worker process: ``python -m grader.worker CHANNEL [--isolated]``. Only the grader starts it.

CHANNEL is the number of an inherited socket, or the path of a socket to connect to. The path is for containers, which
do not pass file descriptors on.
"""

from __future__ import annotations

import socket
import sys

from grader.worker.server import main


def open_channel(text: str) -> socket.socket:
    """Open the socket that CHANNEL names."""
    if text.isdigit():
        return socket.socket(fileno=int(text))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(text)
    return connection


if __name__ == "__main__":
    main(open_channel(sys.argv[1]), is_isolating="--isolated" in sys.argv[2:])
