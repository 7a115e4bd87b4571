"""The page for reviewing as a process of its own, as a tutor starts it."""

from __future__ import annotations

import http.client
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.support.places import ROOT

PATIENCE = 30.0
"""Seconds for the server to end, on a machine that is busy with other tests."""


class DeskServer:
    """Serves the page of the run at ``folder`` while it is entered; ``address`` is what was printed."""

    def __init__(self, folder: Path, *options: str) -> None:
        line = [sys.executable, "-m", "grader", "review", str(folder), "--page", *options]
        self.process = subprocess.Popen(
            line, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        assert self.process.stdout is not None
        seen = ""
        while (found := re.search(r"http://\S+", seen)) is None:
            line_read = self.process.stdout.readline()
            assert line_read, f"the server ended: {seen}"
            seen += line_read
        self.address = found[0]
        self.origin, _, self.token = self.address.partition("/?token=")

    def __enter__(self) -> DeskServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def interrupt(self) -> str:
        """Press Ctrl-C; returns what is printed at the end."""
        self.process.send_signal(signal.SIGINT)
        return self.process.communicate(timeout=PATIENCE)[0]

    def kill(self) -> None:
        """End the process at once, as kill -9 does."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


def ask(
    server: DeskServer, path: str, *, method: str = "GET", body: object = None, **headers: str
) -> tuple[int, dict[str, str], str]:
    """A request with the right Host, cookie and Origin, except where ``headers`` say otherwise; "-" leaves one out."""
    host = server.origin.removeprefix("http://")
    port = host.rpartition(":")[2]
    sent = {"Host": host, "Cookie": f"lab4-review-{port}={server.token}"}
    sent |= {"Origin": server.origin} if method == "POST" else {}
    sent |= {name.title(): value for name, value in headers.items()}
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.putrequest(method, path, skip_host=True)
    content = json.dumps(body).encode() if body is not None else b""
    for name, value in (sent | {"Content-Length": str(len(content))}).items():
        if value != "-":
            connection.putheader(name, value)
    connection.endheaders(content)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, text
