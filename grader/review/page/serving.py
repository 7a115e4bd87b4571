"""Serves the page until Ctrl-C."""

from __future__ import annotations

import os
import socket
import sys
import webbrowser
from collections.abc import Callable

import uvicorn
from starlette.types import ASGIApp

from grader.model import UsageFault
from grader.review.page.guard import Guard

_HOST = "127.0.0.1"


def has_browser() -> bool:
    """Whether a browser with windows can be opened from this terminal."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    if os.environ.get("SSH_CONNECTION"):
        return False
    has_screen = sys.platform in ("win32", "darwin") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    try:
        return has_screen and webbrowser.get() is not None
    except webbrowser.Error:
        return False


def serve(app: ASGIApp, *, port: int, opens: bool, tell: Callable[[str], None]) -> None:
    """Serve ``app`` on this computer only, until Ctrl-C; ``port`` 0 takes a free one. Raises UsageFault if it is taken.

    ``tell`` is given the address, and with ``opens`` a browser is opened.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    with listener:
        try:
            listener.bind((_HOST, port))
        except OSError as error:
            raise UsageFault(f"Port {port} cannot be used ({error.strerror}): choose another with --port.") from error
        guard = Guard(app, port=listener.getsockname()[1])
        config = uvicorn.Config(guard, log_level="warning", lifespan="off", server_header=False, ws="none")
        listener.listen()
        tell(guard.address)
        if opens:
            webbrowser.open(guard.address)
        uvicorn.Server(config).run(sockets=[listener])
