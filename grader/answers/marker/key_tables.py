"""Checked reading of TOML tables: every value that cannot be used is refused, with its file, place and reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn

from grader.answers.marker.samples import MARKS
from grader.model import UsageFault
from grader.rubric.tables import near_miss


class Tables:
    """Reads values of the tables of the file at ``path``. Each method raises :class:`UsageFault`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def refuse(self, place: str, reason: str) -> NoReturn:
        """Raise UsageFault for a place in the file."""
        raise UsageFault(f"{self.path}: {place}: {reason}")

    def known(self, table: Mapping[str, Any], place: str, allowed: Iterable[str]) -> None:
        """Refuse names that are not allowed."""
        names = tuple(allowed)
        for name in table:
            if name not in names:
                self.refuse(place, f'"{name}" is not a known name.{near_miss(name, names)}')

    def table(self, table: Mapping[str, Any], name: str, place: str) -> Mapping[str, Any]:
        """The table of that name."""
        value = table.get(name)
        if not isinstance(value, dict):
            self.refuse(place, "should be a table." if name in table else "is missing.")
        return value

    def text(self, table: Mapping[str, Any], name: str, place: str, default: str = "") -> str:
        """The text of that name, which is not empty."""
        value = table.get(name, default)
        if not isinstance(value, str) or not value.strip():
            self.refuse(f"{place}.{name}", "should be some text in quotes." if name in table else "is missing.")
        return value

    def texts(self, table: Mapping[str, Any], name: str, place: str) -> tuple[str, ...]:
        """The list of texts of that name, which is not empty."""
        value = table.get(name)
        if not isinstance(value, list) or not value or not all(isinstance(text, str) for text in value):
            self.refuse(place, "should be a list of texts in quotes." if name in table else "is missing.")
        return tuple(value)

    def flag(self, table: Mapping[str, Any], name: str, place: str, *, default: bool) -> bool:
        """True or false."""
        value = table.get(name, default)
        if not isinstance(value, bool):
            self.refuse(f"{place}.{name}", "should be true or false.")
        return value

    def mark(self, table: Mapping[str, Any], name: str, place: str) -> Decimal:
        """The share of a mark of that name: 0, 0.5 or 1."""
        value = table.get(name)
        if isinstance(value, bool) or value not in MARKS:
            self.refuse(f"{place}.{name}", "should be 0, 0.5 or 1." if name in table else "is missing.")
        return Decimal(value)

    def decimals(self, values: Iterable[str], place: str) -> tuple[Decimal, ...]:
        """The numbers that the texts say."""
        try:
            numbers = tuple(Decimal(value) for value in values)
        except InvalidOperation:
            numbers = ()
        if not numbers or not all(number.is_finite() for number in numbers):
            self.refuse(place, 'should be numbers in quotes, as in ["1", "0.5"].')
        return numbers
