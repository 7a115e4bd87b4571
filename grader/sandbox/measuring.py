"""A process that measures or reads, seen from the parent: send requests, receive replies, one after the other."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from grader.model.evidence import Ending
from grader.sandbox.child import MOST_READS, Child, Server
from grader.sandbox.limits import Limits
from grader.sandbox.scratch import PREFIX
from grader.worker.wire.messages import HEAD_BYTES, frame, read_head

_START_SECONDS = 60.0
"""Time limit to open the data set and the GPU driver."""
_CHUNK = 1 << 20
LARGEST_REPLY = 64 << 20


class MeasurementFailed(Exception):
    """A request got no reply.

    The kind of ``ending`` is deadline, memory, signal, exit, lost (the server died) or fault (an error in the grader:
    the service raised, or could not be opened). The last output of the process is attached as a note.
    """

    def __init__(self, ending: Ending, output: str = "") -> None:
        super().__init__(f"{ending.kind}: {ending.detail}")
        self.ending = ending
        if output:
            self.add_note(output)


@dataclass(frozen=True)
class Outcome:
    """The outcome of a request. The kind of ``ending`` is ``finished`` if there is a reply."""

    ending: Ending
    reply: bytes = b""
    output: str = ""


class ServiceProcess:
    """One child of ``server`` that does ``work``, used by one thread at a time.

    ``folder`` is its working folder, by default a new one. Close it after an outcome without a reply.
    """

    def __init__(
        self,
        server: Server,
        work: str,
        *,
        limits: Limits,
        allowance: Mapping[str, int | None],
        folder: Path | None = None,
    ) -> None:
        self.server = server
        self._work = work
        self._is_ready = False
        self._stack = contextlib.ExitStack()
        with contextlib.ExitStack() as stack:
            if folder is None:
                prefix = f"{PREFIX}{os.getpid()}-{work}-"
                made = tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
                folder = Path(stack.enter_context(made))
            self._connection, theirs = socket.socketpair()
            stack.callback(self._connection.close)
            self._connection.setblocking(False)
            request = {"work": work, "job": {"root": str(folder), "script": ""}, "allowance": dict(allowance)}
            self._child = Child(server, request, channel=theirs.detach(), limits=limits)
            stack.callback(self._child.close)
            self._stack = stack.pop_all()

    def close(self) -> None:
        """Close the connection; the process is killed if it still runs."""
        self._stack.close()

    @property
    def is_alive(self) -> bool:
        """Whether the process seems ready for a request: nothing can be read from its connection, not even the end."""
        poll = select.poll()
        poll.register(self._connection, select.POLLIN)
        return not poll.poll(0)

    @property
    def was_robbed(self) -> bool:
        """Whether something other than the process may have ended it; see :attr:`Child.was_robbed`."""
        return self._child.was_robbed

    def ask(self, request: bytes, *, seconds: float) -> Outcome:
        """Send the request and wait for its reply, at most ``seconds`` after the process is ready."""
        if not self._is_ready:
            self._is_ready = self._exchange(b"", _START_SECONDS) is not None
        if self._is_ready:
            reply = self._exchange(frame(request), seconds)
            if reply is not None:
                return Outcome(Ending("finished"), reply)
        return Outcome(self._child.ending(), output=self._child.output())

    def _exchange(self, outgoing: bytes, seconds: float) -> bytes | None:
        """Send and receive at the same time, so that neither side blocks; None if the process ends without a reply."""
        self._child.allow(self._work, seconds)
        descriptor, rest, incoming, is_open = self._connection.fileno(), memoryview(outgoing), bytearray(), True
        while True:
            was_over = self._child.is_over
            if is_open:
                self._child.listen(descriptor, writing=bool(rest))
            if was_over or descriptor in self._child.wait():
                rest = rest[self._send(rest) :]
                if not (is_open := self._receive(incoming)):
                    self._child.forget(descriptor)
                reply = self._complete(incoming)
                if reply is not None or was_over:
                    return reply
            self._child.check()

    def _send(self, data: memoryview) -> int:
        try:
            return self._connection.send(data) if data else 0
        except BlockingIOError:
            return 0
        except OSError:  # the process has ended; self._child reports how
            return len(data)

    def _receive(self, incoming: bytearray) -> bool:
        """Read everything that has arrived; return False at the end of the connection."""
        for _ in range(MOST_READS):
            try:
                chunk = self._connection.recv(_CHUNK)
            except BlockingIOError:
                break
            except OSError:
                return False
            if not chunk:
                return False
            incoming += chunk
        return True

    def _complete(self, incoming: bytearray) -> bytes | None:
        """The reply, if it is complete and the process is not being ended; otherwise None."""
        if self._child.cause is not None or len(incoming) < HEAD_BYTES:
            return None
        length, is_error = read_head(incoming)
        if length > LARGEST_REPLY:
            self._child.end(Ending("fault", self._work, f"a reply exceeds {LARGEST_REPLY} bytes"))
        elif len(incoming) >= HEAD_BYTES + length:
            data = bytes(incoming[HEAD_BYTES : HEAD_BYTES + length])
            if not is_error:
                return data
            self._child.end(Ending("fault", self._work, data.decode("utf-8", "replace")))
        return None
