"""Takes a script apart for comparison: its comments and texts, the names it gives, and its tokens without these names.

The script is read by Python's tokenizer and never parsed or run. What follows a token that is no Python is left out.
"""

from __future__ import annotations

import io
import itertools
import keyword
import tokenize
from collections.abc import Iterator, Sequence

from grader.similarity.things import (
    CODE,
    TOKENS_TOGETHER,
    WORDS_TOGETHER,
    Kind,
    Span,
    Thing,
    merged,
    pieces_of,
    words_of,
)

_LAYOUT = frozenset(
    {tokenize.NEWLINE, tokenize.NL, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER, tokenize.ENCODING}
)
_OPENING, _CLOSING = frozenset("([{"), frozenset(")]}")
_OWN = "·"
"""Stands for every name that the script itself gives, so that renaming changes nothing."""
_TEXT = '"'
_BEFORE_NAME = frozenset({"def", "class", "as", "for", "lambda"})
_BEFORE_PARAMETER = frozenset({"(", ",", "*", "**"})


def things_of_code(text: str) -> dict[Thing, list[Span]]:
    """The things of a script with their spans in its text."""
    tokens = list(_tokens(text))
    own = frozenset(_names_given(tokens))
    remarks, names, stream = [], [], []
    for kind, string, span in tokens:
        if kind in (tokenize.COMMENT, tokenize.STRING):
            remarks.append([(word, (span[0] + start, span[0] + end)) for word, (start, end) in words_of(string)])
        if kind == tokenize.NAME and string in own:
            names.append({Thing(Kind.NAME, CODE, (string,)): [span]})
        if kind not in _LAYOUT and kind != tokenize.COMMENT:
            plain = _TEXT if kind == tokenize.STRING else _OWN if string in own else string
            stream.append((plain, span))
    spoken = [pieces_of(words, CODE, Kind.COMMENT, WORDS_TOGETHER) for words in remarks]
    return merged([*spoken, *names, pieces_of(stream, CODE, Kind.STRUCTURE, TOKENS_TOGETHER, is_whole_kept=False)])


def _tokens(text: str) -> Iterator[tuple[int, str, Span]]:
    """The tokens with their characters in ``text``."""
    starts = list(itertools.accumulate((len(line) + 1 for line in text.split("\n")), initial=0))
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            (row, column), (end_row, end_column) = token.start, token.end
            if end_row < len(starts):
                yield token.type, token.string, (starts[row - 1] + column, starts[end_row - 1] + end_column)
    except (tokenize.TokenError, SyntaxError, ValueError):
        return


def _names_given(tokens: Sequence[tuple[int, str, Span]]) -> Iterator[str]:
    """The names that a script gives by assignments, loops, definitions, parameters and ``as``.

    A name is read from the tokens before ``=``, ``in`` and the like, so that a script with a syntax error has its names
    too.
    """
    depth, before = 0, ""
    line: list[str] = []
    is_definition = is_loop = False
    for kind, string, _ in tokens:
        if kind in _LAYOUT or kind == tokenize.COMMENT:
            if kind == tokenize.NEWLINE:
                line, is_definition = [], False
            continue
        if kind == tokenize.NAME and not keyword.iskeyword(string):
            is_parameter = is_definition and depth == 1 and before in _BEFORE_PARAMETER
            if is_parameter or before in _BEFORE_NAME or (is_loop and before == ","):
                yield string
            if depth == 0:
                line.append(string)
        elif string == "=" and depth == 0:
            yield from line
            line = []
        elif string == "in":
            is_loop = False
        is_definition = is_definition or string == "def"
        is_loop = is_loop or string == "for"
        depth += (string in _OPENING) - (string in _CLOSING)
        before = string
