"""Reads HTML: the online text of Moodle or Canvas, or a page saved by Word. A stream, so deep nesting does no harm."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

from grader.answers.documents.document import HIDDEN, MOST_BLOCKS, PICTURE, Block, Document, Kind, bounded, ordinal
from grader.answers.documents.text import decode, read_bytes

LARGEST_PAGE = 4_000_000
"""Bytes."""
_MOST_TAGS = 60_000
_DEEPEST = 100
_PIECE = 65_536
_LONGEST_TAG = 300_000
"""Characters, as in the next line. A drawing's path can be long, and so can a comment."""
_MOST_READ_AGAIN = 2_000_000
"""For all tags that never end. After each, html.parser reads the rest of the page again."""
_DATA = re.compile(rb"data:[\w/+.;=-]{1,80},[A-Za-z0-9+/=%\s]{100,}")
_NO_TAG = re.compile(r"<(?![a-zA-Z/!?])")
"""A bracket that opens no tag: html.parser scans the rest of the page for each."""
_UNSHOWN = re.compile(r"<(style|script)\b", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^<>]{0,200}?charset\s*=\s*[\"']?([\w.:-]{1,40})", re.IGNORECASE)
_BLOCK_TAGS = """
p div section article header footer main blockquote ul ol li dl dt dd table tr pre body form fieldset h1 h2 h3 h4
h5 h6 hr figure figcaption address aside details summary center title
"""
_BLOCKS = frozenset(_BLOCK_TAGS.split())
_SILENT = frozenset({"script", "style", "template", "head", "noscript", "svg", "object", "select"})
_HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_SPACE = re.compile(r"[ \t\r\n\f]+")
_VOID = frozenset({"br", "img", "hr", "input", "col", "wbr", "meta", "link", "embed", "source", "area", "base"})
_PICTURES = frozenset({"img", "svg", "canvas", "object", "embed", "video"})
_SMALLEST_PICTURE = 33
"""Pixels of a side. Emoticons and tracking pixels are smaller."""
_HIDDEN = re.compile(
    r"display:none|visibility:(?:hidden|collapse)|font-size:0*(?:\.0+)?[a-z%]{0,3}(?:;|!|$)|opacity:0*(?:\.0+)?(?:;|!|$)",
    re.IGNORECASE,
)
"""Matches a style without its spaces, like the next two."""
_WHITE = re.compile(
    r"(?<![\w-])color:(?:white\b|#fff(?:fff)?(?![0-9a-f])|transparent\b|rgba?\(255,?255,?255\b)", re.IGNORECASE
)
_BACKGROUND = re.compile(
    r"background(?:-color)?:(?!white|#fff|transparent|none|in(?:herit|itial)|rgba?\(255,?255,?255)[\w#]", re.IGNORECASE
)
_LONGEST_STYLE = 2_000
_TEXT_ENCODING = re.compile(
    r"utf-?8|utf-?16\w*|us-ascii|(?:iso-?)?8859-\d+|iso-8859-\d+|latin-?1|windows-\d+|cp\d+|gb\w+|big5\w*|shift[_-]jis|euc-\w+|koi8-\w|mac\w+",
    re.IGNORECASE,
)


class _Enough(Exception):
    """The page has more tags, or longer ones, than any page of answers."""


def read_page(path: Path) -> Document:
    """The page's text, with the list numbers that a browser would show."""
    data = _DATA.sub(b"", read_bytes(path, LARGEST_PAGE))
    text = _NO_TAG.sub("&lt;", _without_unshown(_decoded(data)))
    reader = _Reader()
    problem = ""
    try:
        reader.read(text)
    except (_Enough, AssertionError):  # html.parser asserts on some malformed declarations
        problem = f"{path.name} is not an ordinary page, so only its start was read."
    reader.finish()
    if reader.has_hidden_text and not problem:
        problem = HIDDEN.format(path.name)
    return bounded(path.name, reader.blocks, problem=problem)


