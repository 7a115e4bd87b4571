"""Read a text with syntax errors block by block: what can be read, and what had to be changed or left out.

A block starts at a line that is not indented. What is left out never ends up half in the result: a class with an error
in it is lost as a whole.
"""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from grader.source.parsing import LONGEST_COMPILED, check, parsed
from grader.source.python_versions import Rewriting, rewritings

_MOST_READ = 3_000_000
"""Characters that Python reads of one script, all attempts together: some two seconds. Ordinary ones need five times
their length at most."""
_COMPILED_AS_ONE = 5_000
"""Compiling may take the square of a text's length: this many steps count as a character that is read."""
_MOST_REWRITTEN = 2_000_000
"""Characters that are read to rewrite the lines of one block, or of the whole text."""
_MOST_JOINED = 40
"""Blocks that are joined to close a bracket. Strings are joined up to their end."""
CONTINUES = re.compile(r"(?:else|elif|except|finally)\b|[)\]}]")
"""Lines at the margin that go on with the statement before them."""
_OPEN = re.compile(r"never closed|unterminated triple-quoted|unexpected EOF|EOF while|parenthesis|closing")
_METHOD = re.compile(r"\s*(?:def\s+\w+\s*\(\s*self\b|@)")
_OPENS = re.compile(r"(?:async\s+)?(?:for|while|if|with|def|class|try|match)\b|@|.*[\\(\[{,]\s*$")
_MAIN = re.compile(r"if\s+__name__\s*==")


@dataclass
class _Block:
    """Lines ``start`` to ``end`` (indexes, the end not included), read as ``text``; None if they are lost."""

    start: int
    end: int
    statements: list[ast.stmt] | None = None


