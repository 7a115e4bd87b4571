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
    """Consecutive characters of an answer that all counted for it, all counted against it, or all did not count."""

    text: str
    has_counted: bool
    is_against: bool = False


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
    against: Iterable[tuple[int, int]] = (),
    *,
    folded_from: int = FOLDED_FROM,
    shown: int = SHOWN,
    most: int = MOST,
) -> FoldedAnswer:
    """``text`` with the words in ``spans`` highlighted, those of them in ``against`` as counting against it.

    Spans may overlap, be in any order and exceed the text.
    """
    end = min(len(text), most)
    joined = _joined(spans, end)
    cut = _fold(text, joined, shown) if end > folded_from else end
    counted = _divided(joined, _joined(against, end))
    return FoldedAnswer(
        start=tuple(_pieces(text, counted, 0, cut)),
        rest=tuple(_pieces(text, counted, cut, end)),
        length=len(text),
        is_cut=len(text) > most,
    )


def pieces(text: str, spans: Iterable[tuple[int, int]], against: Iterable[tuple[int, int]] = ()) -> Iterator[Piece]:
    """The whole ``text`` in pieces, without a fold."""
    end = len(text)
    return _pieces(text, _divided(_joined(spans, end), _joined(against, end)), 0, end)


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


def _divided(joined: list[tuple[int, int]], against: list[tuple[int, int]]) -> list[tuple[int, int, bool]]:
    """The spans, divided where words against the answer begin and end, each with whether it is against it."""
    divided: list[tuple[int, int, bool]] = []
    for first, last in joined:
        at = first
        for start, end in against:
            start, end = max(start, first), min(end, last)
            if start < end:
                divided += [(at, start, False), (start, end, True)] if at < start else [(start, end, True)]
                at = end
        divided += [(at, last, False)] if at < last else []
    return divided


def _pieces(text: str, spans: list[tuple[int, int, bool]], first: int, last: int) -> Iterator[Piece]:
    at = first
    for start, end, is_against in spans:
        start, end = max(start, first), min(end, last)
        if start < end:
            if at < start:
                yield Piece(text[at:start], has_counted=False)
            yield Piece(text[start:end], has_counted=True, is_against=is_against)
            at = end
    if at < last:
        yield Piece(text[at:last], has_counted=False)