def _without_unshown(text: str) -> str:
    """The page without styles and scripts, of which a notebook's export has half a million characters."""
    kept: list[str] = []
    at = 0
    while found := _UNSHOWN.search(text, at):
        end = re.compile(f"</{found[1]}[^<>]{{0,100}}>", re.IGNORECASE).search(text, found.end())
        if end is None:
            break
        kept.append(text[at : found.start()])
        at = end.end()
    return "".join(kept) + text[at:]


def _decoded(data: bytes) -> str:
    declared = _CHARSET.search(data[:2_000])
    name = declared.group(1).decode("ascii", errors="replace") if declared else ""
    if _TEXT_ENCODING.fullmatch(name) and b"\0" not in data[:100]:
        try:
            return data.decode(name)
        except (LookupError, ValueError):
            pass
    return decode(data)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.has_hidden_text = False
        self._hidden: list[str] = []  # the hidden element and the elements of the same name inside it
        self._backgrounds = 0
        self._text: list[str] = []
        self._lists: list[tuple[str, int]] = []  # style ("" for bullets), next number
        self._number = ""
        self._kind = Kind.PARAGRAPH
        self._anchor = ""
        self._silent: list[str] = []
        self._tables = 0
        self._pre = 0
        self._tags = 0
        self._row: list[str] | None = None
        self._rows: list[str] = []

    def read(self, text: str) -> None:
        """Read a whole page. Raises _Enough."""
        for start in range(0, len(text), _PIECE):
            self.feed(text[start : start + _PIECE])
            if len(self.rawdata) > _LONGEST_TAG:
                raise _Enough
        left = _MOST_READ_AGAIN
        while self.rawdata.startswith("<"):  # the tag never ends, so it is text
            rest, self.rawdata = self.rawdata[1:], ""
            left -= len(rest)
            if left < 0:
                raise _Enough
            self.feed(f"&lt;{rest}")
        self.close()

    def end_block(self) -> None:
        """Make a block of the collected text, or keep it in its table cell."""
        if self._tables:
            self._text.append(" ")
            return
        text = "".join(self._text)
        self._text = []
        if text.strip() or self._number:
            level = max(0, len(self._lists) - 1)
            shown = text.rstrip("\n \u00b6") if self._kind is Kind.HEADING else text  # nbconvert's link to the heading
            self.blocks.append(Block(shown.strip("\n "), self._kind, self._anchor, self._number, level))
            self._number = self._anchor = ""
        if len(self.blocks) > MOST_BLOCKS:
            raise _Enough

    def finish(self) -> None:
        """Make blocks of elements that were never closed."""
        if self._tables:
            self._tables = 0
            self._end_table()
        elif len(self.blocks) <= MOST_BLOCKS:
            self.end_block()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._count()
        if tag in _PICTURES and not self._silent and not self._hidden:
            self._picture(dict(attrs))
        if tag in _SILENT or self._silent:
            if tag in _SILENT and len(self._silent) < _DEEPEST:
                self._silent.append(tag)
            if tag != "body":
                return
            self._silent = []  # a head that was never closed
        values = {name: value or "" for name, value in attrs}
        if self._is_hidden(tag, values):
            return
        if tag == "br":
            self._text.append("\n" if not self._tables else " ")
        if tag in _BLOCKS and not (tag in {"p", "div"} and self._number and not "".join(self._text).strip()):
            self.end_block()
            self._kind = Kind.HEADING if tag in _HEADINGS else Kind.PARAGRAPH
        anchor = values.get("data-part") or values.get("id", "")
        if tag in _BLOCKS and anchor:
            self._anchor = anchor[:80]
        self._open(tag, values)

    def _count(self) -> None:
        self._tags += 1
        if self._tags > _MOST_TAGS:
            raise _Enough

    def _picture(self, values: dict[str, str | None]) -> None:
        sides = (_whole((values.get(name) or "").removesuffix("px"), _SMALLEST_PICTURE) for name in ("width", "height"))
        if min(sides) >= _SMALLEST_PICTURE:
            self._text.append(PICTURE)

    def _is_hidden(self, tag: str, values: dict[str, str]) -> bool:
        """Whether the element is not visible: hidden, inside a hidden element, or white on the page's white."""
        if self._hidden:
            if tag == "p" == self._hidden[-1]:
                self._hidden.pop()  # a paragraph ends where the next begins
            else:
                self._hidden += [tag] if tag == self._hidden[-1] and len(self._hidden) < _MOST_TAGS else []
                return True
        style = "".join(values.get("style", "")[:_LONGEST_STYLE].split())
        self._backgrounds += bool(_BACKGROUND.search(style) or values.get("bgcolor"))
        is_white = _WHITE.search(style) or values.get("color", "").lower() in {"white", "#ffffff"}
        if not ("hidden" in values or _HIDDEN.search(style) or (is_white and not self._backgrounds)) or tag in _VOID:
            return False
        self._hidden.append(tag)
        return True

    def _open(self, tag: str, values: dict[str, str]) -> None:
        if tag in {"ol", "ul"} and len(self._lists) < _DEEPEST:
            style = values.get("type", "1")[:1] if tag == "ol" else ""
            kinds = {"lower-alpha": "a", "lower-latin": "a", "upper-alpha": "A", "lower-roman": "i"}
            named = re.search(r"list-style(?:-type)?:\s*([a-z-]+)", values.get("style", ""))
            if tag == "ol" and named and named.group(1) in kinds:
                style = kinds[named.group(1)]
            self._lists.append((style, _whole(values.get("start", ""), 1)))
        elif tag == "li":
            style, value = self._lists[-1] if self._lists else ("", 1)
            value = _whole(values.get("value", ""), value)
            if self._lists:
                self._lists[-1] = (style, value + 1)
            self._number = f"{ordinal(value, style)}." if style else ""
            self._kind = Kind.ITEM
        elif tag == "table":
            self._tables += 1
            if self._tables == 1:
                self._rows, self._row = [], None
        elif tag == "tr" and self._tables == 1:
            self._end_row()
            self._row = []
        elif tag in {"td", "th"} and self._tables == 1:
            self._end_cell()
            self._row = [] if self._row is None else self._row
        elif tag == "pre":
            self._pre += 1

    def handle_endtag(self, tag: str) -> None:
        if self._silent:
            if tag == self._silent[-1]:
                self._silent.pop()
            return
        if self._hidden:
            if tag == self._hidden[-1]:
                self._hidden.pop()
            return
        if tag in _BLOCKS:
            self.end_block()
        if tag in {"ol", "ul"} and self._lists:
            self._lists.pop()
        elif tag == "table" and self._tables:
            self._tables -= 1
            if not self._tables:
                self._end_table()
        elif tag in {"td", "th"} and self._tables == 1:
            self._end_cell()
        elif tag == "tr" and self._tables == 1:
            self._end_row()
        elif tag == "pre" and self._pre:
            self._pre -= 1

    def _end_cell(self) -> None:
        text = _SPACE.sub(" ", "".join(self._text)).strip()
        self._text = []
        if text:
            self._row = [] if self._row is None else self._row
            self._row.append(text)

    def _end_table(self) -> None:
        self._end_row()
        self.blocks.append(Block("\n".join(self._rows), Kind.TABLE, self._anchor))
        self._rows, self._anchor = [], ""

    def _end_row(self) -> None:
        self._end_cell()
        if self._row:
            self._rows.append(" | ".join(self._row))
        self._row = None

    def handle_data(self, data: str) -> None:
        if self._hidden:
            self.has_hidden_text = self.has_hidden_text or not data.isspace()
        elif not self._silent:
            is_start = not self._text or self._text[-1].endswith("\n")
            text = data if self._pre else _SPACE.sub(" ", data)
            self._text.append(text.lstrip(" ") if is_start and not self._pre else text)

    def handle_comment(self, data: str) -> None:
        self._count()
        if not self._silent and not self._hidden and len(data) < 80:
            self._text.append(f"<!--{data}-->")


def _whole(text: str, default: int) -> int:
    return int(text) if re.fullmatch(r"[0-9]{1,4}", text.strip()) else default
