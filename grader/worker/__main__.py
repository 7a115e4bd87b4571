"""``python -m grader.worker DESCRIPTOR``: started by the grader, never by hand."""

from __future__ import annotations

import sys

from grader.worker.server import main

if __name__ == "__main__":
    main(int(sys.argv[1]))
