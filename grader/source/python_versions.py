"""Rewrite a line that the grader's Python cannot read: Python 2, a newer Python, a command, a conflict, a slip.

A pattern alone proves nothing: the caller accepts a rewritten line only if Python can then read it. The words for the
student are in :mod:`grader.source.syntax_errors`.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python of the grader."""
LONGEST_LINE = 1000
"""Characters of a line that is rewritten."""
STRING = re.compile(r"(\"|')(?:\\.|(?!\1)[^\\\n])*+(\1)?")
"""A string in one line. The second group is the closing quote, without which the string takes the rest of the line."""


@dataclass(frozen=True)
class OldSyntax:
    """Syntax of Python 2: what finds it in a line, the advice, and what to write instead."""

    pattern: re.Pattern[str]
    advice: str
    replacement: str


PYTHON2 = (
    OldSyntax(
        re.compile(r"(^\s*|[:;]\s*)print\s+[^\s=(,.\[].*$"), "print is a function in Python 3: print(...)", r"\1pass"
    ),
    OldSyntax(
        re.compile(r"^(\s*except\s+(?:[\w.]+|\([\w., ]+\)))\s*,\s*(\w+)\s*:"),
        "Python 3 writes this as except Error as name",
        r"\1 as \2:",
    ),
    OldSyntax(re.compile(r"^(\s*raise\s+[\w.]+)\s*,.*$"), "Python 3 writes this as raise Error(message)", r"\1"),
    OldSyntax(re.compile(r"^(\s*)exec\s+[\"'\w].*$"), "exec is a function in Python 3: exec(...)", r"\1pass"),
    OldSyntax(re.compile(r"`([^`\n]+)`"), "Python 3 has no backticks; use repr(...)", r"repr(\1)"),
    OldSyntax(re.compile(r"<>"), "Python 3 writes <> as !=", "!="),
    OldSyntax(
        re.compile(r"(?<![\w.])0([0-7]+)(?![\w.])"), "0777 and 10L are written 0o777 and 10 in Python 3", r"0o\1"
    ),
    OldSyntax(re.compile(r"(?<![\w.])(\d+)[lL](?![\w.])"), "0777 and 10L are written 0o777 and 10 in Python 3", r"\1"),
    OldSyntax(re.compile(r"\bur(?=['\"])"), "Python 3 has no ur'' strings", "r"),
)


@dataclass(frozen=True)
class Rewriting:
    """A line to read instead.

    ``how`` is dropped, corrected, python2 or newer; ``version`` is the Python that a newer line needs.
    ``until`` is the index after the last line that goes with it (the other side of a merge conflict).
    """

    how: str
    line: str
    version: str = ""
    what: str = ""
    until: int = 0


_COMMAND = re.compile(r"^(\s*)(?:[!%?]\s*\S|%%|[\w.]+\?{1,2}\s*$)")
_ASSIGNED_COMMAND = re.compile(r"^(\s*[\w.,\[\]][\w.,\[\] ]*=\s*)[%!]\s*\w")
CONFLICT = re.compile(r"^(<{7}|={7}|>{7}|\|{7})(\s|$)")
_SEVERAL = re.compile(r"^(\s*except\*?)\s+([\w.]+(?:\s*,\s*[\w.]+)+)\s*:")
_TYPE = re.compile(r"^(\s*)type\s+(\w+)\s*(?:\[.*?\])?\s*=\s*(.+)$")
_PARAMETERS = re.compile(r"^(\s*(?:async\s+)?(?:def|class)\s+\w+)\s*(\[[^\]]*(?:\[[^\]]*\][^\]]*)*\])")
_TEMPLATE = re.compile(r"\b[tT](?=[\"'])")
_LAZY = re.compile(r"^(\s*)lazy\s+(?=import\b|from\b)")
_FORMATTED = re.compile(r"\b(?:[fF][rR]?|[rR][fF])(\"\"\"|'''|\"|')")


PLAIN = str.maketrans(
    dict.fromkeys("“”„", '"') | dict.fromkeys("‘’‚", "'") | dict.fromkeys("–—−", "-")
    | dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u3000", " ") | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff", "")
)  # fmt: skip
"""Characters of a word processor, and what one types instead in a program."""
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_NEVER_CLOSED = re.compile(r"'([(\[{])' was never closed")


