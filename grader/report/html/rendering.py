"""The environment in which every page is rendered: its filters, and the words and signs of a status.

Every text on a page is autoescaped, after its control characters were made visible. The self-check on a student's
computer renders with it too, so it imports nothing that knows a run, a mark or an answer.
"""

from __future__ import annotations

import functools
import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from grader.model.quantities import quantity
from grader.report import formats
from grader.safe_text import visible_block

LONGEST_SENTENCE = 1000
"""Characters of a sentence that may quote a submission."""
_LONGEST_CACHED = 200
"""Characters of a text that is cached."""
_CACHE_SIZE = 4096
"""Entries of a cache; the pages of a cohort have most of their texts in common."""


@functools.cache
def environment() -> Environment:
    """The one environment of a process. Templates are compiled when they are first used."""
    shared = Environment(
        loader=PackageLoader("grader.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shared.filters.update(
        anchor=formats.anchor,
        block=block,
        count=_count,
        duration=formats.duration,
        lines=_lines,
        moment=formats.moment,
        percent=_percent,
        points=formats.points,
        prose=_prose,
        share=_share,
        shorten=lambda words, width: formats.shorten(formats.visible(words), width),
    )
    shared.globals.update(SYMBOLS=formats.SYMBOLS, WORDS=formats.WORDS, quantity=quantity)
    signs = shared.get_template("signs.html").module
    badge, out_of, cell = (
        functools.lru_cache(_CACHE_SIZE)(getattr(signs, name)) for name in ("badge", "out_of", "cell")
    )
    shared.filters.update(
        badge=badge,
        cells=lambda reading: Markup("".join(cell(entry.count, entry.kind) for entry in reading.cells)),
        out_of=out_of,
    )
    return shared


def _finalize(value: Any) -> Any:
    """The last step before autoescape, for every expression of every template."""
    if type(value) is not str or (value.isascii() and value.isprintable()):
        return value
    return _line(value) if len(value) <= _LONGEST_CACHED else formats.visible(value)


@functools.lru_cache(maxsize=_CACHE_SIZE)
def _line(value: str) -> str:
    return formats.visible(value)


def _prose(message: str) -> Markup:
    """A sentence of the grader, with `code` in backticks set as code."""
    return _coded(formats.shorten(formats.visible(message), LONGEST_SENTENCE))


@functools.lru_cache(maxsize=_CACHE_SIZE)
def _coded(shown: str) -> Markup:
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(shown))))


def block(printed: str) -> Markup:
    """Printed output or code, with its lines."""
    return escape(visible_block(printed))


def _lines(text: str) -> Markup:
    """The lines of a script as items of a list, which numbers them."""
    return Markup("".join(f"<li>{line}</li>" for line in block(text).split("\n")))


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\u202f")  # narrow no-break spaces between thousands


def _percent(part: float, whole: float = 1.0) -> str:
    """Rounded down to a tenth, so that a result never appears to reach a band that it missed."""
    return f"{int(1000 * part / whole + 1e-9) / 10:.1f} %" if whole else "–"


def _share(accuracy: float) -> str:
    """An accuracy that a student wrote down, in percent, with no more digits than it was written with."""
    return f"{100 * accuracy:.4g} %" if 0 <= accuracy <= 1 else f"{accuracy:.4g}"
