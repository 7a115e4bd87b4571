"""Shows how far the grader and the tutors agree on a run, and adds their decisions to the samples when told to."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from grader.answers.evaluation.agreement import Comparison, agreement
from grader.answers.evaluation.tables import EXACT, KAPPA, WITHIN, grouped, print_figures
from grader.answers.marker.cache import KnownMarker
from grader.answers.marker.key import AnswerKey, load_key, samples_path
from grader.answers.marker.key_parts import ProsePart
from grader.answers.marker.samples_file import SamplesFile
from grader.model import KnownFindings, UsageFault
from grader.model.command_lines import command_line
from grader.model.quantities import quantity
from grader.moderation.agreement import BLIND, compared, without_proposal
from grader.moderation.decisions import Decisions
from grader.moderation.finished_run import FinishedRun
from grader.moderation.lessons import Lesson, decided_in, lessons_of
from grader.report.formats import points, visible

_WIDEST = 110
"""Columns of a table; an answer is cut off to fit."""
_MOST_OF_A_NAME = 16
_TO_THE_MINUTE = 16
"""Characters of an ISO 8601 time without its seconds."""


def show_agreement(console: Console, decisions: Decisions, folder: Path) -> None:
    """Print how far the grader and the tutors agree: overall, by part, by the tutor's mark, and in the blind audit."""
    comparisons = compared(decisions)
    if not comparisons:
        console.print("No tutor has decided on an answer that the grader gave or proposed a mark for.")
        return
    rows = [("all decisions", comparisons), *sorted(grouped(comparisons, lambda answer: answer.kind))]
    print_figures(console, "Grader and tutors on this run", rows, KAPPA, EXACT, WITHIN)
    by_part = sorted(grouped(comparisons, lambda answer: answer.part), key=lambda group: _in_order(group[0]))
    print_figures(console, "By part", by_part, KAPPA, EXACT, WITHIN)
    by_mark = sorted(grouped(comparisons, lambda answer: f"{float(answer.gold or 0):.4g}"))
    print_figures(console, "By the tutor's mark", by_mark, EXACT, WITHIN)
    if left := without_proposal(decisions):
        decided = quantity(left, "decision is", "decisions are")
        console.print(f"{decided} not in these tables, because the grader gave and proposed no mark.")
    console.print(_audit_line([answer for answer in comparisons if answer.kind == BLIND], folder))


def _in_order(part: str) -> tuple[int, str]:
    """Sorts question 10 after question 9."""
    return int("".join(filter(str.isdecimal, part)) or 0), part


def _audit_line(blind: Sequence[Comparison], folder: Path) -> str:
    if not blind:
        return f"No settled answer was marked blind yet: {command_line('review', str(folder), '--audit', '10%')}"
    figures = agreement(blind)
    wrong = sum(not answer.is_exact for answer in blind)
    return (
        f"Blind audit: {wrong} of {quantity(len(blind), 'settled answer')} settled wrongly ({wrong / len(blind):.0%}), "
        f"{figures.full_at_zero} full at 0, {figures.full_at_half} full at half, {figures.over_marked} over-marked."
    )


