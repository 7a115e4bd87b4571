"""Reading a marking scheme: ``rubric.toml`` becomes a :class:`~grader.model.Rubric`, or is refused with a reason.

There are no defaults and no guesses: a key that is missing, unknown or out of range stops the run before any submission
is graded.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any, NoReturn

from grader.lab4.items import EXPERIMENT_TITLES, PART2_TITLES
from grader.model import Band, Criterion, Rubric, TrainingPlan, UsageFault
from grader.model.parts import fault_in
from grader.model.repair_kinds import KINDS, RULES
from grader.rubric.tables import near_miss
from grader.rubric.written_parts import titles_of

STEP = Decimal("0.25")
"""Points are multiples of a quarter."""
LEARNING_RATES = (Decimal("0.000001"), Decimal(10))


def load_rubric(path: Path | None = None) -> Rubric:
    """The marking scheme at ``path``, or the lab's own if ``path`` is None.

    Criteria are in the lab's order, not in the order of the file. The written parts may be another lab's. Raises
    :class:`UsageFault` with the file, the key and what to change.
    """
    name, content = _contents(path)
    tables = ("title", "totals", "part1", "part2", "experiment", "training", "resources", "repairs")
    top = _Table(name, "", _parse(name, content), tables)
    totals = top.table("totals", ("part1", "part2", "experiment"))
    part1 = _optional(top, "part1", _written(top), totals)
    part2 = _criteria(top, "part2", PART2_TITLES, totals)
    experiment = _optional(top, "experiment", EXPERIMENT_TITLES, totals)
    limits = top.table("resources", ("max_parameters", "max_forward_seconds"))
    rubric = Rubric(
        title=top.text("title"),
        part1=part1,
        part2=part2,
        training=_plan(top),
        revision="",
        max_parameters=limits.count("max_parameters", 1, 10**10),
        max_forward_seconds=float(limits.number("max_forward_seconds", Decimal("0.001"), Decimal(600))),
        experiment=experiment,
        repairs=_repairs(top) if top.has("repairs") else {},
    )
    return _with_revision(rubric)


def _written(top: _Table) -> Mapping[str, str]:
    """The titles of the written parts."""
    values = top.values.get("part1")
    parts = _flat(top, "part1", values) if isinstance(values, dict) else {}
    part, reason = fault_in(parts)
    if part:
        top.refuse(f"part1.{part}", reason)
    return titles_of(parts)


def _repairs(top: _Table) -> dict[str, str]:
    """The rule of each kind of repair in the optional table."""
    table = top.table("repairs", KINDS)
    rules = {kind: table.text(kind) for kind in table.values}
    for kind, rule in rules.items():
        if rule not in RULES:
            table.refuse(kind, f'should be "{", ".join(RULES[:-1])}" or "{RULES[-1]}".'.replace(", ", '", "'))
    return rules


def _contents(path: Path | None) -> tuple[str, bytes]:
    if path is None:
        return "rubric.toml", resources.files("grader.lab4").joinpath("rubric.toml").read_bytes()
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        raise UsageFault(f"{path}: the rubric cannot be read ({error.strerror or error}).") from error


def _parse(name: str, content: bytes) -> dict[str, Any]:
    try:
        # utf-8-sig, because some editors write a byte order mark at the start, which TOML does not allow.
        return tomllib.loads(content.decode("utf-8-sig"), parse_float=Decimal)
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageFault(f"{name}, line {line}: not UTF-8 text; save the rubric as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageFault(f"{name}: not valid TOML: {error}.") from error


@dataclass(frozen=True)
class _Table:
    """One TOML table of a file. Its methods read a key or refuse it with a reason. ``allowed`` are the known keys."""

    file: str
    path: str
    values: Mapping[str, Any]
    allowed: Iterable[str]

    def __post_init__(self) -> None:
        known = tuple(self.allowed)
        for key in self.values:
            if key not in known:
                self.refuse(key, f"is not a known key.{near_miss(key, known)}")

    def refuse(self, key: str, reason: str) -> NoReturn:
        raise UsageFault(f"{self.file}: {self._place(key)}: {reason}")

    def has(self, key: str) -> bool:
        return key in self.values

    def table(self, key: str, allowed: Iterable[str]) -> _Table:
        value = self._value(key)
        if not isinstance(value, dict):
            self.refuse(key, f"should be a table, not {_kind(value)}.")
        return _Table(self.file, self._place(key), value, allowed)

    def tables(self, key: str, allowed: Iterable[str]) -> tuple[_Table, ...]:
        names = tuple(allowed)
        found = []
        for number, value in enumerate(self._list(key), start=1):
            if not isinstance(value, dict):
                self.refuse(f"{key}[{number}]", f"should be a table with {' and '.join(names)}, not {_kind(value)}.")
            found.append(_Table(self.file, f"{self._place(key)}[{number}]", value, names))
        return tuple(found)

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str) or not value.strip():
            self.refuse(key, f"should be text in quotes, not {_kind(value)}.")
        return value

    def count(self, key: str, least: int, most: int) -> int:
        return self._whole(key, self._value(key), least, most)

    def number(self, key: str, least: Decimal, most: Decimal) -> Decimal:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            self.refuse(key, f"should be a number, not {_kind(value)}.")
        number = Decimal(value)
        if not number.is_finite() or not least <= number <= most:
            self.refuse(key, f"should be between {least} and {most}, not {number}.")
        return number

    def points(self, key: str) -> Decimal:
        value = self._value(key)
        if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
            self.refuse(key, f"should be a number of points, not {_kind(value)}.")
        try:
            points = Decimal(value)
        except ArithmeticError:
            self.refuse(key, f"should be a number of points, not {_kind(value)}.")
        if not points.is_finite() or points < 0:
            self.refuse(key, f"points cannot be {points}; use 0 or more.")
        if points > 1000 or points % STEP:
            self.refuse(key, f"{points} points is not a multiple of {STEP} up to 1000.")
        return points.quantize(Decimal("0.01"))

    def _place(self, key: str) -> str:
        shown = f'"{key}"' if "." in key and self.path else key
        return f"{self.path}.{shown}" if self.path else shown

    def _value(self, key: str) -> Any:
        if key not in self.values:
            self.refuse(key, "is missing.")
        return self.values[key]

    def _list(self, key: str) -> list[Any]:
        value = self._value(key)
        if not isinstance(value, list) or not value:
            self.refuse(key, f"should be a list with at least one entry, not {_kind(value)}.")
        return value

    def _whole(self, key: str, value: Any, least: int, most: int) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            self.refuse(key, f"should be a whole number, not {_kind(value)}.")
        if not least <= value <= most:
            self.refuse(key, f"should be between {least} and {most}, not {value}.")
        return value


def _optional(top: _Table, part: str, titles: Mapping[str, str], totals: _Table) -> tuple[Criterion, ...]:
    """The criteria of a table that may be omitted together with its total."""
    if top.has(part):
        return _criteria(top, part, titles, totals)
    if totals.has(part):
        totals.refuse(part, f"there is no [{part}] table; add one, or remove this total.")
    return ()


def _criteria(top: _Table, part: str, titles: Mapping[str, str], totals: _Table) -> tuple[Criterion, ...]:
    value = top.values.get(part, {})
    if not isinstance(value, dict):
        top.refuse(part, f"should be a table, not {_kind(value)}.")
    table = _Table(top.file, part, _flat(top, part, value), titles)
    criteria = tuple(Criterion(id, title, table.points(id)) for id, title in titles.items())
    declared = totals.points(part)
    found = sum((criterion.points for criterion in criteria), Decimal(0))
    if found != declared:
        top.refuse(part, f"the points add up to {found}, but totals.{part} says {declared}; change one of them.")
    return criteria


def _flat(top: _Table, part: str, values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """The keys of nested tables joined by dots: ``structure.conv = 2`` means the same as ``"structure.conv" = 2``."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + key
        leaves = _flat(top, part, value, f"{name}.") if isinstance(value, dict) else {name: value}
        for twice in leaves.keys() & flat.keys():
            top.refuse(f'{part}."{twice}"', "is given twice, once with quotes and once without.")
        flat |= leaves
    return flat


