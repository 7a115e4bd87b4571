"""Whether there is a browser to open the page in."""

from __future__ import annotations

import os
import sys
import webbrowser


def has_browser() -> bool:
    """Whether this is a person's terminal, and a browser with windows can be opened from it."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or os.environ.get("SSH_CONNECTION"):
        return False
    has_screen = sys.platform in ("win32", "darwin") or bool({"DISPLAY", "WAYLAND_DISPLAY"} & os.environ.keys())
    try:
        return has_screen and webbrowser.get() is not None
    except webbrowser.Error:
        return False
