"""Reads LaTeX: headings, lists with the numbers that LaTeX prints, tables as rows. It is not run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grader.answers.documents.document import PICTURE, Document, bounded, ordinal
from grader.answers.documents.text import read_text, split

_DEEPEST = 9
"""Lists, or commands, inside each other."""
_COMMENT = re.compile(r"((?<!\\)(?:\\\\)*)%[^\n]*")
_SKIPS = re.compile(r"\\((?:begin|end)\{comment\}|if(?!thenelse)[a-zA-Z]*|(?:else|fi)\b)")
_FONT = re.compile(r"\\(textbf|emph|textit|texttt|textrm|text|underline|mathrm|mbox|label)\{([^{}]{0,2000})\}")
_TOKEN = re.compile(
    r"\\begin\{(?P<begin>\w{1,30}\*?)\}(?:\[(?P<options>[^\[\]\n]{0,200})\])?(?:\{[^{}\n]{0,200}\})?"
    r"|\\end\{(?P<end>\w{1,30}\*?)\}"
    r"|\\item\b[ \t]*(?:\[(?P<label>[^\[\]\n]{0,100})\])?\s?"
    r"|\\setcounter\{enum(?P<depth>i{1,3}|iv)\}\{(?P<value>\d{1,3})\}"
    r"|\\(?P<head>(?:sub){0,2}section|(?:sub)?paragraph|chapter)(?P<star>\*?)\{(?P<title>[^{}\n]{0,300})\}"
    r"|\\(?P<picture>includegraphics)\*?(?:\[[^\[\]\n]{0,200}\])?\{[^{}\n]{0,300}\}"
    r"|\\(?:documentclass|usepackage|title|author|date|vspace|hspace|setcounter|setlength)\*?"
    r"(?:\[[^\[\]\n]{0,200}\])?\{[^{}\n]{0,200}\}(?:\{[^{}\n]{0,100}\})?"
    r"|\\(?:maketitle|noindent|newpage|clearpage|centering|hline|bfseries|large|Large|small|fi)\b"
    r"|\\(?P<line>\\|newline\b)|\\(?P<sign>[%&#$_{}])|(?P<cell>&)|(?P<space>~|\\[,;: ])",
)
_STYLES = (("alph", "a"), ("Alph", "A"), ("roman", "i"), ("Roman", "I"), ("arabic", "1"))
_DEFAULTS = (("1", "{}."), ("a", "({})"), ("i", "{}."), ("A", "{}."))
_CODE = frozenset({"verbatim", "lstlisting", "minted"})
_DEPTHS = {"section": 0, "subsection": 1, "subsubsection": 2}


@dataclass
class _List:
    """An open list; ``style`` is empty for bullets, ``shown`` takes the number."""

    style: str = ""
    shown: str = "{}"
    count: int = 0


def read_tex(path: Path) -> Document:
    """The text of a LaTeX file between its begin and its end, without commands that only set the layout."""
    source = _COMMENT.sub(r"\1", read_text(path))
    body = source.partition(r"\begin{document}")[2] or source
    printed = _printed(body.partition(r"\end{document}")[0])
    return bounded(path.name, split("".join(_shown(_without_fonts(printed)))))


def _printed(source: str) -> str:
    r"""The source without ``comment`` environments and what LaTeX skips after ``\iffalse``, up to the last end."""
    kept: list[str] = []
    at = depth = 0
    skipped = ""  # what began the text that is being skipped
    for token in _SKIPS.finditer(source):
        word = token[1]
        ends = {"end{comment}"} if skipped == "begin{comment}" else {"fi", "else"} if depth == 1 else {"fi"}
        if not skipped and word in {"begin{comment}", "iffalse"}:
            kept.append(source[at : token.start()])
            at, depth, skipped = token.start(), 1, word
        elif skipped and word in ends:
            depth -= 1
            if not depth:
                at, skipped = token.end(), ""
        elif skipped == "iffalse" and word.startswith("if"):
            depth += 1
    return "".join(kept) + source[at:]


def _without_fonts(source: str) -> str:
    """The source without commands that only change the font, which may stand inside each other; bold as in Markdown."""
    for _ in range(_DEEPEST):
        source, count = _FONT.subn(_in_markdown, source)
        if not count:
            break
    return source


def _in_markdown(command: re.Match[str]) -> str:
    name, text = command.groups()
    return f"**{text}**" if name == "textbf" else "" if name == "label" else text


def _shown(source: str) -> Iterator[str]:
    lists: list[_List] = []
    last: dict[int, int] = {}  # depth -> the number of the last item of its last list
    sections = [0, 0, 0]
    at = 0
    for token in _TOKEN.finditer(source):
        yield source[at : token.start()]
        at = token.end()
        if (name := token["begin"]) and len(lists) < _DEEPEST:
            if name in {"enumerate", "itemize", "description"}:
                lists.append(_opened(name, token["options"] or "", len(lists), last))
            yield "\n```\n" if name in _CODE else "\n"
        elif name := token["end"]:
            if name in {"enumerate", "itemize", "description"} and lists:
                closed = lists.pop()
                last[len(lists)] = closed.count
            yield "\n```\n" if name in _CODE else "\n"
        elif token["value"] and lists:
            lists[-1].count = int(token["value"])
        elif token["head"]:
            yield f"\n\n## {_title(token, sections)}\n\n"
        elif token.group().startswith(r"\item"):
            yield _item(lists, token["label"])
        elif token["picture"]:
            yield PICTURE
        else:
            yield "\n" if token["line"] else token["sign"] or (" | " if token["cell"] else " ")
    yield source[at:]


def _title(heading: re.Match[str], sections: list[int]) -> str:
    """The title of a heading, or its number if it has no title.

    LaTeX numbers titles too, but the student did not choose these numbers: after an introduction, question 1 is
    section 2, and each answer would be marked as another question's.
    """
    title = "".join(_shown(heading["title"])).strip()
    depth = _DEPTHS.get(heading["head"])
    if depth is None or heading["star"]:
        return title
    sections[depth] += 1
    sections[depth + 1 :] = [0] * (len(sections) - depth - 1)
    return title or ".".join(map(str, sections[: depth + 1]))


def _opened(name: str, options: str, depth: int, last: dict[int, int]) -> _List:
    """A list that begins: numbered as LaTeX does, or as the packages enumitem and enumerate are told to."""
    if name != "enumerate":
        return _List()
    style, shown = _DEFAULTS[min(depth, len(_DEFAULTS) - 1)]
    before = re.search(r"start\s*=\s*(\d{1,3})", options)
    count = int(before[1]) - 1 if before else last.get(depth, 0) if "resume" in options else 0
    label = re.search(r"label\s*=\s*\{?([^,}]{1,60})", options)
    short = label[1] if label else "" if "=" in options or "resume" in options else options
    for command, own in _STYLES:
        if label and f"\\{command}*" in short:
            return _List(own, _plain(short).replace(f"\\{command}*", "{}"), count)
    mark = re.search(r"(?<![A-Za-z])[1aAiI](?![A-Za-z])", short)
    if mark and not label:
        return _List(mark[0], f"{_plain(short[: mark.start()])}{{}}{_plain(short[mark.end() :])}", count)
    return _List(style, shown, count)


def _plain(text: str) -> str:
    """The text of a label without braces and commands that set its font."""
    return re.sub(r"\\(?:textbf|bfseries|emph|itshape)\b|[{}]", "", text)


def _item(lists: list[_List], label: str | None) -> str:
    """The start of an item. Values in brackets after it are an answer, although LaTeX takes them for its label."""
    margin = "\n\n" + "   " * max(0, len(lists) - 1)
    is_numbered = bool(lists and lists[-1].style)
    if label is not None and not (is_numbered and "," in label):
        return f"{margin}{_plain(label)} "
    if not is_numbered:
        return f"{margin}- "
    lists[-1].count += 1
    number = lists[-1].shown.replace("{}", ordinal(lists[-1].count, lists[-1].style))
    return f"{margin}{number} [{label}]" if label else f"{margin}{number} "
