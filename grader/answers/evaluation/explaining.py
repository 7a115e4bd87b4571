"""The ``explain`` command: prints what decided the mark of one answer."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby

from rich.console import Console
from rich.text import Text

from grader.answers.marker.explanation import Explanation, IdeaFound
from grader.model import Status
from grader.safe_text import visible

LONGEST_SAMPLE = 90
"""Characters of a sample that are shown."""
MOST_WORDINGS = 3
"""Ways in which one idea was found that are shown."""


def print_explanation(explained: Explanation, console: Console) -> None:
    """Print the explanation as plain lines."""
    for title, text in _lines(explained):
        console.print(Text(title, style="bold").append(visible(text), style="not bold"), soft_wrap=True)


def _lines(explained: Explanation) -> Iterator[tuple[str, str]]:
    """Each line as its title, empty for a line below a title, and the rest."""
    found = explained.finding
    yield f"Part {explained.part}  ", explained.question
    yield "Answer  ", explained.answer
    yield "Ideas found", "" if explained.ideas else "  none"
    for _, wordings in groupby(explained.ideas, key=lambda idea: idea.name):
        yield from (("", f"  {line}") for line in _idea(list(wordings)))
    if explained.probabilities is not None:
        shares = ", ".join(f"{share:.0%} for {_plain(mark)}" for mark, share in explained.probabilities.items())
        yield "Model  ", shares
    yield "Similar samples", "" if explained.alike else "  none"
    for sample in explained.alike:
        cut = " ..." if len(sample.answer) > LONGEST_SAMPLE else ""
        yield "", f"  {sample.likeness:.2f}  marked {_plain(sample.gold):<3}  {sample.answer[:LONGEST_SAMPLE]}{cut}"
    yield "What decided", ""
    for rule in explained.rules:
        yield "", f"  {rule}"
    state = "waits for a tutor" if found.status is Status.NEEDS_REVIEW else "settled"
    yield "Mark  ", f"{_plain(found.awarded)}, confidence {found.confidence:.2f}, {state}"
    yield "Message  ", found.message


def _idea(wordings: list[IdeaFound]) -> Iterator[str]:
    first = wordings[0]
    yield f"{first.name} ({first.effect}): {first.say}"
    for wording in wordings[:MOST_WORDINGS]:
        yield f'  "{wording.words}" by {wording.pattern}'
    if len(wordings) > MOST_WORDINGS:
        yield f"  and by {len(wordings) - MOST_WORDINGS} more"


def _plain(mark: Decimal) -> str:
    return f"{mark.normalize():f}"