@dataclass
class BlockReader:
    """Reads the lines block by block and remembers what it had to change. Line numbers are 1-based."""

    lines: list[str]
    dropped: set[int] = field(default_factory=set)
    changed: set[int] = field(default_factory=set)
    moved: set[int] = field(default_factory=set)
    corrected: set[int] = field(default_factory=set)
    lost: set[int] = field(default_factory=set)
    newer: dict[int, Rewriting] = field(default_factory=dict)
    has_tabs: bool = False
    read_so_far: int = 0

    def read_all(self) -> list[ast.stmt]:
        """Every statement that can be read."""
        whole = self.read(0, len(self.lines))
        if isinstance(whole, TabError):
            whole = self._without_tabs()
        return whole if isinstance(whole, list) else self._read_blocks(0, len(self.lines))

    def _without_tabs(self) -> list[ast.stmt] | SyntaxError:
        """Read with every tab of an indentation as 8 or 4 spaces; keep the width that Python can read."""
        self.has_tabs = True
        given, result = self.lines, SyntaxError("tabs")
        for width in (8, 4):
            self.lines = [_expanded(line, width) for line in given]
            read = self.read(0, len(self.lines))
            if isinstance(read, list):
                return read
        self.lines = [_expanded(line, 8) for line in given]
        return result

    def _read_blocks(self, start: int, end: int) -> list[ast.stmt]:
        found: list[_Block] = []
        at = start
        for block in list(self._blocks(start, end)):
            if block.start < at:
                continue  # joined to an earlier one
            self._read_block(block, end, found)
            at = block.end
        return [statement for block in found for statement in block.statements or []]

    def _read_block(self, block: _Block, end: int, found: list[_Block]) -> None:
        """Read one block, or as little more as it needs, and add it to those that were found."""
        result = self.read(block.start, block.end)
        head = self.lines[block.start]
        if isinstance(result, SyntaxError) and _OPEN.search(str(result.msg)):
            result = self._joined(block, end, result)
        if isinstance(result, SyntaxError) and head[:1].isspace():
            if self._read_as_part(block, found):
                return
            result = self._dedented(block)
        if isinstance(result, SyntaxError) and _MAIN.match(head):
            result = self._inside(block)
        if isinstance(result, SyntaxError) and not _OPENS.match(head):
            first = block.start
            block.start += 1
            if any(line.strip() for line in self.lines[block.start : block.end]) and self._rejoined(block, found, 0):
                self.lost.add(first + 1)
                return
            block.start = first
        if isinstance(result, list):
            block.statements = result
            found.append(block)
        else:
            self.lost |= {line + 1 for line in range(block.start, block.end) if self.lines[line].strip()}

    def _joined(self, block: _Block, end: int, result: SyntaxError) -> list[ast.stmt] | SyntaxError:
        """Join following blocks until the bracket or string is closed. The block grows if that works."""
        is_string = "triple-quoted" in str(result.msg)
        for count, other in enumerate(self._blocks(block.end, end)):
            if not is_string and count >= _MOST_JOINED:
                break
            if is_string and not re.search("\"\"\"|'''", "\n".join(self.lines[other.start : other.end])):
                continue
            joined = self._parsed(self.lines[block.start : other.end], block.start)
            if isinstance(joined, list):
                block.end = other.end
                return joined
        return result

    def _read_as_part(self, block: _Block, found: list[_Block]) -> bool:
        """Read a method that is not indented enough as a part of the class before it."""
        if not _METHOD.match(self.lines[block.start]) or not found:
            return False
        shift = self._body_depth(found[-1]) - _depth(self.lines[block.start])
        if shift > 0 and self._rejoined(block, found, shift):
            self.moved.add(block.start + 1)
            return True
        return False

    def _rejoined(self, block: _Block, found: list[_Block], shift: int) -> bool:
        """Read the block, indented by ``shift`` more, as the rest of the last block that was found."""
        if not found:
            return False
        last = found[-1]
        before = self.lines[last.start : block.start]
        for index in range(last.end, block.start):
            before[index - last.start] = ""
        rest = [" " * shift + line if line.strip() else line for line in self.lines[block.start : block.end]]
        joined = self._parsed([*before, *rest], last.start)
        if not isinstance(joined, list) or len(joined) != len(last.statements or []):
            return False
        self.lines[last.start : block.end] = [*before, *rest]
        last.statements, last.end = joined, block.end
        return True

    def _dedented(self, block: _Block) -> list[ast.stmt] | SyntaxError:
        lines = textwrap.dedent("\n".join(self.lines[block.start : block.end])).split("\n")
        result = self._parsed(lines, block.start)
        if isinstance(result, list):
            self.moved.add(block.start + 1)
        return result

    def _inside(self, block: _Block) -> list[ast.stmt]:
        """The statements of ``if __name__ == "__main__":``, each block of it by itself."""
        body = textwrap.dedent("\n".join(self.lines[block.start + 1 : block.end])).split("\n")
        self.lines[block.start + 1 : block.end] = body
        return self._read_blocks(block.start + 1, block.end)

    def read(self, start: int, end: int) -> list[ast.stmt] | SyntaxError:
        """The statements of the lines, rewriting single lines that keep Python from reading them."""
        lines = self.lines[start:end]
        notes: list[tuple[int, Rewriting]] = []
        first = result = self._parsed(lines, start)
        enough = self.read_so_far + _MOST_REWRITTEN
        while isinstance(result, SyntaxError):
            improved = self._improved(lines, start, result) if self.read_so_far < enough else None
            if improved is None:
                return first
            lines, result, note = improved
            notes.append(note)
        self.lines[start:end] = lines
        for index, way in notes:
            self._note(index, way)
        return result

    def _improved(
        self, lines: list[str], start: int, error: SyntaxError
    ) -> tuple[list[str], list[ast.stmt] | SyntaxError, tuple[int, Rewriting]] | None:
        """The lines with the one at fault rewritten, and what Python then reads, if it gets further."""
        index = (error.lineno or 0) - 1
        if not 0 <= index < len(lines):
            return None
        for at in (index, index - 1):
            if at < 0:
                continue
            for way in rewritings(lines, at, str(error.msg)):
                blanks = [""] * max(0, way.until - at - 1)
                changed = [*lines[:at], way.line, *blanks, *lines[at + 1 + len(blanks) :]]
                if changed == lines:
                    continue
                result = self._parsed(changed, start)
                if isinstance(result, list) or (result.lineno or 0) > index + 1:
                    return changed, result, (start + at, way)
        return None

    def _note(self, index: int, way: Rewriting) -> None:
        if way.how == "newer":
            self.newer[index + 1] = way
        elif way.how == "python2":
            self.changed.add(index + 1)
        elif way.how == "corrected":
            self.corrected.add(index + 1)
        else:
            self.dropped |= set(range(index + 1, max(index + 1, way.until) + 1))

    def _parsed(self, lines: list[str], start: int) -> list[ast.stmt] | SyntaxError:
        text = "\n".join(lines)
        self.read_so_far += len(text)
        if self.read_so_far > _MOST_READ:
            return SyntaxError("too much to read")
        try:
            tree = parsed(text)
            if len(text) <= LONGEST_COMPILED:
                self.read_so_far += len(text) ** 2 // _COMPILED_AS_ONE
            check(tree, text)
        except SyntaxError as error:
            return error
        except ValueError:
            return SyntaxError("not text")
        for statement in tree.body:
            ast.increment_lineno(statement, start)
        return tree.body

    def _blocks(self, start: int, end: int) -> Iterator[_Block]:
        """The blocks of the lines: each starts at a line that is not indented, or less than the lines before it."""
        block: _Block | None = None
        body = 0
        is_decorator = False
        for index in range(start, end):
            line = self.lines[index]
            if not line.strip() or line.lstrip().startswith("#"):
                continue
            depth = _depth(line)
            starts = block is None or ((depth == 0 or depth < body) and not CONTINUES.match(line))
            if starts and not is_decorator:
                if block is not None:
                    block.end = index
                    yield block
                block = _Block(index, end)
                body = 0
            elif depth and not body:
                body = depth
            is_decorator = depth == 0 and line.startswith("@")
        if block is not None:
            yield block

    def _body_depth(self, block: _Block) -> int:
        inner = (_depth(line) for line in self.lines[block.start + 1 : block.end] if line.strip())
        return next((depth for depth in inner if depth), 0)


def _depth(line: str) -> int:
    expanded = line.expandtabs(8)
    return len(expanded) - len(expanded.lstrip())


def _expanded(line: str, width: int) -> str:
    body = line.lstrip()
    return line[: len(line) - len(body)].expandtabs(width) + body
