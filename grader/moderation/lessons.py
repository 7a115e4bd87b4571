"""What tutors' decisions on a run teach the marker: new samples, and those that need a tutor's word first.

Nothing is written here; :mod:`grader.answers.marker.samples_file` does that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from grader.answers.marker.finding import NOTHING_CLAIMED
from grader.answers.marker.samples import MARKS, Sample, same_text
from grader.answers.marker.samples_file import SamplesFile
from grader.model import Result
from grader.moderation.finished_run import FinishedRun


@dataclass(frozen=True)
class Lesson:
    """An answer to ``part``, with the mark, the name and the time of the tutor who decided on it."""

    part: str
    sample: Sample


@dataclass(frozen=True)
class Lessons:
    """The lessons of a run, by part and time; equal answers with the same mark are one.

    ``new``: no sample has the text. ``contradicting``: a sample with this text has another mark. ``disagreeing``: the
    run's own decisions give this text different marks. ``between``: the mark is between those of samples, such as
    0.75; a sample with another mark would teach what nobody decided. ``doubted``: the tutor may have marked more than
    the text. ``known`` counts those that a sample says already, ``silent`` those that claim nothing and earned nothing.
    """

    new: tuple[Lesson, ...]
    contradicting: tuple[Lesson, ...]
    disagreeing: tuple[Lesson, ...]
    between: tuple[Lesson, ...]
    doubted: tuple[Lesson, ...]
    known: int
    silent: int


def lessons_of(finished: FinishedRun, file: SamplesFile, parts: Collection[str]) -> Lessons:
    """The lessons of a run's decisions on answers in words, whose ``parts`` are in the key's order."""
    order = {part: place for place, part in enumerate(parts)}
    decided = sorted(_decided(finished, parts), key=lambda pair: (order[pair[0].part], pair[0].sample.at))
    silent = [lesson for lesson, _ in decided if _is_silent(lesson.sample)]
    decided = [(lesson, result) for lesson, result in decided if not _is_silent(lesson.sample)]
    listed = [lesson for lesson, result in decided if not (result.answer and result.answer.doubt)]
    certain = [lesson for lesson in listed if lesson.sample.gold in MARKS]
    by_text: defaultdict[tuple[str, str], list[Lesson]] = defaultdict(list)
    for lesson in certain:
        by_text[lesson.part, same_text(lesson.sample.answer)].append(lesson)
    new, contradicting, disagreeing, known = [], [], [], 0
    for same in by_text.values():
        first = same[0]
        marks = file.marks_of(first.part, first.sample.answer)
        if len({lesson.sample.gold for lesson in same}) > 1:
            disagreeing += same
        elif not marks:
            new.append(first)
        elif marks == {first.sample.gold}:
            known += 1
        else:
            contradicting.append(first)
    return Lessons(
        tuple(new),
        tuple(contradicting),
        tuple(disagreeing),
        between=tuple(lesson for lesson in listed if lesson.sample.gold not in MARKS),
        doubted=tuple(lesson for lesson, result in decided if result.answer and result.answer.doubt),
        known=known,
        silent=len(silent),
    )


def _is_silent(sample: Sample) -> bool:
    """Whether there is nothing to learn: the marker knows that such an answer earns nothing."""
    return not sample.gold and NOTHING_CLAIMED.fullmatch(sample.answer) is not None


def decided_in(finished: FinishedRun) -> list[Result]:
    """The results of decided answers with a text that carry points.

    A decision on another text than the present one does not apply.
    """
    results = (result for report in finished.reports for result in report.answer_results)
    return [r for r in results if r.decision and r.answer and r.answer.text.strip() and r.available]


def _decided(finished: FinishedRun, parts: Collection[str]) -> Iterator[tuple[Lesson, Result]]:
    for result in decided_in(finished):
        made, answer = result.decision, result.answer
        if made is not None and answer is not None and result.part in parts:
            gold = result.awarded / result.available
            yield Lesson(result.part, Sample(answer.text.strip(), gold, made.author, made.time)), result
