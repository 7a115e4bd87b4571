"""Converts a mark to the maximum that the platform has, and writes it as every importer reads it."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

from grader.model import UsageFault
from grader.report.formats import points

MOST_DECIMALS = 5
"""Moodle stores no more."""
_EXACT = Context(prec=50, rounding=ROUND_HALF_UP)


def check_maximum(available: Decimal, maximum: Decimal, out_of: Decimal | None) -> None:
    """Raise UsageFault unless marks out of ``available`` may be written out of the platform's ``maximum``.

    They may if both are equal, or if the tutor named the platform's maximum with ``--out-of``.
    """
    if out_of is not None and out_of != maximum:
        raise UsageFault(f"--out-of says {points(out_of)}, but the maximum on the platform is {points(maximum)}.")
    if out_of is None and available != maximum:
        raise UsageFault(
            f"The marks of this run are out of {points(available)}, but the maximum on the platform is "
            f"{points(maximum)}. Change it there, or scale the marks with --out-of {points(maximum)}."
        )


def scaled(mark: Decimal, available: Decimal, maximum: Decimal, *, decimals: int = 2) -> Decimal:
    """``mark`` out of ``available`` as a mark out of ``maximum``, with at least ``decimals`` digits after the point.

    It is exact if five digits are enough for that, and otherwise rounded half up to ``decimals``.
    """
    value = mark if available == maximum else _EXACT.divide(_EXACT.multiply(mark, maximum), available)
    for digits in range(decimals, MOST_DECIMALS + 1):
        rounded = value.quantize(Decimal(1).scaleb(-digits), context=_EXACT)
        if rounded == value:
            return rounded
    return value.quantize(Decimal(1).scaleb(-decimals), context=_EXACT)
