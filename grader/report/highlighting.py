"""Splits an answer into pieces: the words that counted for its mark, and the place where a long answer is folded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FOLDED_FROM = 900
"""An answer with more characters is folded."""
SHOWN = 500
"""About this many characters are shown before the fold."""
MOST = 6000
"""Most characters of an answer on a page, counted from its start."""


@dataclass(frozen=True)
class Piece:
    """Consecutive characters of an answer that either all counted or all did not."""

    text: str
    has_counted: bool


@dataclass(frozen=True)
class FoldedAnswer:
    """An answer as a page shows it: ``start``, and ``rest``, which is folded; ``length`` is that of the whole text.

    ``is_cut``: the text is longer than what the page shows.
    """

    start: tuple[Piece, ...]
    rest: tuple[Piece, ...]
    length: int
    is_cut: bool


def fold(
    text: str,
    spans: Iterable[tuple[int, int]],
    *,
    folded_from: int = FOLDED_FROM,
    shown: int = SHOWN,
    most: int = MOST,
) -> FoldedAnswer:
    """``text`` with the words in ``spans`` highlighted. Spans may overlap, be in any order and exceed the text."""
    end = min(len(text), most)
    joined = _joined(spans, end)
    cut = _fold(text, joined, shown) if end > folded_from else end
    return FoldedAnswer(
        start=tuple(_pieces(text, joined, 0, cut)),
        rest=tuple(_pieces(text, joined, cut, end)),
        length=len(text),
        is_cut=len(text) > most,
    )


def pieces(text: str, spans: Iterable[tuple[int, int]]) -> Iterator[Piece]:
    """The whole ``text`` in pieces, without a fold."""
    return _pieces(text, _joined(spans, len(text)), 0, len(text))


def _joined(spans: Iterable[tuple[int, int]], length: int) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in sorted((max(start, 0), min(end, length)) for start, end in spans):
        if start >= end:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _fold(text: str, spans: list[tuple[int, int]], shown: int) -> int:
    """The position of the fold: the start of the last line or word near the limit, never within words that counted."""
    line, word = text.rfind("\n", shown - shown // 3, shown), text.rfind(" ", shown - shown // 5, shown)
    cut = (line if line > 0 else word if word > 0 else shown - 1) + 1
    return next((start for start, end in spans if 0 < start < cut < end), cut)


def _pieces(text: str, spans: list[tuple[int, int]], first: int, last: int) -> Iterator[Piece]:
    at = first
    for start, end in spans:
        start, end = max(start, first), min(end, last)
        if start < end:
            if at < start:
                yield Piece(text[at:start], has_counted=False)
            yield Piece(text[start:end], has_counted=True)
            at = end
    if at < last:
        yield Piece(text[at:last], has_counted=False)
