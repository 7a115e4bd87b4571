"""The name of this machine, as it stands in the evidence."""

from __future__ import annotations

import platform


def machine_name() -> str:
    """The name and the kind of this machine."""
    return f"{platform.node()} ({platform.system()} {platform.machine()})"
