"""No regular expression of the grader takes more than linear time, whatever a student writes.

Every pattern is tried: those in the modules, those written in calls such as ``re.sub``, and those that the answer key
makes. Each gets texts that are made from the pattern to be slow (:mod:`tests.support.pattern_attacks`).
``LAB4_PATTERN_TEXTS`` is the number of texts for each pattern, if there should be more.
"""

from __future__ import annotations

import ast
import importlib
import os
import pkgutil
import random
import re
import signal
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from types import FrameType
from typing import Any

import pytest

import grader
from grader.answers.marker.key import load_key
from grader.answers.marker.patterns import Pattern
from tests.support.pattern_attacks import attacks
from tests.support.places import ROOT

_MOST_TEXTS = int(os.environ.get("LAB4_PATTERN_TEXTS", "50"))
"""Texts for each pattern and each way in which it is used, chosen at random, but each time the same."""
_MOST_KEY_PATTERNS = 100
_SIZE = 2_400
"""Characters. A quadratic search takes some milliseconds, a linear one a fraction of one."""
_SUSPICIOUS = 0.002
"""Seconds of CPU from which the growth is measured."""
_LATE = 0.5
"""Seconds of CPU at which a search is stopped."""
_SLOW = 0.4
"""Seconds of CPU that are too many, whatever a shorter text takes."""
_MOST_GROWTH = 8.0
"""Times as long that a search may take in four times the text: 4 if the time is linear, 16 if it is quadratic."""
_READS_ON = frozenset({"search", "sub", "subn", "split", "findall", "finditer"})
_USES = _READS_ON | {"match", "fullmatch"}

_SLOW_IF_BOUNDED = 0.01
"""Seconds of CPU that are too many for the longest text that a pattern with a bound is given."""

_BOUNDS: Mapping[str, int] = {
    "answers.finding.labels._NAMED": 80,  # names of anchors are cut off by the readers of documents
    "answers.finding.lines._SECTION": 120,  # is_section asks for the length first
    "answers.finding.candidates.PART2": 120,  # so do _is_end and with_plain_labels
    "answers.finding.observations._HEADING": 100,  # _LONGEST_HEADING, and a list number
    "answers.finding.part_text._TABLE_RULE": 300,  # the caller cuts the line off
    "answers.finding.questions._POOL": 200,  # the caller cuts the line off
    "submissions.naming._COPY_NUMBER": 255,  # the name of a file, as in the next two
    "submissions/script_choice.py": 255,
    "worker/load/local_modules.py": 255,
}
"""The longest text that the code gives to a pattern, where its time is not linear in longer ones."""
_MATCHED = frozenset({"_ANSWER", "_BARE_ANSWER", "_SHORT"})
"""Patterns whose only use, in a loop over several, is ``match``."""


@dataclass
class _Tried:
    """A pattern, the places where it stands, and the ways in which it is used there."""

    pattern: re.Pattern[Any]
    places: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)

    @property
    def longest(self) -> int:
        return min([4 * _SIZE, *(limit for name, limit in _BOUNDS.items() if self.places[0].startswith(name))])


class _Late(Exception):
    """A search was stopped."""