def _plan(top: _Table) -> TrainingPlan:
    given = top.table("training", top.values.get("training", ())).values
    if "mnist" in given:  # as in rubrics of earlier versions
        top.refuse("training.mnist", "rename [training.mnist] to [training], and remove [training.digits].")
    if "seeds" in given:
        top.refuse("training.seeds", "write runs = 3 in its place: each cohort draws its own seeds.")
    table = top.table("training", (field.name for field in dataclasses.fields(TrainingPlan)))
    steps = table.count("steps", 10, 20_000)
    bands = _bands(table)
    plan = TrainingPlan(
        steps=steps,
        batch_size=table.count("batch_size", 1, 1024),
        learning_rate=float(table.number("learning_rate", *LEARNING_RATES)),
        retry_learning_rate=float(table.number("retry_learning_rate", *LEARNING_RATES)),
        retry_steps=table.count("retry_steps", 10, 20_000),
        momentum=float(table.number("momentum", Decimal(0), Decimal("0.9999"))),
        runs=table.count("runs", 1, 20),
        evaluate_every=table.count("evaluate_every", 1, steps),
        stop_accuracy=float(table.number("stop_accuracy", Decimal(0), Decimal(1))),
        margin=float(table.number("margin", Decimal(0), Decimal("0.5"))),
        bands=bands,
    )
    if plan.stop_accuracy < bands[0].accuracy:
        table.refuse("stop_accuracy", f"training would stop before it reaches the best band, {bands[0].accuracy}.")
    return plan


