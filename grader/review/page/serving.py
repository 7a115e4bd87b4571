"""Serves the page until Ctrl-C, or until its terminal is closed."""

from __future__ import annotations

import os
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import suppress

import uvicorn
from starlette.types import ASGIApp

from grader.model import UsageFault
from grader.moderation.desk import Desk
from grader.moderation.finished_run import FinishedRun
from grader.moderation.worklist import Scope
from grader.report.html.anonymity import ByName, ByNumber
from grader.review.page.actions import Actions
from grader.review.page.application import Application
from grader.review.page.guard import Guard
from grader.review.page.listing import Listing

_HOST = "127.0.0.1"
_SHUTDOWN_SECONDS = 2


class Page:
    """The page for the entries in ``scope`` of a run, and what tutors did on it: :attr:`actions`.

    ``author`` is the name that the page begins with. Pseudonyms, ``names``, stand for the students if given.
    """

    def __init__(self, finished: FinishedRun, scope: Scope, *, author: str, names: Mapping[str, str] | None) -> None:
        desk = Desk(finished)
        self.actions = Actions(desk, Listing(desk, scope))
        identity = ByName(desk.reports) if names is None else ByNumber(names, desk.reports)
        self._app = Application(finished, desk, self.actions, author=author, identity=identity).starlette

    def serve(self, *, port: int, opens: bool, tell: Callable[[str], None]) -> None:
        """Serve on this computer only, until Ctrl-C; ``port`` 0 takes a free one. Raises UsageFault if it is taken.

        ``tell`` is given the address, and with ``opens`` a browser is opened.
        """
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
            if sys.platform != "win32":  # there it would let two servers share a port
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((_HOST, port))
                listener.listen()
            except OSError as error:
                raise UsageFault(
                    f"Port {port} cannot be used ({error.strerror}): choose another with --port."
                ) from error
            guard = Guard(self._app, port=listener.getsockname()[1])
            with suppress(KeyboardInterrupt):  # Ctrl-C: every decision is on disk
                tell(guard.address)
                if opens:
                    webbrowser.open(guard.address)
                server = _server(guard)
                _end_with_terminal(server)
                server.run(sockets=[listener])


def _end_with_terminal(server: uvicorn.Server) -> None:
    """When the window of the terminal is closed, end as after Ctrl-C, so that the tables are still written."""
    if sys.platform == "win32" or signal.getsignal(signal.SIGHUP) != signal.SIG_DFL:  # nohup ignores it
        return

    def end(*_: object) -> None:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):  # what is printed from now on would fail
            os.dup2(nowhere, stream.fileno())
        server.should_exit = True

    signal.signal(signal.SIGHUP, end)


def _server(app: ASGIApp) -> uvicorn.Server:
    """Without a log: an address contains the token."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
        )
    )
