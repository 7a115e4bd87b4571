"""Judge from a script's code, not from words in its comments and strings, how much of a network it contains.

Nothing is run. Code that Python can parse is judged by its syntax tree, other code by its text without comments and
strings. :mod:`grader.submissions.script_choice` compares the results.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from grader.source.definitions import is_blank, module_level
from grader.source.networks import holds_network, is_network, network_classes, text_holds_network, without_text
from grader.source.parsing import parsed

_LONGEST_PARSED = 100_000
"""Characters of one script, or of one cell. The lab's script has about ten thousand."""
_NET_CLASS = re.compile(r"^[ \t]*class[ \t]+Net[ \t]*[(:\[]", re.M)
_NET_NAME = re.compile(r"^[ \t]*Net[ \t]*(?::[^=\n]*)?=(?!=)", re.M)
_CONV = re.compile(r"conv", re.I)
_LAYER = re.compile(r"\bself\.\w+[ \t]*(?::[^=\n]{0,100})?=[ \t]*[\w.]+\(")
_FORWARD = re.compile(r"^([ \t]*)def[ \t]+forward\b[^\n]*(?:\n(?![ \t]*\n)[^\n]*){0,5}?:[ \t]*$", re.M)
_NOTHING = re.compile(r"[ \t]*+(?:pass|\.\.\.|return(?:[ \t]+\w+)?|raise[ \t]+NotImplemented\w*.*)?[ \t;]*")
_COMMAND = re.compile(r"^([ \t]*)[%!?][^\n]*", re.M)


@dataclass(frozen=True)
class Content:
    """What a script's code contains.

    ``has_network`` is judged as :mod:`grader.source.networks` does: a blank class is none, a Sequential is one.
    ``has_class`` says that a class is a network, perhaps a blank one.
    ``parses`` is False if Python cannot read the code that defines a network. ``builds`` says that layers are made,
    ``computes`` that ``forward`` has a body, ``convolves`` that the code names a convolution.
    """

    defines_net: bool = False
    has_network: bool = False
    has_class: bool = False
    parses: bool = True
    builds: bool = False
    computes: bool = False
    convolves: bool = False

    @property
    def is_work(self) -> bool:
        """Whether there is a network that somebody has begun to write: more than the blank template."""
        return self.has_network or (self.defines_net and (self.builds or self.computes))

    @property
    def is_complete(self) -> bool:
        """Whether a network has layers and a ``forward``."""
        return self.builds and self.computes

    @property
    def amount(self) -> int:
        """How much of a network there is, 0 to 4."""
        return (self.has_network or self.has_class) + self.builds + self.computes + self.convolves


def content_of(pieces: Sequence[str]) -> Content:
    """What the code contains, given as one piece, or as the code cells of a notebook."""
    trees = [_parsed(piece) for piece in pieces]
    stripped = [without_text(piece) for piece in pieces]
    code = "\n".join(p if tree is None else s for p, s, tree in zip(pieces, stripped, trees, strict=True))
    defines = _defines(code)
    unread = [(p, s) for p, s, tree in zip(pieces, stripped, trees, strict=True) if tree is None]
    lost = [s for p, s in unread if _defines(p) or text_holds_network(p)]
    has_network = any(tree is not None and _holds_network(tree) for tree in trees) or any(map(text_holds_network, lost))
    has_class = any(tree is not None and network_classes(tree.body) for tree in trees)
    if not (defines or has_network):
        return Content(has_class=has_class, parses=None not in trees)
    judged = [_by_tree([s for tree in trees if tree is not None for s in tree.body]), *map(_by_text, lost)]
    is_seen = any(content.builds or content.computes for content in judged)
    is_named = bool(_NET_NAME.search(code)) and not _NET_CLASS.search(code)
    is_made = is_named or (has_network and not is_seen)  # by a call, which is not looked into
    return Content(
        defines_net=defines,
        has_network=has_network,
        has_class=has_class,
        parses=not lost,
        builds=is_made or any(content.builds for content in judged),
        computes=is_made or any(content.computes for content in judged),
        convolves=any(map(_CONV.search, stripped)),
    )


def _defines(code: str) -> bool:
    return bool(_NET_CLASS.search(code) or _NET_NAME.search(code))


def _parsed(code: str) -> ast.Module | None:
    """The syntax tree without notebook commands; None if Python cannot parse the code, or if it is too long to try."""
    if len(code) > _LONGEST_PARSED:
        return None
    for text in dict.fromkeys([code, _COMMAND.sub(r"\1pass", code)]):
        try:
            return parsed(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return None


def _holds_network(tree: ast.Module) -> bool:
    try:
        return holds_network(tree.body)
    except (RecursionError, ValueError):
        return True  # more than the blank template


def _by_tree(statements: Sequence[ast.stmt]) -> Content:
    classes = {node.name: node for node in module_level(statements) if isinstance(node, ast.ClassDef)}
    networks = _with_bases("Net", classes) if "Net" in classes else [c for c in classes.values() if is_network(c)]
    try:
        return Content(
            builds=any(not is_blank(_part(c, has_forward=False)) for c in networks),
            computes=any(not is_blank(_part(c, has_forward=True)) for c in networks),
        )
    except (RecursionError, ValueError):
        return Content()


def _with_bases(name: str, classes: dict[str, ast.ClassDef]) -> list[ast.ClassDef]:
    """The class of that name, and those that it inherits from."""
    found: dict[str, ast.ClassDef] = {}
    waiting = [name]
    while waiting:
        if (node := classes.get(waiting.pop())) is not None and node.name not in found:
            found[node.name] = node
            waiting += [base.id for base in node.bases if isinstance(base, ast.Name)]
    return list(found.values())


def _is_forward(part: ast.stmt) -> bool:
    return getattr(part, "name", "") == "forward"


def _part(node: ast.ClassDef, *, has_forward: bool) -> ast.ClassDef:
    """The class with only its ``forward``, or with everything else."""
    body = [part for part in node.body if _is_forward(part) == has_forward]
    return ast.ClassDef(name=node.name, bases=node.bases, keywords=[], body=body, decorator_list=[])


def _by_text(code: str) -> Content:
    return Content(
        builds=bool(_LAYER.search(code)),
        computes=any(_has_body(code, found) for found in _FORWARD.finditer(code)),
    )


def _has_body(code: str, head: re.Match[str]) -> bool:
    """Whether a line that does something follows the head of a function."""
    for line in _lines(code[head.end() : head.end() + 2000]):
        if len(line) - len(line.lstrip()) <= len(head[1]):
            return False
        if not _NOTHING.fullmatch(line):
            return True
    return False


def _lines(text: str) -> Iterable[str]:
    return (line for line in text.split("\n") if line.strip())