def _bands(table: _Table) -> tuple[Band, ...]:
    entries = table.tables("bands", ("accuracy", "fraction"))
    zero, one = Decimal(0), Decimal(1)
    bands = tuple(
        Band(accuracy=float(entry.number("accuracy", zero, one)), fraction=entry.number("fraction", zero, one))
        for entry in entries
    )
    if bands[0].fraction != 1:
        entries[0].refuse("fraction", f"the best band must give all points (1), not {bands[0].fraction}.")
    for entry, (better, worse) in zip(entries[1:], itertools.pairwise(bands), strict=True):
        if worse.accuracy >= better.accuracy:
            entry.refuse("accuracy", f"bands go from best to worst, so this must be below {better.accuracy}.")
        if worse.fraction >= better.fraction:
            entry.refuse("fraction", f"a lower band must give less than the band above it, {better.fraction}.")
    return bands


def _with_revision(rubric: Rubric) -> Rubric:
    """The rubric with a digest of its values. Comments, spacing and the order of keys do not change the digest."""
    content = {
        "title": rubric.title,
        "part1": {criterion.id: str(criterion.points) for criterion in rubric.part1},
        "part2": {criterion.id: str(criterion.points) for criterion in rubric.part2},
        "training": dataclasses.asdict(rubric.training),
        "resources": [rubric.max_parameters, rubric.max_forward_seconds],
    }
    extra = {"experiment": {c.id: str(c.points) for c in rubric.experiment}, "repairs": dict(rubric.repairs)}
    content |= {name: table for name, table in extra.items() if table}
    digest = hashlib.sha256(json.dumps(content, sort_keys=True, default=float).encode()).hexdigest()
    return dataclasses.replace(rubric, revision=digest[:12])


def _kind(value: Any) -> str:
    """A wrong value as messages show it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return f'the text "{value}"'
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    return str(value)
