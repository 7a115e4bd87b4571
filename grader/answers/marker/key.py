"""Reads the answer key: a TOML file becomes an :class:`AnswerKey`, or is refused with the place of the mistake."""

from __future__ import annotations

import ast
import hashlib
import json
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from grader.answers.marker.key_defaults import lacking_of, missing_of, right_of, vocabulary_of
from grader.answers.marker.key_parts import NEVER, NOTHING, Condition, Idea, NumericPart, Policy, ProsePart, Slip
from grader.answers.marker.key_tables import Tables
from grader.answers.marker.ordinary_words import ORDINARY_WORDS
from grader.answers.marker.patterns import Pattern, PatternFault, compiled, from_example
from grader.answers.marker.samples import Sample, load_samples
from grader.answers.marker.similarity import WORD, Similarity
from grader.answers.marker.tokens import read, stem
from grader.model import UsageFault
from grader.model.parts import fault_in, in_order
from grader.rubric.tables import near_miss

FORMAT = 1
PROSE_KEYS = (
    "question", "full", "half", "vocabulary", "missing", "lacking", "right", "topics", "asides", "ideas", "wrong"
)  # fmt: skip
IDEA_KEYS = ("name", "say", "patterns", "examples", "deniable", "about", "opposite", "unless")
NUMERIC_KEYS = ("question", "values", "other", "missing", "other_part", "slips", "partial")
POLICY_KEYS = ("part", "ideas", "costs", "samples", "mark")
GRID = 4
"""Numbers of an answer in numbers; the marker reads no other count."""


@dataclass(frozen=True)
class AnswerKey:
    """The whole key, by part. ``vocabulary``: words and stems to which misspelt words are corrected."""

    parts: Mapping[str, ProsePart | NumericPart]
    vocabulary: frozenset[str]
    similarity: Similarity
    """Learned from the key's sample answers."""
    english: frozenset[str] = frozenset()
    """Stems of the words in the key and its samples, by which an answer in another language is recognised."""
    revision: str = ""
    """Digest of the key's values and its samples, independent of comments and layout."""
    samples: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    """The sample answers, by part."""
    agreements: dict[str, float] = field(default_factory=dict, compare=False)
    """How well the marker agrees with the samples of the parts that have few, as far as it is known."""

    @property
    def questions(self) -> Mapping[str, str]:
        """What each part asks, in the order of the sheet."""
        return {part: asked.question for part, asked in self.parts.items()}


def load_key(path: Path) -> AnswerKey:
    """The key at ``path``. Raises :class:`UsageFault` that names the file, the place and what to change."""
    try:
        return _Reader(path).key(_values(path))
    except RecursionError as error:
        raise UsageFault(f"{path}: something in the answer key is nested too deeply.") from error


def samples_path(path: Path) -> Path | None:
    """The file of sample answers that the key at ``path`` names; None if it names none."""
    named = _values(path).get("samples")
    return path.parent / named if isinstance(named, str) else None


