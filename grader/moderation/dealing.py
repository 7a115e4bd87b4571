"""Which tutor reviews which entry of a run: entries are dealt out by a hash, and some of them to two tutors.

A deal depends on what an entry is about and on the names of the tutors, and on nothing else: it stays when the run is
graded again or grows, and when a tutor joins, an entry either stays or moves to that tutor.
"""

from __future__ import annotations

import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal

import msgspec
import tomli_w

from grader.model import Report, Result, UsageFault
from grader.moderation.likeness import normalised
from grader.moderation.queue import has_no_answers, is_open, queue_of
from grader.moderation.worklist import UNANSWERED
from grader.storage.json_files import encodable, write_file

TUTORS_FILE = "tutors.toml"
TWICE = 10
"""Unless something else is asked for, one in this many entries is dealt to two tutors."""
_HEAD = "# Who reviews what in this run. `python -m grader review RUN --tutors a,b,c` writes this file.\n"


class Deal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ``tutors`` who share a run. One in ``twice`` open entries, on average, is dealt to two of them; 0: none.

    ``by`` says what is dealt: single entries, where equal answers go to the same tutor, or whole ``questions``. A
    question that is not named there, because nothing of it waited then, goes to a tutor too.
    """

    tutors: tuple[str, ...]
    by: Literal["evenly", "question"] = "evenly"
    twice: int = TWICE
    questions: dict[str, str] = {}

    def readers(self, report: Report, result: Result) -> tuple[str, ...]:
        """The tutor to whom a result is dealt, or two if it is open; ``report`` is the automatic one."""
        unit = _unit(report, result)
        order = sorted(self.tutors, key=lambda tutor: _hash("deal", tutor, *unit))
        if self.by == "question":
            item = unit[0]
            owner = self.questions.get(item) or min(self.tutors, key=lambda tutor: _hash("deal", tutor, item))
            order.sort(key=lambda tutor: tutor != owner)
        is_twice = self.twice > 0 and is_open(result) and int(_hash("twice", *unit), 16) % self.twice == 0
        return tuple(order[: 2 if is_twice else 1])


def same_name(name: str) -> str:
    """A tutor's name as it is compared: without its case, and without spaces around it and between its words."""
    return " ".join(name.split()).casefold()


def deal_out(automatic: Sequence[Report], tutors: Sequence[str], *, by_question: bool, twice: int) -> Deal:
    """A deal of what waits in the ``automatic`` reports. Raises UsageFault if a name is empty or comes twice.

    Questions go, largest first, to the tutor who has least until then.
    """
    deal = Deal(tuple(map(str.strip, tutors)), "question" if by_question else "evenly", twice)
    if fault := _fault(deal):
        raise UsageFault(f"--tutors: {fault}.")
    if not by_question:
        return deal
    queue = queue_of(automatic)
    counts = {question.id: len(question.entries) for question in queue.questions}
    counts |= {UNANSWERED: len(queue.unanswered)} if queue.unanswered else {}
    load = Counter(dict.fromkeys(deal.tutors, 0))
    questions = {}
    for item in sorted(counts, key=lambda item: -counts[item]):
        questions[item] = min(deal.tutors, key=lambda tutor: load[tutor])
        load[questions[item]] += counts[item]
    return msgspec.structs.replace(deal, questions=questions)


def dealt(deal: Deal, automatic: Iterable[Report]) -> Iterator[tuple[Report, Result, tuple[str, ...]]]:
    """All results of a run with the tutors to whom they are dealt."""
    return ((report, result, deal.readers(report, result)) for report in automatic for result in report.results)


def read_deal(folder: Path) -> Deal | None:
    """The deal of the run at ``folder``; None if it was not dealt out. Raises UsageFault for an invalid file."""
    path = folder / TUTORS_FILE
    try:
        deal = msgspec.convert(tomllib.loads(path.read_bytes().decode("utf-8-sig")), Deal)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UsageFault(f"{path}: not a list of tutors: {error}.") from error
    if fault := _fault(deal):
        raise UsageFault(f"{path}: {fault}.")
    return deal


def carry_over_deal(folder: Path, earlier: Path | None) -> None:
    """Deal the run at ``folder`` out as the ``earlier`` one that it continues, unless it has its own deal."""
    deal = read_deal(earlier) if earlier is not None and not is_dealt(folder) else None
    if deal is not None:
        write_deal(folder, deal)


def is_dealt(folder: Path) -> bool:
    """Whether the entries of the run at ``folder`` were dealt out to tutors."""
    return (folder / TUTORS_FILE).exists()


def write_deal(folder: Path, deal: Deal) -> None:
    """Store the deal with the run at ``folder``. Raises UsageFault when that fails."""
    path = folder / TUTORS_FILE
    content: Mapping[str, object] = {
        "tutors": list(map(encodable, deal.tutors)),
        "by": deal.by,
        "twice": deal.twice,
        "questions": deal.questions,
    }
    try:
        write_file(path, (_HEAD + tomli_w.dumps(content)).encode(), is_durable=True)
    except OSError as error:
        raise UsageFault(f"{path} cannot be written: {error.strerror or error}.") from error


def _fault(deal: Deal) -> str:
    if not deal.tutors or not all(map(str.strip, deal.tutors)):
        return "a name is empty; write names such as ann,ben"
    if len(set(map(same_name, deal.tutors))) < len(deal.tutors):
        return "a name comes twice"
    strangers = set(deal.questions.values()).difference(deal.tutors)
    return f"{min(strangers)} has a question, but is not among the tutors" if strangers else ""


def _unit(report: Report, result: Result) -> tuple[str, str]:
    """What is dealt as one: equal answers to a question, all parts of unread answers, or an item of one student."""
    if result.answer is None:
        return result.id, report.student
    if has_no_answers(report):
        return UNANSWERED, report.student
    return result.id, normalised(result.answer.text) or report.student


def _hash(*words: str) -> str:
    return hashlib.sha256(encodable("\n".join(words)).encode()).hexdigest()