def rewritings(lines: list[str], index: int, reason: str) -> Iterator[Rewriting]:
    """What the line at ``index`` may stand for, the most likely first; ``reason`` is Python's."""
    line = lines[index]
    if len(line) > LONGEST_LINE:
        return
    if "expected ':'" in reason:
        yield Rewriting("corrected", f"{line.rstrip()}:")
    if match := _NEVER_CLOSED.search(reason):
        yield Rewriting("corrected", f"{line.rstrip()}{_CLOSERS[match[1]]}")
    if (plain := line.translate(PLAIN)) != line:
        yield Rewriting("corrected", plain)
    if CONFLICT.match(line):
        yield Rewriting("dropped", "", until=_end_of_other_side(lines, index))
        return
    if match := _COMMAND.match(line):
        yield Rewriting("dropped", f"{match[1]}pass" if match[1] else "")
    if match := _ASSIGNED_COMMAND.match(line):
        yield Rewriting("dropped", f"{match[1]}[]")
    yield from newer(line)
    changed = line
    for old in PYTHON2:
        if old.pattern.search(STRING.sub("''", changed)):
            changed = old.pattern.sub(old.replacement, changed)
    if changed != line:
        yield Rewriting("python2", changed)


def newer(line: str) -> Iterator[Rewriting]:
    """The line without the syntax that Python got in 3.12 and later; nothing for a line that is too long."""
    if len(line) > LONGEST_LINE:
        return
    if match := _TYPE.match(line):
        yield Rewriting("newer", f"{match[1]}{match[2]} = {match[3]}", "3.12", "a type statement")
    if match := _PARAMETERS.match(line):
        version = "3.13" if "=" in match[2] else "3.12"
        yield Rewriting("newer", f"{match[1]}{line[match.end() :]}", version, "type parameters in brackets")
    if (match := _SEVERAL.match(line)) and not _names_exception(match[2].split(",")):
        words = "several exception types without brackets"
        yield Rewriting("newer", f"{match[1]} ({match[2]}):{line[match.end() :]}", "3.14", words)
    if _TEMPLATE.search(line):
        yield Rewriting("newer", _TEMPLATE.sub("f", line), "3.14", "a t-string")
    if match := _LAZY.match(line):
        yield Rewriting("newer", f"{match[1]}{line[match.end() :]}", "3.15", "a lazy import")
    if _FORMATTED.search(line):
        yield Rewriting(
            "newer", _older_formatted(line), "3.12", "quotes or a backslash inside the braces of an f-string"
        )


def _names_exception(parts: list[str]) -> bool:
    """Whether ``except A, e:`` is Python 2, where the second name is a variable and not another exception."""
    second = parts[-1].strip()
    return len(parts) == 2 and second.isidentifier() and second[0].islower() and not hasattr(builtins, second)


def _end_of_other_side(lines: list[str], index: int) -> int:
    """After ``=======``, the other side goes up to ``>>>>>>>``; any other marker is a single line."""
    if not lines[index].startswith(("=======", "|||||||")):
        return index + 1
    ends = (at for at in range(index + 1, len(lines)) if lines[at].startswith(">>>>>>>"))
    return next(ends, index) + 1


def _older_formatted(line: str) -> str:
    """The line with each f-string that is too new in other quotes, or replaced by a plain string."""
    found = _FORMATTED.search(line)
    while found:
        end = _end_of_formatted(line, found)
        text = line[found.start() : end]
        if not _is_expression(text):
            inner, quote = line[found.end() : end - len(found[1])], found[1]
            other = "'" if quote[0] == '"' else '"'
            swapped = f"{line[found.start() : found.end()]}{inner.replace(quote[0], other)}{quote}"
            text = swapped if _is_expression(swapped) else '"f-string"'
        line = line[: found.start()] + text + line[end:]
        found = _FORMATTED.search(line, found.start() + len(text))
    return line


def _is_expression(text: str) -> bool:
    try:
        compile(text, "<line>", "eval", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return True


def _end_of_formatted(line: str, found: re.Match[str]) -> int:
    """Where the f-string that starts at ``found`` ends by the rules of Python 3.12; the end of the line if open."""
    quote, at, depth = found[1], found.end(), 0
    while at < len(line):
        if depth == 0 and line.startswith(quote, at):
            return at + len(quote)
        if depth == 0 and line.startswith(("{{", "}}", "\\"), at):
            at += 2
        elif line[at] in "{}":
            depth = max(0, depth + (1 if line[at] == "{" else -1))
            at += 1
        elif depth and (inner := _FORMATTED.match(line, at)):
            at = _end_of_formatted(line, inner)
        elif depth and (plain := STRING.match(line, at)) and plain[2]:
            at = plain.end()
        else:
            at += 1
    return len(line)
