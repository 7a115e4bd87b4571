"""What the fork server imports before its first child, so that no child has to."""

from __future__ import annotations

import gc
import importlib
import os
import platform
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NoReturn

from grader.worker.child import measure, record
from grader.worker.devices import devices
from grader.worker.isolate.confinement import Assignment

Work = Callable[[Assignment], NoReturn]
"""What a child process does until it exits."""


def warm_up(names: Sequence[str]) -> dict[str, Any]:
    """Import these modules, which a child needs; return facts about this machine for the parent."""
    os.environ.pop("PYTHONPATH", None)
    versions: dict[str, str] = {"python": platform.python_version()}
    missing: list[str] = []
    for name in names:
        try:
            module = importlib.import_module(name)
        except ImportError as problem:
            missing.append(f"{name} ({problem})")
        else:
            if "." not in name:
                versions[name] = str(getattr(module, "__version__", ""))
    if missing:
        return {"missing": missing}
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    return {"versions": versions, "devices": devices() if torch is not None else ("cpu",)}


def works_of(config: dict[str, Any]) -> dict[str, Work]:
    """Import what the children do; return the kinds of work."""
    works: dict[str, Work] = {
        "record": partial(record, observe=_entry(config["entry"])),
        "measure": partial(measure, open_service=_entry(config["measure"]), settings=config["settings"]),
    }
    for name in dict.fromkeys(config[kind].partition(":")[0] for kind in ("entry", "measure")):
        getattr(sys.modules[name], "preload", lambda: None)()
    # The package is loaded now. A submission must not import what is next to it (solutions, tests).
    sys.path[:] = [path for path in sys.path if path not in config["hidden_paths"]]
    gc.collect()
    gc.freeze()
    return works


def _entry(name: str) -> Callable[..., Any]:
    """Import the function that ``module:function`` names."""
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found
