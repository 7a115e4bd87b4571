"""Socket messages between the grader and its processes; each message starts with its length.

The fork server exchanges JSON messages with attached file descriptors. A measuring process exchanges frames of plain
bytes.
"""

from __future__ import annotations

import json
import socket
from typing import Any

_LENGTH_BYTES = 4
_MOST_DESCRIPTORS = 8
_CHUNK = 1 << 20
HEAD_BYTES = 8
"""Length of the head of a frame: the number of bytes that follow, big-endian. The top bit marks an error message."""
_ERROR = 1 << 63


def send(connection: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Send ``message`` with ``descriptors`` attached to it."""
    body = json.dumps(message).encode()
    data = len(body).to_bytes(_LENGTH_BYTES, "big") + body
    sent = socket.send_fds(connection, [data], descriptors) if descriptors else connection.send(data)
    if sent < len(data):  # not if complete: even an empty send fails after the receiver has closed
        connection.sendall(data[sent:])


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return the next message and its descriptors; raise EOFError when the other side has closed the connection."""
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH_BYTES, _MOST_DESCRIPTORS)
    if not head:
        raise EOFError
    head += _exactly(connection, _LENGTH_BYTES - len(head))
    return json.loads(_exactly(connection, int.from_bytes(head, "big"))), descriptors


def frame(data: bytes, *, is_error: bool = False) -> bytes:
    """A frame that contains ``data``."""
    return (len(data) | (_ERROR if is_error else 0)).to_bytes(HEAD_BYTES, "big") + data


def read_head(head: bytes | bytearray) -> tuple[int, bool]:
    """The number of bytes after the head of a frame, and whether they are an error message."""
    number = int.from_bytes(head[:HEAD_BYTES], "big")
    return number & ~_ERROR, bool(number & _ERROR)


def receive_frame(connection: socket.socket) -> bytes:
    """Wait for the data of the next frame; raise EOFError when the other side has closed the connection."""
    length, _ = read_head(_exactly(connection, HEAD_BYTES))
    return _exactly(connection, length)


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = bytearray()
    while len(data) < count:
        chunk = connection.recv(min(count - len(data), _CHUNK))
        if not chunk:
            raise EOFError
        data += chunk
    return bytes(data)
