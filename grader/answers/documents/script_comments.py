"""Reads the prose of a Python script, without running it: the docstring, strings as statements, comment lines."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from grader.answers.documents.document import Document, bounded
from grader.answers.documents.text import decode, read_bytes, split
from grader.source.decoding import with_newlines

LARGEST_SCRIPT = 200_000
"""Bytes. The lab's scripts have about ten thousand."""
_LONGEST_LINE = 10_000
"""Characters. tokenize takes quadratic time for a line of quotes and backslashes; a longer line is left out."""
_BLANK = {tokenize.NL, tokenize.NEWLINE, tokenize.COMMENT, tokenize.ENCODING}


def read_comments(path: Path) -> Document:
    """The prose at the left margin of a script, in order."""
    text = with_newlines(decode(read_bytes(path, LARGEST_SCRIPT)))
    passages = enumerate(written(text), 1)
    return bounded(path.name, (replace(block, passage=n) for n, passage in passages for block in split(passage)))


def written(source: str) -> Iterator[str]:
    """Each run of comment lines and each string that is a statement, at the left margin."""
    source = "\n".join(line if len(line) <= _LONGEST_LINE else "" for line in source.split("\n"))
    comments: list[str] = []
    last = tokenize.NEWLINE
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            is_alone = last in _BLANK and token.start[1] == 0
            if token.type == tokenize.COMMENT and is_alone:
                comments.append(re.sub(r"^#+!?", "", token.string).removeprefix(" "))
            elif token.type == tokenize.NL and last in {tokenize.NL, tokenize.NEWLINE}:
                comments.append("")
            elif token.type == tokenize.STRING and is_alone:
                yield "\n".join(comments)
                comments = []
                yield _string(token.string)
            elif token.type not in _BLANK and comments:
                yield "\n".join(comments)
                comments = []
            last = token.type
    except (tokenize.TokenError, SyntaxError, ValueError):  # everything before the error has been read
        pass
    yield "\n".join(comments)


def _string(literal: str) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = ast.literal_eval(literal)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return ""
    return value if isinstance(value, str) else ""
