"""Finds the code of a network in a document, such as an export of a notebook, for a submission without a script.

Nothing is run. Where the answers to Part 1 are in a document, :mod:`grader.answers.finding` says.
"""

from __future__ import annotations

import ast
import contextlib
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.answers.documents import LONGEST_SECONDS, Document, Kind, read_document, read_pdf_columns
from grader.answers.documents.document import too_slow
from grader.answers.documents.time_limit import TooSlow, cpu_limit
from grader.source.block_reader import CONTINUES
from grader.source.networks import names_network_class, text_holds_network
from grader.source.parsing import parsed
from grader.source.python_versions import PLAIN
from grader.submissions.script_content import Content, content_of

_MOST_PARSED = 1_000_000
"""Characters of one document that Python parses, all attempts together: a second or two at most, twice for a PDF."""
_MOST_JOINED = 40
"""Pieces that may be one statement: a call over several lines that return to the margin."""
_PROMPT = re.compile(r"^\s*(?:In\s?)?\[[\d* ]{0,5}\]\s?:?|^(?:>>> ?|\.\.\.(?: (?=[ \w@#])|\s*$))")
"""What a notebook shows before a cell, and Python before a line."""
_MOST_WRAPPED = 8
"""Lines within brackets, which may begin at the margin where a program wrapped them."""
_JITTER = 2
"""Columns by which pypdf's columns of one cell may differ where two fonts meet."""
_NEAR = 60
"""Lines below a prompt that are searched for one at the same level."""
_STARTS = re.compile(r"@\w|(?:class|def|async|if|for|while|with|try|from|import)\b|[\w.\[\]'\", ]+(?:=|\()")
_PROSE = (ast.Expr, ast.AnnAssign)
"""Statements that a line of prose may happen to be: a word, a string, ``Answer: deep``."""


@dataclass(frozen=True)
class DocumentCode:
    """What a document has of a network: ``text`` is a script, empty if Python cannot read the code as it was extracted.

    ``has_network`` is judged as :mod:`grader.source.networks` judges text. ``unread`` is a sentence if only a person
    can read the document, or its pictures.
    """

    text: str
    content: Content
    has_network: bool
    unread: str = ""


def code_in(path: Path) -> DocumentCode:
    """The code in the document at ``path``. Never raises for a student's file."""
    try:
        with cpu_limit(LONGEST_SECONDS):
            return _searched(path)
    except TooSlow:
        return DocumentCode("", Content(), False, too_slow(path.name).problem)


def _searched(path: Path) -> DocumentCode:
    document = read_document(path)
    unread = document.problem if document.is_for_a_person else ""
    if document.has_pictures and not unread:
        unread = f"{path.name} has pictures, which may show the code."
    if not text_holds_network("\n".join(block.text for block in document.blocks)):
        return DocumentCode("", Content(), False, unread)
    code = _code_in(document)
    if path.suffix.casefold() == ".pdf":  # which of the two keeps the code depends on the program that made it
        code = max(_code_in(read_pdf_columns(path)), code, key=lambda code: (content_of([code]).amount, len(code)))
    return DocumentCode(code, content_of([code]), True, unread)


def _code_in(document: Document) -> str:
    """The statements of a document that has a network, as one script; empty if they are not such a script."""
    text = "\n".join(block.text for block in document.blocks if block.kind is not Kind.OUTPUT)
    has_class = names_network_class(text)
    best, most = "", 0
    for version in dict.fromkeys([text, text.translate(PLAIN)]):
        code = "\n".join(_statements(version)) + "\n"
        content = content_of([code])
        if has_class and not (content.has_class or content.defines_net):
            continue  # the class fell apart, and only pieces of it can be read
        if content.parses and content.is_work and content.amount > most:
            best, most = code, content.amount
    return best


def _statements(text: str) -> Iterator[str]:
    """The pieces of the text that are Python statements, in order."""
    pieces = list(_pieces(text))
    at, parsed = 0, 0
    while at < len(pieces):
        if not _STARTS.match(pieces[at]):
            at += 1
            continue
        end = at + 1
        while end < len(pieces) and CONTINUES.match(pieces[end]):
            end += 1
        joined = "\n".join(pieces[at:end])
        last = min(len(pieces), at + _MOST_JOINED)
        while (parsed := parsed + len(joined)) <= _MOST_PARSED:
            is_code = _is_code(joined)
            if is_code or end >= last or not _is_open(joined):
                break
            joined, end = f"{joined}\n{pieces[end]}", end + 1
        else:
            return
        if is_code:
            yield joined
        at = end if is_code else at + 1


def _pieces(text: str) -> Iterator[str]:
    """Each line with the deeper lines below it, without their common indentation."""
    held: list[str] = []
    margin = wrapped = 0
    for line in _lines(text):
        indent = _column(line)
        is_wrapped = 0 < wrapped <= _MOST_WRAPPED and bool(line)
        if held and (not line or is_wrapped or (indent > margin and (len(held) > 1 or _is_head(held[0])))):
            held.append(line if indent > margin or not line else " " * margin + line.lstrip())
            wrapped = wrapped + 1 if _is_open(held[-1]) or (is_wrapped and not _closes(line)) else 0
            continue
        if held:
            yield textwrap.dedent("\n".join(held)).rstrip()
        held, margin, wrapped = [line] if line else [], indent, int(bool(_STARTS.match(line)) and _is_open(line))
    if held:
        yield textwrap.dedent("\n".join(held)).rstrip()


def _lines(text: str) -> Iterator[str]:
    """The lines without prompts. In a PDF, a line after a prompt may be shown a column off, as the next line at its
    level shows.
    """
    shown = text.split("\n")
    for index, line in enumerate(shown):
        prompt = _PROMPT.match(line)
        rest = line[prompt.end() :] if prompt else line
        if prompt and rest.strip():
            column = prompt.end() + len(rest) - len(rest.lstrip())
            below = (_column(other) for other in shown[index + 1 : index + _NEAR] if other.strip())
            column = next((other for other in below if abs(other - column) <= _JITTER), column)
            line = " " * column + rest.lstrip()
        yield (line if rest.strip() else "").expandtabs(4).rstrip()


def _column(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_head(line: str) -> bool:
    """Whether deeper lines may belong to a line: it starts a block, or a bracket in it is not closed."""
    text = line.partition("#")[0].strip()
    is_code = _STARTS.match(text) or CONTINUES.match(text)
    return bool(is_code) and (text.endswith((":", ",", "\\")) or _is_open(text))


def _is_open(code: str) -> bool:
    """Whether the code may be the start of a statement: a bracket is not closed, or a decorator has no function."""
    return code.startswith("@") or any(code.count(a) > code.count(b) for a, b in ("()", "[]", "{}"))


def _closes(line: str) -> bool:
    """Whether more brackets end than begin in a line."""
    return any(line.count(a) < line.count(b) for a, b in ("()", "[]", "{}"))


def _is_code(code: str) -> bool:
    body: list[ast.stmt] | None = None
    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
        body = parsed(code).body
    if body is None:
        return False
    is_call = [isinstance(part, ast.Expr) and isinstance(part.value, ast.Call) for part in body]
    return all(
        called or not isinstance(part, _PROSE) or (isinstance(part, ast.AnnAssign) and part.value is not None)
        for part, called in zip(body, is_call, strict=True)
    )
