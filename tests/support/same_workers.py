"""One start of the workers for many runs in a process, because it takes longer than the rest of a small run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from grader import sandbox
from grader.pipeline import workers
from grader.pipeline.settings import RunSettings
from grader.sandbox import Wish


@contextmanager
def sharing_workers(scratch: Path) -> Iterator[None]:
    """Inside this context, runs on the same device share their workers, if both isolate them or neither.

    What the workers hide from a submission is what the first run hides, so no test of isolation may use them.
    """
    open_workers = workers.open_workers
    opened: dict[tuple[object, ...], workers.Workers] = {}
    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:

        @contextmanager
        def open_once(settings: RunSettings, *_: object, **__: object) -> Iterator[workers.Workers]:
            is_off = settings.isolation is Wish.OFF
            shared = (settings.device, is_off, settings.worker_prefix, settings.data.fingerprint)
            if shared not in opened:
                place = Path(tempfile.mkdtemp(dir=scratch))
                opened[shared] = stack.enter_context(open_workers(settings, place))
            yield opened[shared]

        patch.setattr(workers, "open_workers", open_once)
        patch.setattr(sandbox, "start_server", lambda *_: _NoServer())  # which the command line starts before
        yield


class _NoServer:
    def stop(self) -> None:
        """There is nothing to stop."""
