"""Reads a PDF and prints its pages: the process that ``pdf.py`` starts. It imports nothing of ours."""

from __future__ import annotations

import io
import json
import logging
import sys
import warnings
from typing import Any

UNREADABLE, NOT_INSTALLED, LOCKED = 1, 3, 4
_MEMORY = 1_000_000_000
_MOST_CHARACTERS = 1_000_000
_SMALLEST_PICTURE = 33
"""Pixels of a side; bullets and rules are smaller."""
_MARKS = frozenset({"/FreeText", "/Ink", "/Stamp", "/Text"})
"""Annotations with content of their own."""
_MOST_OBJECTS = 200
"""Objects of a page that are searched for pictures or annotations."""


def _limit(seconds: int) -> None:
    try:
        import resource
    except ImportError:  # Windows: the parent's deadline alone
        return
    wanted = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: _MEMORY,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
    }
    for kind, most in wanted.items():
        _, hard = resource.getrlimit(kind)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))


def main(data: bytes, most_pages: int, seconds: int, mode: str) -> int:
    """Print a JSON line for each of the first pages: its text, whether it has a picture, whether it has marks.

    ``mode`` is pypdf's: ``layout`` keeps columns, and so the indentation of code, and ``plain`` does not.
    """
    _limit(seconds)
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    try:
        from pypdf import PdfReader
    except ImportError:
        return NOT_INSTALLED

    size = 0
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            return LOCKED
        for index, page in enumerate(reader.pages):
            if index >= most_pages or size > _MOST_CHARACTERS:
                break
            text = page.extract_text(extraction_mode="layout" if mode == "layout" else "plain")[:_MOST_CHARACTERS]
            size += len(text)
            print(json.dumps([text, _has_picture(page), _has_marks(page)]), flush=True)
    except Exception:  # pypdf can raise anything on a damaged file; the parent then reports one sentence
        return UNREADABLE
    return 0


def _has_picture(holder: Any, depth: int = 3) -> bool:
    """Whether a page, or a form drawn on it, has a picture. A damaged entry counts as a picture."""
    try:
        drawn = _resolved(_resolved(holder, "/Resources") or {}, "/XObject") or {}
        for name in list(drawn)[:_MOST_OBJECTS]:
            item = _resolved(drawn, name)
            kind = item.get("/Subtype")
            if kind == "/Image" and min(int(item["/Width"]), int(item["/Height"])) >= _SMALLEST_PICTURE:
                return True
            if kind == "/Form" and depth and _has_picture(item, depth - 1):
                return True
    except Exception:  # as above; a wrong guess only makes a tutor look
        return True
    return False


def _resolved(holder: Any, name: str) -> Any:
    """The object of that name, or None; a reference is followed."""
    found = holder.get(name)
    return found.get_object() if hasattr(found, "get_object") else found


def _has_marks(page: Any) -> bool:
    """Whether a person wrote on the page: typed notes, ink, stamps, a filled form."""
    try:
        for reference in list(_resolved(page, "/Annots") or [])[:_MOST_OBJECTS]:
            note = reference.get_object()
            if note.get("/Subtype") in _MARKS or (note.get("/Subtype") == "/Widget" and note.get("/V")):
                return True
    except Exception:  # as above
        return True
    return False


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer.read(), int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
