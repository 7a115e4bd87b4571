"""Suggestions such as "Did you mean ...?" for unknown names in configuration files."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_miss(name: str, allowed: Iterable[str]) -> str:
    """A sentence about an unknown ``name``, after a space: the most similar allowed name, or a list of all of them."""
    names = tuple(allowed)
    close = difflib.get_close_matches(name, names, n=1)
    return f' Did you mean "{close[0]}"?' if close else f" The known names are: {', '.join(names)}."
