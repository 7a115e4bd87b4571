"""Cuts an answer in numbers into tokens: numbers, words, signs. What they mean together is up to ``arithmetic``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Literal

Token = re.Match[str]
Slash = Literal["divides", "separates", "spaced"]
NumberWords = Literal["all", "none", "not one"]
UNLIKELY = 0.25
"""The weight of a notation that is meant only if its values are all right."""
WORDS = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
         "ten": 10}  # fmt: skip
WORD = re.compile(r"[a-z]+")
TOKEN = re.compile(
    r"(?P<fraction>\\[dt]?frac(?![a-z]))|(?P<line>\n|\\\\|;)"
    r"|(?P<layout>\\(?:begin|end)\s?\{[a-z*]{0,12}\}(?:\{[lcr| ]{0,20}\})?|\*\*|`|\$|\\[,:! ]"
    r"|\\(?:left|right|hline|q?quad|displaystyle|[bB]igg?[lr]?)(?![a-z]))"
    r"|(?P<equals>\\(?:to|[rR]ightarrow|approx)(?![a-z])|[-=]{1,3}>|[=≈≃→⇒➔↦]+)|(?P<rule>:?-{2,}:?|:-:)"
    r"|(?P<size>(?:\d{1,3}\s?(?:[x×]|by)\s?\d{1,3}|(?P<side>\d)\*(?P=side))(?![.,]?\d|\s?=)(?:-?[^\W\d]\w{0,20})?)"
    r"|(?P<times>\\(?:times|cdot)(?![a-z])|[×·*])|(?P<divided>\\div(?![a-z])|÷)"
    r"|(?P<number>(?:(?:(?<!\d)\d{1,12}(?:\.\d{1,12}|\{,\}\d{1,12}|(?P<comma>,\d{1,12}))?|\.\d{1,12})(?!\d)|(?=[½¼¾⅓⅔]))"
    r"(?:\s?(?P<vulgar>[½¼¾⅓⅔]))?)(?P<glued>[^\W\d½¼¾⅓⅔]\w{0,20})?"
    r"|(?P<word>\\?[^\W\d_][^\W_]*(?:_\{[^{}\n]{0,12}\}|_\w{1,12}|['’][a-z]{1,3})?)"
    r"|(?P<gap>(?<![\w?])(?:\?{1,3}|_{1,9})(?![\w?]))|(?P<bracket>\\?[\[({\])}])|(?P<sign>[^\s\w])",
)  # fmt: skip

PAIR = re.compile(r"(?<![\d,.])\d{1,12},\d{1,12}(?!\d|,\d)")
"""Two numbers with a comma and no space between them and no third one: "2,5", but not "4,5,1,3"."""
POINT = re.compile(r"\d\.\d")
ROW = re.compile(r"\d,\d{1,12},\d")


@dataclass(frozen=True)
class Notation:
    """What signs with two meanings mean. ``slash``: "spaced" separates where it stands between spaces."""

    has_decimal_commas: bool = False
    slash: Slash = "divides"
    has_minus: bool = True
    number_words: NumberWords = "all"


def cut(text: str, notation: Notation) -> list[Token]:
    """The tokens of the text. A number with letters after it ("2nd", "6a") is a token of the kind "glued"."""
    found = []
    place = 0
    while match := TOKEN.search(text, place):
        place = match.end()
        if match["comma"] and not notation.has_decimal_commas:
            place = match.start("comma")
            match = TOKEN.match(text, match.start(), place) or match
        found.append(match)
    return found


def name(token: Token) -> str:
    """The word in lower case; empty for a number or sign."""
    return token.group().lstrip("\\").lower() if token.lastgroup == "word" else ""


def sign(token: Token) -> str:
    """The sign that the token stands for: a bracket, + - * / or another letter; a space for a number or word."""
    if token.lastgroup == "bracket":
        return token.group()[-1]
    if token.lastgroup == "sign":
        return "-" if token.group() in "–−—" else token.group()  # dashes that students type
    return {"times": "*", "divided": "/"}.get(token.lastgroup or "", " ")


def notations(text: str, *, may_have_decimals: bool) -> Iterator[tuple[Notation, float]]:
    """The meanings of signs that can matter in the text, with their weights (0..1).

    ``may_have_decimals``: whether the question has results that are not whole numbers.
    """
    between = {text[place] for place in range(1, len(text) - 1) if text[place] in ",/–—-" and _is_between(text, place)}
    is_listed = "," in between or "\n" in text or ";" in text
    commas = {False: 1.0}
    has_pairs = PAIR.search(text) is not None and not POINT.search(text)
    if has_pairs:
        commas = {True: 1.0, False: 0.3} if may_have_decimals else {False: 1.0, True: 0.5}
    elif ROW.search(text) and not POINT.search(text):
        commas[True] = UNLIKELY
    is_loose = has_pairs and " / " in text  # the comma binds more tightly
    slashes: dict[Slash, float] = {"divides": 0.3 if is_loose else 1.0}
    if "/" in between:
        slashes |= {"separates": 0.5 if is_listed else 0.9, "spaced": 0.9}
    minuses = {True: 1.0, False: 0.9} if between - {",", "/"} or "-" in text else {True: 1.0}
    for comma, slash, minus, words in product(commas, slashes, minuses, _number_words(text)):
        weight = commas[comma] * slashes[slash] * minuses[minus] * (1.0 if words == "all" else 0.9)
        yield Notation(comma, slash, minus, words), weight


def _is_between(text: str, place: int) -> bool:
    """Whether the sign stands between two numbers, or brackets or spaces beside them."""
    return not text[place - 1].isalpha() and not text[place + 1].isalpha()


def _number_words(text: str) -> list[NumberWords]:
    """Which number words may be values. Beside digits, none may be one ("the two maxima"), or only "one" is none."""
    words = set(WORD.findall(text.lower()))
    if words.isdisjoint([*WORDS, "half"]) or not any(letter.isdigit() for letter in text):
        return ["all"]
    return ["all", "none", "not one"] if "one" in words else ["all", "none"]