def _calls() -> Iterator[tuple[str, ast.Call, ast.Attribute]]:
    """Each call of a method that could be a pattern's, with the file's path in the package."""
    for path in sorted(_PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _USES:
                yield path.relative_to(_PACKAGE).as_posix(), node, node.func


def _named_uses() -> dict[tuple[str, str], set[str]]:
    """The methods that are called on each name, in each module; ``""`` stands for all modules."""
    found: dict[tuple[str, str], set[str]] = {}
    for path, _, called in _calls():
        holder = called.value.value if isinstance(called.value, ast.Subscript) else called.value
        name = holder.id if isinstance(holder, ast.Name) else getattr(holder, "attr", "")
        for place in (path.removesuffix(".py").replace("/", "."), ""):
            found.setdefault((place, name), set()).add(called.attr)
    return found


def _within(value: object, depth: int = 0) -> Iterator[re.Pattern[Any]]:
    """The patterns in a value, or in its containers."""
    if isinstance(value, re.Pattern):
        yield value
    elif depth < 4 and isinstance(value, Mapping):
        for inner in (*value.keys(), *value.values()):
            yield from _within(inner, depth + 1)
    elif depth < 4 and isinstance(value, (tuple, list, set, frozenset)):
        for inner in value:
            yield from _within(inner, depth + 1)
    elif depth < 4 and is_dataclass(value) and not isinstance(value, type):
        yield from _within([getattr(value, field.name) for field in fields(value)], depth + 1)


def _patterns_of(value: object) -> list[re.Pattern[str]]:
    """The expressions of all the key's patterns in a value."""
    if isinstance(value, Pattern):
        return list(value.parts)
    if isinstance(value, Mapping):
        return [found for inner in value.values() for found in _patterns_of(inner)]
    if isinstance(value, (tuple, list, frozenset)):
        return [found for inner in value for found in _patterns_of(inner)]
    if is_dataclass(value):
        return [found for place in fields(value) for found in _patterns_of(getattr(value, place.name))]
    return []


def _in_modules() -> Iterator[tuple[str, str, re.Pattern[Any]]]:
    """(place, name, pattern) for each pattern in the globals of a module or the attributes of a class."""
    for found in pkgutil.walk_packages(grader.__path__, "grader."):
        if found.name.endswith("__main__"):
            continue
        module = importlib.import_module(found.name)
        place = found.name.removeprefix("grader.")
        classes = [kind for kind in vars(module).values() if isinstance(kind, type) and kind.__module__ == found.name]
        for holder in (module, *classes):
            for name, value in list(vars(holder).items()):
                for pattern in _within(value):
                    yield f"{place}.{name}", name, pattern


def _in_calls() -> Iterator[tuple[str, str, re.Pattern[Any]]]:
    """(place, method, pattern) for each pattern that is written in a call of a function of ``re``."""
    for path, call, called in _calls():
        first = call.args[0] if call.args else None
        if isinstance(called.value, ast.Name) and called.value.id == "re" and isinstance(first, ast.Constant):
            words = " ".join(map(ast.unparse, [*call.args[1:], *call.keywords]))
            flags = [re.RegexFlag[name] for name in re.findall(r"\bre\.([A-Z]+)\b", words)]
            yield f"{path}:{call.lineno}", called.attr, re.compile(first.value, sum(flags))


@cache  # not at import, because it imports torch
def _collected() -> list[_Tried]:
    found: dict[tuple[Any, int], _Tried] = {}
    named = _named_uses()
    for place, name, pattern in _in_modules():
        tried = found.setdefault((pattern.pattern, pattern.flags), _Tried(pattern))
        tried.places.append(place)
        module = place.removesuffix(f".{name}")
        uses = {"match"} if name in _MATCHED else named.get((module, name)) or named.get(("", name)) or {"search"}
        tried.uses |= uses
    for place, used, pattern in _in_calls():
        tried = found.setdefault((pattern.pattern, pattern.flags), _Tried(pattern))
        tried.places.append(place)
        tried.uses.add(used)
    return list(found.values())


_PACKAGE = ROOT / "grader"


def _stop(number: int, frame: FrameType | None) -> None:
    raise _Late


@pytest.fixture(autouse=True)
def _stopped_when_late() -> Iterator[None]:
    """Stop a search at :data:`_LATE`, which Python does only in the main thread."""
    before = signal.signal(signal.SIGPROF, _stop)
    yield
    signal.signal(signal.SIGPROF, before)


def _seconds(pattern: re.Pattern[Any], use: str, text: str) -> float:
    """The CPU time of using a pattern on a text as the grader does."""
    given = text.encode("latin-1", "ignore") if isinstance(pattern.pattern, bytes) else text
    start = time.thread_time()
    signal.setitimer(signal.ITIMER_PROF, _LATE)
    try:
        if use in {"match", "fullmatch"}:
            getattr(pattern, use)(given)
        else:
            for _ in pattern.finditer(given):
                pass
    except _Late:
        pass
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return time.thread_time() - start


def _text(attack: tuple[str, str, str], size: int) -> str:
    before, pump, end = attack
    return f"{before}{pump * max(1, size // len(pump))}{end}"


def _grows(pattern: re.Pattern[Any], use: str, attack: tuple[str, str, str], longest: int) -> bool:
    """Whether four times the text takes far more than four times as long, in each of four measurements."""
    if longest < 4 * _SIZE:
        return all(_seconds(pattern, use, _text(attack, longest)) > _SLOW_IF_BOUNDED for _ in range(4))
    for _ in range(4):
        short, long = (_seconds(pattern, use, _text(attack, size)) for size in (longest // 4, longest))
        if long < max(min(_MOST_GROWTH * short, _SLOW), _SUSPICIOUS):
            return False
    return True


def slow_text(pattern: re.Pattern[Any], use: str, *, longest: int = 4 * _SIZE) -> str:
    """What makes a pattern slow; empty when nothing that was tried does."""
    tried = attacks(pattern)
    for attack in random.Random(1).sample(tried, min(len(tried), _MOST_TEXTS)):
        text = _text(attack, min(_SIZE, longest))
        if _seconds(pattern, use, text) > _SUSPICIOUS and _grows(pattern, use, attack, longest):
            return "{!r}, then {!r} again and again, then {!r}".format(*attack)
    return ""


@pytest.mark.parametrize("start", range(8))
def test_the_time_of_every_pattern_is_linear(start: int) -> None:
    slow = [
        f"{tried.places[0]} ({use}): {text}"
        for tried in _collected()[start::8]
        for use in {"search" if use in _READS_ON else use for use in tried.uses}
        if (text := slow_text(tried.pattern, use, longest=tried.longest))
    ]
    assert not slow, "\n".join(slow)


@pytest.mark.parametrize(
    ("source", "use"),
    [
        (r"(?m)^\s*class\s", "search"),  # blank lines are read again from each of them
        (r"\w+:", "search"),
        (r"a\s*b?\s*c", "match"),  # two repeats share the spaces
        (r"(\"|')(?:\\.|(?!\1).)*\1", "match"),  # a backslash can be read in two ways
    ],
)
def test_a_slow_pattern_is_noticed(source: str, use: str) -> None:
    assert slow_text(re.compile(source), use)


def test_the_time_of_the_keys_patterns_is_linear() -> None:
    patterns = _patterns_of(load_key(ROOT / "solutions" / "key.toml").parts)
    chosen = random.Random(2).sample(patterns, _MOST_KEY_PATTERNS)
    slow = [f"{part.pattern}: {text}" for part in chosen if (text := slow_text(part, "search"))]
    assert not slow, "\n".join(slow)


def test_every_pattern_of_the_grader_is_tried() -> None:
    places = {place for tried in _collected() for place in tried.places}
    assert {
        "source.script._DEFINES_NET",
        "source.python_versions.PYTHON2",
        "answers.marker.number_tokens.TOKEN",
    } <= places
    assert any(place.startswith("answers/documents/notebook_document.py:") for place in places)
    assert all(any(place.startswith(name) for place in places) for name in _BOUNDS)
