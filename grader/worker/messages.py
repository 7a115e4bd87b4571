"""Messages between the grader and its fork server: length-prefixed JSON, with descriptors attached."""

from __future__ import annotations

import json
import socket
from typing import Any

_LENGTH_BYTES = 4
_MOST_DESCRIPTORS = 8


def send(connection: socket.socket, message: dict[str, Any], descriptors: tuple[int, ...] = ()) -> None:
    """Send ``message`` with ``descriptors`` attached to it."""
    body = json.dumps(message).encode()
    data = len(body).to_bytes(_LENGTH_BYTES, "big") + body
    sent = socket.send_fds(connection, [data], descriptors) if descriptors else connection.send(data)
    connection.sendall(data[sent:])


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Return the next message and the descriptors that came with it; raise EOFError when the other side hung up."""
    head, descriptors, _, _ = socket.recv_fds(connection, _LENGTH_BYTES, _MOST_DESCRIPTORS)
    head += _exactly(connection, _LENGTH_BYTES - len(head)) if head else b""
    if not head:
        raise EOFError
    return json.loads(_exactly(connection, int.from_bytes(head, "big"))), descriptors


def _exactly(connection: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        chunk = connection.recv(count - len(data))
        if not chunk:
            raise EOFError
        data += chunk
    return data
