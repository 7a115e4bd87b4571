"""Shows one entry of the queue in the terminal: the question, the answer or code item, the proposal and its reason.

Text from a submission is never read as markup, and its control characters are made visible.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from rich.console import Console
from rich.text import Text

from grader.model import Decision, Flag, MarkedAnswer, Report, Result
from grader.model.quantities import quantity
from grader.moderation.offers import is_unsure, proposal
from grader.moderation.queue import is_open
from grader.moderation.session import Review
from grader.moderation.worklist import Entry
from grader.report.console.names import whole_name
from grader.report.formats import STYLES, labelled, moment, out_of, points, visible
from grader.report.highlighting import pieces
from grader.safe_text import visible_block
from grader.storage.run_folder import page_path

KEYS: tuple[tuple[str, str, str], ...] = (
    ("a", "accept", "give what is proposed; where the grader is unsure, type the points too"),
    ("c", "change", "give other points, with a reason; if no answer could be read, show the parts one by one"),
    ("s", "skip", "leave this one open"),
    ("f", "flag", "say that you have looked at the flag that is shown; it changes no mark"),
    ("w", "comment", "write a comment; it changes no mark"),
    ("u", "undo", "undo the last step of this session; again for the one before"),
    ("n", "next", "leave the rest of this question (or student) open"),
    ("v", "view", "show all lines, if they did not fit"),
    ("0", "none", "give no points for all parts, if no answer could be read"),
    ("q", "quit", "write the pages again and quit"),
    ("?", "help", "show these keys"),
)
_WIDEST = 110
"""Columns; longer lines are hard to read."""
_LABEL = 12
_MOST_LINES = 5
"""Lines of a sentence when the text has to fit the screen."""
_LEAST_ANSWER = 3


@dataclass(frozen=True)
class Block:
    """A paragraph with its label; the lines of an answer have a vertical bar instead."""

    label: str
    text: Text
    is_path: bool = False
    """A path is not split over lines, so that it can be copied and clicked."""

    @property
    def is_answer(self) -> bool:
        """Whether these are the lines of an answer, which have no label."""
        return not self.label


class Screen:
    """Shows entries on ``console``, with the pseudonyms ``names`` if given. In a terminal an entry fills the screen."""

    def __init__(self, console: Console, folder: Path, *, is_single: bool, names: Mapping[str, str] | None) -> None:
        self._console = console
        self._folder = folder
        self._is_whole_screen = is_single and console.is_terminal and not console.is_dumb_terminal
        self._names = names

    @property
    def _width(self) -> int:
        return min(self._console.width, _WIDEST)

    def name(self, report: Report) -> Text:
        """The name shown for a student, with a learning platform's number."""
        return whole_name(report) if self._names is None else Text(self._names[report.student])

    def show(self, review: Review, message: str = "", *, is_cut: bool = True) -> None:
        """Show the current entry and the last ``message``; with ``is_cut``, only what fits the screen."""
        entry = review.entry
        head = self._head(review)
        blocks = self._blocks(review, entry) if entry is not None else []
        foot = [Text(visible(message), style="bold"), self._keys(review, entry)]
        foot[0].truncate(self._console.width, overflow="ellipsis")
        room = None
        if self._is_whole_screen:
            self._console.clear()
            paths = sum((_LABEL + block.text.cell_len - 1) // self._console.width for block in blocks if block.is_path)
            room = self._console.height - len(head) - len(foot) - 2 - paths if is_cut else None
        body = _cut(self._console, blocks, self._width, room)
        if room is not None:
            body += [Text()] * (room - len(body))
        for line in [*head, Text(), *body, *(foot if message or room is not None else foot[1:])]:
            self._console.print(line, soft_wrap=True)

    def print(self, text: str) -> None:
        """Print one line."""
        self._console.print(Text(visible(text)), soft_wrap=True)

    def print_address(self, address: str) -> None:
        """Print where the page is."""
        self.print(f"Review on this page: {address}")
        self.print("It contains a secret: do not pass it on. Ctrl-C in this window ends the review.")

    def ask(self, prompt: str) -> None:
        """Print a prompt; in a terminal the answer is typed after it."""
        self._console.print(Text(prompt, style="bold"), end="" if self._is_whole_screen else "\n", soft_wrap=True)

    def offer(self, sentences: Sequence[str]) -> None:
        """Print sentences that were used before, each with the digit that takes it."""
        for digit, text in enumerate(sentences, start=1):
            line = Text(f"  {digit}  ", style="bold").append(visible(text), style="not bold")
            line.truncate(self._width, overflow="ellipsis")
            self._console.print(line)

    def help(self) -> None:
        """Print what each key does."""
        for key, word, what in KEYS:
            line = Text(f"  {key}  ", style="bold")
            line.append(f"{word:<9}", style="not bold")
            self._console.print(line.append(what, style="not bold"), soft_wrap=True)
        if not self._is_whole_screen:
            self.print("  Each line is a key with its text: 'c 0.5', 'c 0.5 half of it is there', 'w a comment'.")

    def _head(self, review: Review) -> list[Text]:
        entry = review.entry
        if entry is None:
            left = quantity(review.left, "entry is", "entries are")
            return [Text("There are no more entries.", style="bold"), Text(f"{left} left open.")]
        place = review.place
        title = f"Flag  {entry.flag}" if entry.flag else "Part 1  No answer could be read"
        if len(results := review.results(entry)) == 1:
            title = f"{result_id(results[0])}  {results[0].title}"
        kind = "question" if place.group.id else "student"
        where = f"{place.number} of {place.count}, {kind} {place.group_number} of {place.groups}, {review.left} open"
        who = _spread(
            Text(style="bold").append_text(self.name(review.report(entry))), Text(where, style="dim"), self._width
        )
        first = Text(visible(title), style="bold reverse" if self._is_whole_screen else "bold")
        first.truncate(self._width, overflow="ellipsis")
        return [first, Text(), who]

    def _blocks(self, review: Review, entry: Entry) -> list[Block]:
        report, results = review.report(entry), review.results(entry)
        flags = [self._flag(flag, report.look(flag.id)) for flag in review.flags(entry)]
        if entry.flag:
            return [*flags, *self._page(report)]
        if len(entry.items) > 1:
            return [Block("Reason", Text(visible(results[0].message))), *flags, *self._page(report)]
        (result,) = results
        answer = result.answer
        blocks = [Block("", self._answer(answer))] if answer is not None else []
        blocks.append(Block(*_points_line(result, self._names)))
        sentences = [("Reason", result.message)]
        if answer is None:
            seen = " ".join(result.seen.split())  # it may be a paragraph that the student wrote
            sentences += [("Expected", result.expected), ("Seen", seen), ("Hint", result.hint)]
        else:
            if answer.full_answer[1:] not in result.message:  # the reason of a correct answer says the same
                sentences.append(("Full answer", answer.full_answer))
            sentences += [("Network", answer.note), ("Source", answer.source)]
        blocks += [Block(label, Text(visible(text))) for label, text in sentences if text]
        if result.asked is not None:
            blocks += [_history_block(made, self._names) for made in review.history(entry)]
        else:
            blocks += [Block("Comment", _signed(comment, self._names)) for comment in result.comments]
        blocks += flags
        return blocks if review.is_blind else [*blocks, *self._page(report)]

    def _answer(self, answer: MarkedAnswer) -> Text:
        """The answer with the words that counted highlighted; in «» if the console has no styles."""
        if not answer.text.strip():
            return Text("(no text was found for this part)", style="dim")
        is_plain = not self._console.is_terminal or self._console.is_dumb_terminal
        text = Text()
        for piece in pieces(answer.text.rstrip("\n"), answer.spans):
            words = visible_block(piece.text)
            if piece.has_counted:
                text.append(f"«{words}»" if is_plain else words, style="bold underline yellow")
            else:
                text.append(words)
        return text

    def _flag(self, flag: Flag, look: Decision | None) -> Block:
        """A flag, and who has looked at it; in an anonymous review its id, because sentences may name students."""
        text = Text(visible(flag.message if self._names is None else flag.id), style="yellow")
        if look is not None and self._names is None:
            text.append(" Looked at by ", style="default").append_text(_signed(look, self._names))
        return Block("Flag", text)

    def _page(self, report: Report) -> list[Block]:
        """The path of the student's page; none in an anonymous review, because the path contains the name."""
        if self._names is not None:
            return []
        return [Block("Page", Text(visible(str(self._folder / page_path(report.student)))), is_path=True)]

    def _keys(self, review: Review, entry: Entry | None) -> Text:
        if entry is None:
            return _key_line({"u": "undo", "q": "quit", "?": "help"})
        if entry.flag:
            words = {"f": "looked at", "s": "skip"}
        elif len(entry.items) > 1:
            words = {"0": f"no points for all {len(entry.items)}", "c": "mark each", "s": "skip", "w": "comment"}
        else:
            (result,) = review.results(entry)
            offer = proposal(result)
            words = {"a": _accepting(result, offer)} if offer is not None else {}
            words |= {"c": "change", "s": "skip", "w": "comment"}
        if not entry.flag and review.next_flag(entry) is not None:
            words |= {"f": "flag"}
        return _key_line(words | {"u": "undo", "n": "next", "q": "quit", "?": "help"})


def result_id(result: Result) -> str:
    """An item's id, or a part of Part 1 as students know it."""
    return f"Part 1, {result.part}" if result.part else result.id


def _accepting(result: Result, offer: Decimal) -> str:
    return "accept, with the points" if is_unsure(result) else f"accept {points(offer)}"


def _points_line(result: Result, names: Mapping[str, str] | None) -> tuple[str, Text]:
    answer = result.answer
    sure = f", confidence {answer.confidence:.2f}" if answer is not None and answer.text else ""
    if is_open(result):
        if result.proposed is None:
            return "Proposed", Text(f"nothing; up to {points(result.available)} can be given", style="bold cyan")
        return "Proposed", Text(f"{points(result.proposed)} of {points(result.available)}{sure}", style="bold cyan")
    text = Text(f"{labelled(result.status)}, {out_of(result.awarded, result.available)}", style=STYLES[result.status])
    if result.decision is not None:
        text.append(" by ", style="default").append_text(_signed(result.decision, names))
    return "Settled", text.append("" if result.decision else sure)


def _signed(made: Decision, names: Mapping[str, str] | None) -> Text:
    like = "" if not made.like else f" (as for {visible(made.like if names is None else names.get(made.like, '?'))})"
    reason = f": {visible(made.reason)}" if made.reason else ""
    return Text(f"{visible(made.author)}{like}, {moment(made.time)}{reason}", style="default")


def _history_block(made: Decision, names: Mapping[str, str] | None) -> Block:
    """A request with the mark that it is about, a decision or a comment on an item whose student asks again."""
    if made.request:
        mark = "" if made.old is None else f" ({out_of(made.old, made.available)} then)"
        return Block("Asked", Text(f"{moment(made.time)}{mark}: {visible_block(made.reason)}", style="bold"))
    if made.new is None:
        return Block("Comment", _signed(made, names))
    return Block("Decided", Text(f"{out_of(made.new, made.available)}, ").append_text(_signed(made, names)))


def _key_line(words: Mapping[str, str]) -> Text:
    line = Text()
    for key, word in words.items():
        line.append("  " if line else "")
        line.append(key, style="bold").append(f" {word}", style="not bold")
    return line


def _spread(left: Text, right: Text, width: int) -> Text:
    left.truncate(max(width - right.cell_len - 2, 10), overflow="ellipsis")
    return Text.assemble(left, " " * max(width - left.cell_len - right.cell_len, 2), right)


def _cut(console: Console, blocks: Sequence[Block], width: int, room: int | None) -> list[Text]:
    """The lines of the blocks, at most ``room`` of them; the answer is shortened first."""
    wrapped = [(block, _wrapped(console, block, width)) for block in blocks]
    if room is not None and sum(len(lines) for _, lines in wrapped) + 1 > room:
        wrapped = [(block, lines if block.is_answer else _first(lines, _MOST_LINES)) for block, lines in wrapped]
        others = sum(len(lines) for block, lines in wrapped if not block.is_answer) + 1
        most = max(room - others, _LEAST_ANSWER)
        wrapped = [(block, _first(lines, most) if block.is_answer else lines) for block, lines in wrapped]
    lines = []
    for block, own in wrapped:
        lines += [*own, Text()] if block.is_answer else own
    return lines if room is None else _first(lines, room)


def _first(lines: list[Text], most: int) -> list[Text]:
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], Text(f"… {quantity(len(lines) - most + 1, 'line')} more; v shows all", style="dim")]


def _wrapped(console: Console, block: Block, width: int) -> list[Text]:
    indent = 2 if block.is_answer else _LABEL
    lines = block.text.wrap(console, max(width - indent, 10))
    for line in lines:
        line.rstrip()
    if block.is_path:
        return [Text.assemble((f"{block.label:<{_LABEL}}", "dim"), block.text)]
    if block.is_answer:
        return [Text.assemble(("│ ", "dim"), line) for line in lines]
    return [
        Text.assemble((f"{block.label if at == 0 else '':<{_LABEL}}", "dim"), line) for at, line in enumerate(lines)
    ]
