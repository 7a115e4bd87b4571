"""Parse and compile a student's text where Python does it in bounded time. Neither runs the text.

Both take quadratic time for some texts: parsing for an f-string with many braces, because Python searches the string
from its start for each (120 kB: 1 s), and compiling for many equal functions or classes (200 kB: 3 s; 900 kB: 78 s).
"""

from __future__ import annotations

import ast
import re
import warnings

LONGEST_COMPILED = 100_000
"""Characters. The lab's script has about ten thousand; in a longer one, only the parser finds faults."""
_MOST_SEARCHED = 1_000_000_000
"""Characters that Python searches for the braces of f-strings: a quarter of a second."""
_FORMATTED = re.compile(r"[fF][rR]?[\"']")


def parsed(text: str, path: str = "<text>") -> ast.Module:
    """The syntax tree. Raises SyntaxError, RecursionError, MemoryError, or ValueError for NUL and too many braces."""
    if text.count("{") * len(text) > _MOST_SEARCHED and _FORMATTED.search(text):
        raise ValueError("too many braces in f-strings")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, path)


def check(tree: ast.Module, text: str, flags: int = 0, *, longest: int = LONGEST_COMPILED) -> None:
    """Find the faults that only compiling finds, such as a return outside a function, unless ``text`` is too long.

    ``tree`` is the text's. Raises as :func:`parsed` does.
    """
    if len(text) > longest:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(tree, "<text>", "exec", flags, dont_inherit=True)
