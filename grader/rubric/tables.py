"""What a refusal of a tutor's setting adds to the reason. What is refused, and why, is told where it is read."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_miss(name: str, allowed: Iterable[str]) -> str:
    """What to say of an unknown ``name``, after a space: the allowed one that it is near to, or all of them."""
    names = tuple(allowed)
    close = difflib.get_close_matches(name, names, n=1)
    return f' Did you mean "{close[0]}"?' if close else f" Known here: {', '.join(names)}."
