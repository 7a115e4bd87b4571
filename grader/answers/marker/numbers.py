"""Finds the four numbers of an answer, in whatever notation, and compares them position by position."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from grader.answers.marker.finding import finding
from grader.answers.marker.key_parts import NumericPart
from grader.model import AnswerFinding

PLACES = ("top left", "top right", "bottom left", "bottom right")
ONES = {"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7",
        "eight": "8", "nine": "9", "ten": "10", "half": "0.5"}  # fmt: skip
VULGAR = {"½": "0.5", "¼": "0.25", "¾": "0.75", "⅓": "1/3", "⅔": "2/3"}
WHOLE_AND = re.compile(
    rf"\b({'|'.join(ONES)}|\d+)(?:\s+and\s+|-and-)a[\s-]half\b|\b({'|'.join(ONES)}|\d+) point (\w+)\b|\b(?:a|"
    rf"one) half\b"
    rf"|\b({'|'.join(ONES)})\b(?=\s+halves\b)|\b({'|'.join(ONES)})\b",
    re.IGNORECASE,
)
MACRO = re.compile(
    r"\\(?:begin|end)\s*\{[^}]*\}(?:\{[clr| ]*\})?|\\(?:left|right|text|mathrm|displaystyle|quad|bigl?|bigr?)\b"
)
FRACTION = re.compile(r"\\[dt]?frac\s*(?:\{\s*(\d+)\s*\}|\s*(\d))\s*(?:\{\s*(\d+)\s*\}|(\d))")
NOISE = re.compile(
    r"\breshape\s*\([^)]*\)|\bshape\s*(?:=\s*)?\([^)]*\)|\b\d\s*(?:x|×|\*|by)\s*\d\b(?!\s*=)|\b(?:stride|size|"
    r"kernel|padding|k|s)"
    r"\s*(?:(?:of|=|is)\s*)?\d\b|(?<!first )(?<!second )(?<!top )(?<!bottom )(?<!upper )(?<!lower )\b(?:row|block|"
    r"window|region|quadrant|patch|step|pool|line|col(?:umn)?|output|cell|part|question|q|square|box|group"
    r"|position|pos)\s*#?(?:\d+\b|(?:one|two|three|four)\b(?=\s*[:=.-]))\s*[:=.)-]?|\bq?\s*6\s*\(?[ab]\)?\s*[:.)-]?|^[^\S\n]*\(?[ab][.):]\s"
    r"|\b(?:all )?(?:the )?(?:four|4) (?:values|numbers|blocks|windows|results|regions|cells|outputs|quadrants|"
    r"squares|averages|maxima)\b"
    r"|(?<=left )one(?= (?:to|is|has|gives|averages|comes|equals|becomes|yields)\b)"
    r"|(?<=right )one(?= (?:to|is|has|gives|averages|comes|equals|becomes|yields)\b)"
    r"|\b(?:two|2) (?:upper|lower|top|bottom)\b"
    r"|\b(?:two|2) (?:rows|columns|decimals?|blocks|of the)\b|\b(?:upper|lower|top|bottom) (?:two|2)\b(?![.,]\d)|"
    r"\bstride-?\d|\[\s*\d\s*,\s*\d\s*\]\s*(?==|:)"
    r"|\b[a-z]\w*_\{?\d+\}?\s*=|\(\s*[01]\s*,\s*[01]\s*\)\s*(?:=|:|is|->)|\bmax2d|\bavg2d|\b2d\b|"
    r"dtype\s*=\s*\w+|float\d+|int\d+",
    re.IGNORECASE | re.MULTILINE,
)
LISTED = re.compile(r"(?m)^[^\S\n]*(?:\(?[1-4]|[ivx]+)[.)]\s+")
NUMBER = r"\d*\s?[½¼¾⅓⅔]|\d+\s+[1-9]/[2-9]\b|\d+(?:\.\d*)?\s*/\s*\d+(?![\d.])|\d+\.\d*|\.\d+|\d+"
ITEM = re.compile(
    rf"(?P<both>\b(?:both|each|twice)\b)|(?P<place>(?:\b(?:top|upper|bottom|lower|first row|second row|1st row|"
    rf"2nd row|TL|TR|BL|BR)\b"
    rf"[\s,-]*(?:(?:left|right|first|second)\b)?(?:[\s-]*hand)?))|(?P<side>\b(?:left|right)\b)|"
    rf"(?P<number>-?(?:{NUMBER}))"
    r"|(?P<gap>\?+|_+|\bn/?a\b|\bblank\b)",
    re.IGNORECASE,
)
RESULT = re.compile(rf"(?:=|≈|->|→|\bis\b|\bgives?\b|\bequals?\b)\s*\$?\s*({NUMBER})(?!\s*[+*×/=]|\s*\d)")
DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d)")
WORKING = re.compile(
    r"\bof\s+\d+\s*,|\d\s*[+/÷]\s*(?:\(\s*)?\d|\bmax\s*[({]|\(\s*\d(?:\s*[,+]\s*\d)+\s*\)|"
    r"\{\s*\d(?:\s*,\s*\d)+\s*\}",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Reading:
    """Four numbers in the order of :data:`PLACES` (None: not given), the confidence, and their offsets in the text."""

    values: tuple[Decimal | None, ...]
    confidence: float
    spans: tuple[tuple[int, int], ...] = ()


def mark_numbers(asked: NumericPart, text: str, note: str = "") -> AnswerFinding:
    """The finding on numbers in positions: a quarter of the mark for each right number."""
    reading = read_numbers(text, asked.values)
    right = sum(found == wanted for found, wanted in zip(reading.values, asked.values, strict=True))
    awarded = Decimal(right) / 4
    if reading.values == asked.values:
        message = "All four numbers are right."
    elif reading.values == asked.other:
        message = asked.other_part
    elif not any(value is not None for value in reading.values):
        message = asked.missing
    else:
        wrong = [
            place for place, found, wanted in zip(PLACES, reading.values, asked.values, strict=True) if found != wanted
        ]
        message = f"{right} of 4 numbers are right; look again at {', '.join(wrong)}."
    is_one_number = not awarded and len(reading.spans) == 1 and len(text.split()) < 4
    return finding(awarded, 0.7 if is_one_number else reading.confidence, message + note, reading.spans)


def read_numbers(text: str, wanted: tuple[Decimal, ...]) -> Reading:
    """The four numbers of an answer. ``wanted`` only decides between equally likely readings."""
    plain = _plain(text)
    results = list(RESULT.finditer(plain)) if WORKING.search(plain) else []
    if len(results) == 4:
        with_points = list(RESULT.finditer(DECIMAL_COMMA.sub(".", plain)))
        worked = [_worked(found, 0.9) for found in (results, with_points) if len(found) == 4]
        return max(worked, key=lambda reading: _right(reading, wanted))
    readings = [_in_order(plain)]
    for pattern, meant in ((DECIMAL_COMMA, "."), (r"(?<=\s)/(?=\s)", ";"), (r"/", ";")):
        if re.search(pattern, plain):
            readings.append(_in_order(re.sub(pattern, meant, plain)))
    best = min(readings, key=lambda reading: (-reading.confidence, -_right(reading, wanted)))
    if best.confidence < 0.6 and len(results) > 4:
        return _worked(results[-4:], 0.4)
    return best


def _worked(results: list[re.Match[str]], confidence: float) -> Reading:
    """The results of four calculations, as in (4 + 3 + 2 + 1) / 4 = 2.5."""
    return Reading(tuple(_value(match[1]) for match in results), confidence, tuple(match.span(1) for match in results))


def _right(reading: Reading, wanted: tuple[Decimal, ...]) -> int:
    return sum(found == value for found, value in zip(reading.values, wanted, strict=True))


def _plain(text: str) -> str:
    """The text with fractions and number words as digits and without labels; offsets stay the same."""
    text = FRACTION.sub(lambda match: _filled(match, f" {match[1] or match[2]}/{match[3] or match[4]}"), text)
    for noise in (MACRO, NOISE):
        text = noise.sub(lambda match: _filled(match, ""), text)
    if len(LISTED.findall(text)) >= 2:
        text = LISTED.sub(lambda match: _filled(match, ""), text)
    text = WHOLE_AND.sub(lambda match: _filled(match, _digits(match)), text)
    return re.sub(r"(?<!\d)(\d+)\s*halves", lambda match: _filled(match, f"{match[1]}/2"), text).replace("{,}", " , ")


def _filled(match: re.Match[str], text: str) -> str:
    """``text``, padded with spaces (and the line ends) to the length of the match."""
    rest = match.group()[len(text) :]
    return text + "".join("\n" if letter == "\n" else " " for letter in rest)


def _digits(match: re.Match[str]) -> str:
    whole, before, after, halves, single = match.groups()
    if whole:
        return f"{ONES.get(whole.lower(), whole)}.5"
    if before:
        return f"{ONES.get(before.lower(), before)}.{ONES.get(after.lower(), after)}"
    if halves or single:
        return ONES[(halves or single).lower()]
    return "0.5"


def _value(text: str) -> Decimal | None:
    text = text.strip()
    if text and text[-1] in VULGAR:
        part = _value(VULGAR[text[-1]])
        return None if part is None else part + Decimal(text[:-1].strip() or 0)
    mixed = re.fullmatch(r"(\d+)\s+(\d)/(\d)", text)
    try:
        if mixed:
            return Decimal(mixed[1]) + Decimal(mixed[2]) / Decimal(mixed[3])
        top, _, bottom = text.partition("/")
        return Decimal(top.strip()) / Decimal(bottom.strip()) if bottom else Decimal(top)
    except (InvalidOperation, ZeroDivisionError):
        return None


def _place(text: str) -> int | None:
    low = text.lower()
    row = 0 if re.search(r"top|upper|first row|1st row|^t[lr]", low) else 1
    if re.search(r"left|^[tb]l", low) or re.search(r"first$", low):
        return row * 2
    if re.search(r"right|^[tb]r", low) or re.search(r"second$", low):
        return row * 2 + 1
    return None


def _in_order(plain: str) -> Reading:  # noqa: C901  # a case for each way to give four numbers
    """The numbers in the order of the text, or of the positions that are named beside them."""
    items = [(match.lastgroup or "", match.group(), match.span()) for match in ITEM.finditer(plain)]
    values: list[Decimal | None] = []
    spans: list[tuple[int, int]] = []
    kinds = [kind for kind, _, _ in items]
    for kind, raw, span in items:
        if kind == "number":
            values.append(_value(raw))
            spans.append(span)
        elif kind == "gap":
            values.append(None)
    if len(values) in (2, 3) and "both" in kinds:
        values = _doubled(items)
    named = [_place(raw) for kind, raw, _ in items if kind == "place"]
    places = [place for place in named if place is not None]
    where = tuple(spans)
    if re.search(r"\d\s*or\s*\d", plain):
        return Reading(_padded(values), 0.35, where)
    if places and len(set(places)) == len(places) == len(values):
        ordered: list[Decimal | None] = [None] * 4
        for place, value in zip(places, values, strict=True):
            ordered[place] = value
        return Reading(tuple(ordered), 0.9 if len(values) > 2 else 0.7, where)
    if len(values) == 4:
        return Reading(_padded(values), 0.95, where)
    if len(values) == 3:
        return Reading(_padded(values), 0.75, where)
    if not values:
        return Reading((None,) * 4, 0.8 if len(plain.split()) < 4 else 0.65)
    if len(values) < 3:
        return Reading(_padded(values), 0.7 if len(values) == 2 and len(plain.split()) < 4 else 0.5, where)
    if len(values) == 20:
        return Reading(tuple(values[-4:]), 0.7, where[-4:])
    return Reading(tuple(values[-4:]), 0.4, where[-4:])


def _doubled(items: list[tuple[str, str, tuple[int, int]]]) -> list[Decimal | None]:
    """The numbers; the number nearest to each "both" counts twice."""
    values: list[Decimal | None] = []
    numbers = [(span, raw) for kind, raw, span in items if kind == "number"]
    both = [(span, raw.lower() == "twice") for kind, raw, span in items if kind == "both"]
    nearest = {
        min(numbers, key=lambda number: (is_after and number[0][0] > span[0], abs(number[0][0] - span[0])))[0]
        for span, is_after in both
    }
    for span, raw in numbers:
        values += [_value(raw)] * (2 if span in nearest else 1)
    return values


def _padded(values: list[Decimal | None]) -> tuple[Decimal | None, ...]:
    return tuple((values + [None] * 4)[:4])
