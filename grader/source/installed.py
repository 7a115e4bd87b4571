"""Whether Python can find the package that an import names."""

from __future__ import annotations

import importlib.util
import sys

from grader.source.definitions import Imported


def is_installed(imported: Imported) -> bool:
    """Whether Python can find the package that an import names."""
    package = imported.package
    if not package:
        return True  # a relative import does not need an installed package
    if package in sys.modules:
        return True
    try:
        return importlib.util.find_spec(package) is not None
    except (ImportError, ValueError, AttributeError):
        return False
