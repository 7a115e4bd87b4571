"""Reads an answer in numbers: its values, worked out exactly, and the signs and words between them.

Which four of the values are meant is decided in ``four_numbers``. Signs that have two meanings ("2,5", "4/5", "4-5")
are read as a :class:`Notation` says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from grader.answers.marker.calculation import APPLIED, MOST, worked_out
from grader.answers.marker.number_tokens import WORDS, Notation, Token, cut, name, sign

Kind = Literal["value", "equals", "list", "line", "stop", "open", "close", "word"]
Span = tuple[int, int]

PARTS = {"half": 2, "halves": 2, "thirds": 3, "quarters": 4, "fourths": 4}
VULGAR = {"½": Fraction(1, 2), "¼": Fraction(1, 4), "¾": Fraction(3, 4), "⅓": Fraction(1, 3), "⅔": Fraction(2, 3)}
EQUAL_WORDS = frozenset({"is", "are", "gives", "give", "equals", "equal"})
JOINING = frozenset({"and", "then", "resp"})
OPENING, CLOSING = "([{", ")]}"
DEEPEST = 12
"""Brackets inside brackets that are read; deeper ones only separate."""


@dataclass(frozen=True)
class Item:
    """A value (None: a gap such as "?"), or what stands between values.

    ``depth``: brackets around it. ``is_result``: it follows a sign or word for "equals". ``is_plain``: a whole number
    that was not worked out. ``arguments``: the values of the function that it was worked out from.
    """

    kind: Kind
    text: str
    span: Span
    value: Fraction | None = None
    depth: int = 0
    is_result: bool = False
    is_plain: bool = False
    arguments: tuple[Fraction | None, ...] = ()


def items(text: str, notation: Notation) -> list[Item]:
    """The values of the text with what stands between them; of "10/4 = 2.5" only the last value."""
    return _last_results(_Parser(cut(text, notation), notation).items(0))


def _last_results(read: list[Item]) -> list[Item]:
    kept: list[Item] = []
    for item in read:
        if item.kind == "value" and kept and kept[-1].kind == "equals":
            if len(kept) > 1 and kept[-2].kind == "value":
                is_both = kept[-2].text == "two" and len(kept) > 2 and kept[-3].kind == "word"
                kept[-2:-1] = [replace(kept[-2], kind="word", text="both")] if is_both else []
            item = replace(item, is_result=True)
        kept.append(item)
    return kept


class _Parser:
    """Goes through the tokens once; ``place`` is the number of the next one."""

    def __init__(self, tokens: Sequence[Token], notation: Notation) -> None:
        self.tokens = tokens
        self.notation = notation
        self.place = 0

    def items(self, depth: int) -> list[Item]:
        """The items up to the end of the bracket (or of the text)."""
        read: list[Item] = []
        while self.place < len(self.tokens):
            if self._sign() in CLOSING:
                if depth:
                    return read
                self.place += 1
                read.append(self._item("stop", self.place - 1))
                continue
            read += self._sum(depth)
        return read

    def _sign(self, ahead: int = 0) -> str:
        return sign(self.tokens[self.place + ahead]) if self.place + ahead < len(self.tokens) else " "

    def _item(self, kind: Kind, place: int, depth: int = 0) -> Item:
        return Item(kind, self.tokens[place].group(), self.tokens[place].span(), depth=depth)

    def _is_operator(self, sign: str) -> bool:
        """Whether the sign at the present place connects two values."""
        if sign not in "+-*/" or self.place + 1 >= len(self.tokens) or not self._starts_value(1):
            return False
        if sign == "-":
            return self.notation.has_minus
        token, after = self.tokens[self.place], self.tokens[self.place + 1]
        if sign == "/" and token.lastgroup == "sign":
            is_spaced = self.tokens[self.place - 1].end() < token.start() and token.end() < after.start()
            return self.notation.slash == "divides" or (self.notation.slash == "spaced" and not is_spaced)
        return True

    def _starts_value(self, ahead: int) -> bool:
        token = self.tokens[self.place + ahead]
        if token.lastgroup in ("number", "fraction"):
            return token["glued"] is None
        if token.lastgroup == "word":
            return self._number_word(token) is not None or name(token) in APPLIED
        return self._sign(ahead) in OPENING

    def _sum(self, depth: int) -> list[Item]:
        """A sum of products as one value, or the next token as it is. Products are worked out first."""
        left = self._atom(depth)
        if len(left) != 1 or left[0].kind != "value" or left[0].value is None:
            return left
        total, product = Fraction(0), left[0].value
        start, end = left[0].span
        if not self._is_operator(self._sign()):
            return left
        rest: list[Item] = []
        while not rest and self._is_operator(sign := self._sign()):
            self.place += 1
            right = self._atom(depth, may_be_mixed=sign in "+-")
            factor = right[0].value if len(right) == 1 else None
            result = None if factor is None else worked_out(sign, product, factor, total)
            if result is None:
                rest = [Item("list", sign, (end, end), depth=depth), *right]
            else:
                total, product = result
                end = right[0].span[1]
        return [Item("value", "", (start, end), total + product, depth), *rest]

    def _atom(self, depth: int, *, may_be_mixed: bool = True) -> list[Item]:
        """A number, fraction, call or bracket as one value; else the next token, or what is in the bracket."""
        token = self.tokens[self.place]
        sign = self._sign()
        if sign in OPENING:
            return self._bracket(depth)
        if token.lastgroup == "word" and name(token) in APPLIED and self._sign(1) in OPENING:
            return self._call(depth)
        self.place += 1
        if token.lastgroup == "fraction":
            return self._fraction(token, depth)
        if sign == "-" and self.notation.has_minus and self._is_negative(token):
            number = self._atom(depth)
            if len(number) == 1 and number[0].value is not None:
                return [replace(number[0], value=-number[0].value, span=(token.start(), number[0].span[1]))]
            return number
        if token.lastgroup == "number" and token["glued"] is None:
            return [self._number(token, depth, may_be_mixed=may_be_mixed)]
        if token.lastgroup == "gap":
            return [Item("value", token.group(), token.span(), depth=depth)]
        number_word = self._number_word(token)
        if number_word is not None:
            return [self._in_words(token, number_word, depth)]
        return self._between(token, depth)

    def _is_negative(self, token: Token) -> bool:
        """Whether the minus before the present token belongs to a number, as in "[-1, 2]"."""
        if self.place >= len(self.tokens) or self.tokens[self.place].lastgroup != "number":
            return False
        before = self.tokens[self.place - 2] if self.place > 1 else None
        is_free = before is None or before.group() in ",;=([{" or before.end() < token.start()
        return self.tokens[self.place].start() == token.end() and is_free

    def _between(self, token: Token, depth: int) -> list[Item]:
        word = name(token)
        kind: Kind = "word"
        if token.lastgroup in ("line", "equals"):
            kind = "line" if token.lastgroup == "line" else "equals"
        elif token.lastgroup in ("layout", "rule"):
            return []
        elif word in EQUAL_WORDS or word in JOINING:
            kind = "equals" if word in EQUAL_WORDS else "list"
        elif token.lastgroup in ("sign", "times", "divided"):
            kind = "stop" if token.group() in ".:!" else "list"
        return [Item(kind, word or token.group(), token.span(), depth=depth)]

    def _bracket(self, depth: int) -> list[Item]:
        opening = self.place
        self.place += 1
        if depth >= DEEPEST:
            return [self._item("list", opening, depth)]
        inner = self.items(depth + 1)
        closing = min(self.place, len(self.tokens) - 1)
        self.place += 1
        span = self.tokens[opening].start(), self.tokens[closing].end()
        if len(inner) == 1 and inner[0].kind == "value":
            return [replace(inner[0], depth=depth, span=span, text="()")]
        return [self._item("open", opening, depth), *inner, self._item("close", closing, depth)]

    def _call(self, depth: int) -> list[Item]:
        token = self.tokens[self.place]
        self.place += 1
        inner = self._bracket(depth)
        span = token.start(), inner[-1].span[1]
        values = [item.value for item in inner if item.kind == "value"]
        numbers = [value for value in values if value is not None]
        if (
            not numbers
            or len(numbers) < len(values)
            or len(values) > MOST
            or any(item.kind == "word" for item in inner)
        ):
            return inner
        return [Item("value", "", span, APPLIED[name(token)](numbers), depth, arguments=tuple(values))]

    def _fraction(self, token: Token, depth: int) -> list[Item]:
        """A LaTeX fraction after its first token: with two brackets, or with two digits."""
        short = self.tokens[self.place : self.place + 1]
        if short and short[0].lastgroup == "number" and len(short[0].group()) == 2 and short[0].group().isdigit():
            self.place += 1
            top, bottom = map(Fraction, short[0].group())
            value = top / bottom if bottom else None
            return [Item("value", "", (token.start(), short[0].end()), value, depth)]
        parts: list[Item] = []
        while len(parts) < 2 and self.place < len(self.tokens) and self._sign() in OPENING:
            parts += self._bracket(depth)
        if len(parts) == 2 and parts[0].value is not None and parts[1].value is not None:
            value = parts[0].value / parts[1].value if parts[1].value else None
            return [Item("value", "", (token.start(), parts[1].span[1]), value, depth)]
        return parts

    def _number(self, token: Token, depth: int, *, may_be_mixed: bool) -> Item:
        """A number in digits; "2½", "2 1/2" and 2 before a LaTeX fraction are one number."""
        vulgar = token["vulgar"] or ""
        digits = token.group().removesuffix(vulgar).strip().replace("{,}", ".").replace(",", ".")
        whole = Fraction(digits or 0)
        if vulgar:
            return Item("value", "", token.span(), whole + VULGAR[vulgar], depth)
        if not digits.isdigit():
            return Item("value", "", token.span(), whole, depth)
        after = self.tokens[self.place : self.place + 3]
        if after and after[0].lastgroup == "fraction" and after[0].start() == token.end():
            self.place += 1
            part = self._fraction(after[0], depth)
            if len(part) == 1 and part[0].value is not None:
                return replace(part[0], value=whole + part[0].value, span=(token.start(), part[0].span[1]))
        if may_be_mixed and self.notation.slash != "separates" and _is_part(after) and after[0].start() > token.end():
            self.place += 3
            whole += Fraction(int(after[0].group()), int(after[2].group()))
            return Item("value", "", (token.start(), after[2].end()), whole, depth)
        return self._in_words(token, whole, depth)

    def _number_word(self, token: Token) -> Fraction | None:
        word = name(token)
        if self.notation.number_words == "none" or (word == "one" and self.notation.number_words == "not one"):
            return None
        if word == "half":
            return Fraction(1, 2)
        return Fraction(WORDS[word]) if word in WORDS else None

    def _in_words(self, token: Token, value: Fraction, depth: int) -> Item:
        """A number with the words that continue it: "two and a half", "two point five", "5 halves"."""
        names = [name(after) or after.group() for after in self.tokens[self.place : self.place + 6]]
        if name(token) == "half" or not names:
            taken = 0
        elif names[0] in PARTS:
            value, taken = value / PARTS[names[0]], 1
        elif names[0] == "point" and len(names) > 1 and (names[1] in WORDS or names[1].isdigit()):
            digit = str(WORDS.get(names[1], names[1]))
            value, taken = value + Fraction(int(digit), 10 ** len(digit)), 2
        else:
            words = [word for word in names if word != "-"]
            is_mixed = words[:3] == ["and", "a", "half"]
            value, taken = (value + Fraction(1, 2), names.index("half") + 1) if is_mixed else (value, 0)
        self.place += taken
        is_plain = not taken and name(token) != "half"
        span = token.start(), self.tokens[self.place - 1].end()
        return Item("value", name(token), span, value, depth, is_plain=is_plain)


def _is_part(tokens: Sequence[Token]) -> bool:
    """Whether the tokens are a fraction below 1 without spaces, as in "2 1/2"."""
    if (
        len(tokens) < 3
        or sign(tokens[1]) != "/"
        or tokens[0].end() != tokens[1].start()
        or tokens[1].end() != tokens[2].start()
    ):
        return False
    top, bottom = tokens[0].group(), tokens[2].group()
    return top.isdigit() and bottom.isdigit() and 0 < int(top) < int(bottom)
