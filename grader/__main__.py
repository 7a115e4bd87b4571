"""``python -m grader``: runs one command, and always ends with a documented exit code."""

from __future__ import annotations

import gc
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from grader.cli.arguments import parser
from grader.cli.commands import COMMANDS
from grader.cli.exit_codes import ExitCode
from grader.model import GraderFault, UsageFault
from grader.safe_text import visible, visible_block
from grader.storage.disk import disk_faults


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Exit codes: 0 all settled, 1 a tutor is needed, 2 usage, 3 a grader fault, 130 interrupted."""
    arguments = parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _interrupt)
    # Reports and evidence are trees without cycles; searching them for cycles would take an eighth of the time.
    gc.set_threshold(100_000)
    try:
        with disk_faults(Path()):
            return COMMANDS[arguments.command](arguments)
    except UsageFault as fault:
        print(f"grader: {visible(str(fault))}", file=sys.stderr)
        return ExitCode.USAGE
    except GraderFault as fault:
        print(f"grader: a fault of the grader itself: {visible(str(fault))}", file=sys.stderr)
        return ExitCode.FAULT
    except Exception:  # Python's own exit code 1 would mean "a tutor is needed"
        print(visible_block(traceback.format_exc()), file=sys.stderr)
        return ExitCode.FAULT
    except KeyboardInterrupt:
        message = "interrupted. Finished submissions are stored; run the same command again to continue."
        print(f"grader: {message}", file=sys.stderr)
        return ExitCode.INTERRUPTED


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
