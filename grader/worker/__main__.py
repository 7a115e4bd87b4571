"""``python -m grader.worker CHANNEL [--isolated]``: started by the grader, never by hand.

CHANNEL is the number of an inherited socket, or the path of one to connect to: a container passes no descriptors on.
"""

from __future__ import annotations

import socket
import sys

from grader.worker.server import main


def open_channel(text: str) -> socket.socket:
    """The socket that CHANNEL stands for."""
    if text.isdigit():
        return socket.socket(fileno=int(text))
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(text)
    return connection


if __name__ == "__main__":
    main(open_channel(sys.argv[1]), is_isolating="--isolated" in sys.argv[2:])