def _values(path: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"), parse_float=Decimal)
    except OSError as error:
        raise UsageFault(f"{path}: the answer key cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise UsageFault(f"{path}: the answer key is not UTF-8 text; save it as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageFault(f"{path}: not valid TOML: {error}.") from error
    except ValueError as error:
        raise UsageFault(f"{path}: a number in the answer key is too long.") from error


class _Reader(Tables):
    """Reads the tables of a key."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.words: dict[str, tuple[str, ...]] = {}
        self.samples: Mapping[str, tuple[Sample, ...]] = {}

    def key(self, values: Mapping[str, Any]) -> AnswerKey:
        self.known(values, "the key", ("format", "samples", "ordinary_words", "words", "policies", "parts"))
        if values.get("format") != FORMAT:
            self.refuse("format", f"should be {FORMAT}.")
        lists = self.table(values, "words", "words") if "words" in values else {}
        self.words = {name: self.texts(lists, name, f"words.{name}") for name in lists}
        tables = self.table(values, "parts", "parts")
        part, reason = fault_in(tables)
        if part or not tables:
            self.refuse(f"parts.{part}".rstrip("."), reason or "has no part; add one, headed [parts.1].")
        given = {part: self.table(tables, part, f"parts.{part}") for part in in_order(tables)}
        self.samples = self.read_samples(values, [part for part, table in given.items() if "values" not in table])
        parts = {part: self.part(part, table) for part, table in given.items()}
        in_words = {part: asked for part, asked in parts.items() if isinstance(asked, ProsePart)}
        policies = list(self.policies(values, in_words)) if "policies" in values else []
        for part, prose in in_words.items():
            parts[part] = replace(prose, policies=tuple(policy for at, policy in policies if at == part))
        named = self.texts(values, "ordinary_words", "ordinary_words") if "ordinary_words" in values else ()
        ordinary = ORDINARY_WORDS | {word.lower() for word in named}
        stems = ordinary | {stem(word) for word in ordinary}
        for asked in parts.values():
            stems |= {token.stem for token in read(asked.question).tokens}
            if isinstance(asked, ProsePart):
                stems |= asked.vocabulary
                ideas = (*asked.ideas, *asked.wrong)
                patterns = [pattern for idea in ideas for pattern in (*idea.patterns, *idea.opposite)]
                patterns += [pattern for _, named in asked.topics for pattern in named]
                stems |= {word for pattern in patterns for word in pattern.words}
        words = {
            word
            for listed in self.samples.values()
            for sample in listed
            for word in WORD.findall(sample.answer.lower())
        }
        content = json.dumps([values, self.samples], sort_keys=True, default=str)
        return AnswerKey(
            parts,
            frozenset(stems),
            Similarity(self.samples),
            frozenset(stems) | {stem(word) for word in words},
            hashlib.sha256(content.encode()).hexdigest()[:12],
            self.samples,
        )

    def read_samples(self, values: Mapping[str, Any], parts: list[str]) -> Mapping[str, tuple[Sample, ...]]:
        """The sample answers in the file that the key names, next to the key; none when it names no file."""
        if "samples" not in values:
            return {}
        return load_samples(self.path.parent / self.text(values, "samples", "the key"), parts)

    def part(self, part: str, table: Mapping[str, Any]) -> ProsePart | NumericPart:
        place = f"parts.{part}"
        if "values" in table:
            return self.numeric(part, table, place)
        self.known(table, place, PROSE_KEYS)
        named = self.table(table, "topics", f"{place}.topics") if "topics" in table else {}
        topics = {name: self.patterns(named, name, f"{place}.topics") for name in named}
        ideas = tuple(self.ideas(table, "ideas", place, topics))
        wrong = tuple(self.ideas(table, "wrong", place, topics)) if "wrong" in table else ()
        names = [idea.name for idea in (*ideas, *wrong)]
        for name in names:
            if names.count(name) > 1:
                self.refuse(f"{place}.{name}", "occurs twice; each idea needs its own name.")
        question = self.text(table, "question", place)
        full = self.condition(table, "full", place, ideas)
        if "vocabulary" in table:
            words = self.texts(table, "vocabulary", f"{place}.vocabulary")
            vocabulary = frozenset(stem(word.lower()) for word in words)
        else:
            vocabulary = vocabulary_of(question, (*ideas, *wrong), self.samples.get(part, ()))
        return ProsePart(
            part=part,
            question=question,
            full=full,
            half=self.condition(table, "half", place, ideas) if "half" in table else NEVER,
            vocabulary=vocabulary,
            right=self.text(table, "right", place, right_of(ideas, full)),
            missing=self.text(table, "missing", place, missing_of(question)),
            lacking=self.text(table, "lacking", place, lacking_of(question)),
            ideas=ideas,
            wrong=wrong,
            topics=tuple(topics.items()),
            asides=self.patterns(table, "asides", place) if "asides" in table else (),
        )

    def numeric(self, part: str, table: Mapping[str, Any], place: str) -> NumericPart:
        self.known(table, place, NUMERIC_KEYS)
        question = self.text(table, "question", place)
        values = self.numbers(table, "values", place)
        other = self.numbers(table, "other", place) if "other" in table else ()
        if other == values:
            self.refuse(f"{place}.other", "are the right numbers; give those of another part, or leave it out.")
        return NumericPart(
            part=part,
            question=question,
            values=values,
            other=other,
            missing=self.text(table, "missing", place, missing_of(question)),
            other_part=self.text(table, "other_part", place) if "other" in table else "",
            slips=tuple(self.slips(table, f"{place}.slips")) if "slips" in table else (),
            is_partial=self.flag(table, "partial", place, default=True),
        )

    def policies(self, values: Mapping[str, Any], parts: Mapping[str, ProsePart]) -> Iterable[tuple[str, Policy]]:
        """The policies, each with the part to which it applies."""
        tables = self.table(values, "policies", "policies")
        for name in tables:
            place = f"policies.{name}"
            table = self.table(tables, name, place)
            self.known(table, place, POLICY_KEYS)
            samples, mark = self.mark(table, "samples", place), self.mark(table, "mark", place)
            if ("costs" in table) == ("ideas" in table) or ("ideas" in table) != ("part" in table):
                self.refuse(place, "should have costs, for wrong ideas of all parts, or a part and its ideas.")
            if "costs" in table:
                costs = self.mark(table, "costs", place)
                for part, asked in parts.items():
                    wrong = frozenset(idea.name for idea in asked.wrong if idea.costs == costs)
                    yield part, Policy(name, wrong, samples, mark)
                continue
            part = self.text(table, "part", place)
            if part not in parts:
                self.refuse(f"{place}.part", f'"{part}" is not a part in words.')
            names = [idea.name for idea in (*parts[part].ideas, *parts[part].wrong)]
            ideas = self.texts(table, "ideas", f"{place}.ideas")
            for unknown in sorted(set(ideas) - set(names)):
                self.refuse(f"{place}.ideas", f'there is no idea "{unknown}".{near_miss(unknown, names)}')
            yield part, Policy(name, frozenset(ideas), samples, mark)

    def slips(self, table: Mapping[str, Any], place: str) -> Iterable[Slip]:
        entries = table["slips"]
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.refuse(place, f"should be tables, each headed [[{place}]].")
        for number, entry in enumerate(entries, start=1):
            where = f"{place}[{number}]"
            self.known(entry, where, ("values", "say"))
            values = self.texts(entry, "values", f"{where}.values")
            yield Slip(self.decimals(values, f"{where}.values"), self.text(entry, "say", where))

    def ideas(self, table: Mapping[str, Any], name: str, place: str, topics: Iterable[str]) -> Iterable[Idea]:
        entries = table.get(name)
        if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
            self.refuse(f"{place}.{name}", f"should be one or more tables, each headed [[{place}.{name}]].")
        extra = ("costs",) if name == "wrong" else ()
        for number, entry in enumerate(entries, start=1):
            where = f"{place}.{name}[{number}]"
            self.known(entry, where, (*IDEA_KEYS, *extra))
            title = self.text(entry, "name", where)
            if not title.isidentifier() or title in ("and", "or", "not"):
                self.refuse(f"{where}.name", f'"{title}" should be a single word of letters, digits and _.')
            costs = self.mark({"costs": 1} | entry, "costs", where) if extra else NOTHING
            if extra and not costs:
                self.refuse(f"{where}.costs", "should be 0.5 (half the mark) or 1 (all of it).")
            about = self.text(entry, "about", where) if "about" in entry else ""
            if about and about not in topics:
                self.refuse(f"{where}.about", f'there is no topic "{about}".{near_miss(about, topics)}')
            yield Idea(
                title,
                self.text(entry, "say", where),
                self.wordings(entry, where),
                costs,
                self.flag(entry, "deniable", where, default=True),
                about,
                self.patterns(entry, "opposite", where) if "opposite" in entry else (),
                self.patterns(entry, "unless", where) if "unless" in entry else (),
            )

    def wordings(self, entry: Mapping[str, Any], place: str) -> tuple[Pattern, ...]:
        """The patterns of an idea: those given, and those made from its examples."""
        if "examples" not in entry:
            return self.patterns(entry, "patterns", place)
        given = self.patterns(entry, "patterns", place) if "patterns" in entry else ()
        return (*given, *self.patterns(entry, "examples", place, from_example))

    def patterns(
        self, entry: Mapping[str, Any], name: str, place: str, make: Callable[[str], Pattern] | None = None
    ) -> tuple[Pattern, ...]:
        made = []
        for number, text in enumerate(self.texts(entry, name, f"{place}.{name}"), start=1):
            try:
                made.append(make(text) if make else compiled(text, self.words))
            except PatternFault as fault:
                self.refuse(f"{place}.{name}[{number}]", f"{fault}.")
        return tuple(made)

    def condition(self, table: Mapping[str, Any], name: str, place: str, ideas: Iterable[Idea]) -> Condition:
        text = self.text(table, name, place)
        try:
            tree = ast.parse(text, mode="eval").body
        except (SyntaxError, MemoryError):
            self.refuse(f"{place}.{name}", f'"{text}" should be names of ideas joined with and, or, not.')
        for node in ast.walk(tree):
            if not isinstance(node, ast.BoolOp | ast.boolop | ast.UnaryOp | ast.Not | ast.Name | ast.Load):
                self.refuse(f"{place}.{name}", f'"{text}" should be names of ideas joined with and, or, not.')
        condition, known = Condition(text, tree), [idea.name for idea in ideas]
        for unknown in sorted(condition.names - set(known)):
            self.refuse(f"{place}.{name}", f'there is no idea "{unknown}".{near_miss(unknown, known)}')
        return condition

    def numbers(self, table: Mapping[str, Any], name: str, place: str) -> tuple[Decimal, ...]:
        values = self.texts(table, name, f"{place}.{name}")
        if len(values) != GRID:
            self.refuse(f"{place}.{name}", f"should be {GRID} numbers, a grid of two rows; ask for others in words.")
        return self.decimals(values, f"{place}.{name}")
