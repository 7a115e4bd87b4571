"""Exact results of the calculations in an answer, of bounded size, so that each takes a bounded time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction

MOST = 100
"""Arguments of a function or terms of a sum."""
LARGEST = 10**12
"""A numerator or denominator beyond this is no value of an answer; it bounds the time for one operation."""


def worked_out(sign: str, product: Fraction, factor: Fraction, total: Fraction) -> tuple[Fraction, Fraction] | None:
    """The total so far and the product so far after one more operation; None without a result of usual size."""
    if sign == "/" and not factor:
        return None
    if sign in "+-":
        total, product = total + product, factor if sign == "+" else -factor
    else:
        product = product * factor if sign == "*" else product / factor
    sizes = (abs(total.numerator), total.denominator, abs(product.numerator), product.denominator)
    return None if max(sizes) > LARGEST else (total, product)


def _mean(values: Sequence[Fraction]) -> Fraction:
    return sum(values, Fraction(0)) / len(values)


APPLIED: Mapping[str, Callable[[Sequence[Fraction]], Fraction]] = {
    **dict.fromkeys(("max", "maximum"), max),
    **dict.fromkeys(("min", "minimum"), min),
    **dict.fromkeys(("mean", "avg", "average"), _mean),
    "sum": lambda values: sum(values, Fraction(0)),
}
