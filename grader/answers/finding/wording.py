"""The content words of a question, by which a copy of it is recognised."""

from __future__ import annotations

import re

_SMALL = frozenset(
    re.findall(
        r"\w+",
        "a an the of to in is are it its that this do does did how what which where when why describe determine explain"
        " for be would could will each by with and or any at on from as there have has you your they their"
        " them following q question",
    )
)


def content(text: str) -> str:
    """The words of ``text`` that say what is asked, in order."""
    words = re.findall(r"[a-z0-9]+(?:'[a-z]+)?", text.lower().replace("convnet", "convolutional neural network"))
    return " ".join(word for word in words if word not in _SMALL)