def learn_from(
    finished: FinishedRun,
    key_path: Path,
    *,
    console: Console,
    stdin: TextIO,
    is_confirmed: bool,
    replaces: bool,
) -> None:
    """Print what the decisions of a run would add to the samples of the key, ask, and add it.

    ``is_confirmed``: do not ask; ``replaces``: also replace samples with the same text and another mark. Raises
    UsageFault, with nothing written, if the run was marked by another key, if there is nobody to ask, or if the file
    cannot be written.
    """
    key = load_key(key_path)
    path = samples_path(key_path)
    if path is None:
        raise UsageFault(f'{key_path} names no file of samples; add a line such as samples = "samples.jsonl".')
    _refuse_another_key(finished, key, key_path)
    parts = [part for part, asked in key.parts.items() if isinstance(asked, ProsePart)]
    file = SamplesFile(path, parts)
    lessons = lessons_of(finished, file, parts)
    replaced = lessons.contradicting if replaces else ()
    end = "which are replaced" if replaces else "so not added; --replace replaces the samples"
    _show(console, "New samples", lessons.new)
    _show(console, f"Samples with the same text and another mark, {end}", lessons.contradicting, file)
    _show(console, "Not added: the tutors gave the same text different marks", lessons.disagreeing)
    _show(console, "Not added: the mark is between those of samples, 0, 0.5 and 1", lessons.between)
    _show(console, "Not added: the tutor may have marked more than this text", lessons.doubted)
    if lessons.known:
        console.print(Text(f"{quantity(lessons.known, 'sample is', 'samples are')} in {visible(str(path))} already."))
    if lessons.silent:
        console.print(f'Not added: {quantity(lessons.silent, "answer")} without a claim, such as "I don\'t know".')
    if foreign := sum(result.part not in key.parts for result in decided_in(finished)):
        console.print(f"Not added: {quantity(foreign, 'decision')} on parts that the key does not have.")
    if not lessons.new and not replaced:
        console.print(Text(f"There is nothing to write to {visible(str(path))}."))
        return
    changes = [quantity(len(lessons.new), "new sample")] if lessons.new else []
    changes += [quantity(len(replaced), "replaced mark")] if replaced else []
    what = f"{' and '.join(changes)} to {visible(str(path))}"
    if not is_confirmed and not _agrees(f"write {what}", console, stdin):
        console.print("Nothing was written.")
        return
    file.put((lesson.part, lesson.sample) for lesson in (*lessons.new, *replaced))
    console.print(Text(f"Wrote {what}. To mark by them, grade again with --remark."))


def _refuse_another_key(finished: FinishedRun, key: AnswerKey, key_path: Path) -> None:
    """Raise UsageFault if no decided answer was marked by this key, as far as the stored full answers show."""
    if finished.run.key_revision == key.revision:
        return
    marker = KnownMarker(key, KnownFindings())
    stored = {(r.part, r.answer.full_answer) for r in decided_in(finished) if r.answer and r.answer.full_answer}
    if stored and not any(part in key.parts and marker.full_answer(part) == full for part, full in stored):
        raise UsageFault(
            f"this run was marked by another key than {visible(str(key_path))}: its full answers are others. Nothing "
            "was written. If the key was changed since, grade again with --remark first."
        )


def _agrees(what: str, console: Console, stdin: TextIO) -> bool:
    if not stdin.isatty():
        raise UsageFault(f"nothing was written, because nobody can be asked here. To {what}, use --yes.")
    console.print(Text(f"{what[0].upper()}{what[1:]}? Press y and Enter for yes: ", style="bold"), end="")
    return stdin.readline().strip().lower() in ("y", "yes")


def _show(console: Console, title: str, lessons: Sequence[Lesson], file: SamplesFile | None = None) -> None:
    """Print lessons as a table, with the marks in ``file`` if it is given; nothing if there is no lesson."""
    if not lessons:
        return
    width = min(console.width, _WIDEST)
    table = Table(title=title, title_justify="left", box=None, header_style="bold", width=width, expand=True)
    for heading in ("part", "mark", "answer", "tutor", "time"):
        table.add_column(heading, no_wrap=True, ratio=1 if heading == "answer" else None)
    for lesson in lessons:
        sample = lesson.sample
        before = sorted(file.marks_of(lesson.part, sample.answer)) if file is not None else []
        mark = f"{' and '.join(map(points, before))} → {points(sample.gold)}" if before else points(sample.gold)
        answer, tutor = (Text(visible(" ".join(text.split()))) for text in (sample.answer, sample.author))
        tutor.truncate(_MOST_OF_A_NAME, overflow="ellipsis")
        table.add_row(lesson.part, mark, answer, tutor, sample.at[:_TO_THE_MINUTE].replace("T", " "))
    console.print(table)
