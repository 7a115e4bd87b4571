"""Which answers and experiments the grader would find in a student's work. It does not check whether they are right."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from grader.experiment.table_files import gather
from grader.lab4.files import ANSWERS, EXPERIMENTS
from grader.model import AnswerSheet
from grader.model.experiment import Experiment
from grader.selfcheck.install import install
from grader.selfcheck.work import Work, readable_documents, unread

_MOST_NOTES = 3


class State(enum.StrEnum):
    """The state of one answer."""

    ANSWERED = "answered"
    BLANK = "blank"
    NOT_FOUND = "not found"


@dataclass(frozen=True)
class Written:
    """The state of each part in the order of the lab sheet. ``problem`` says why nothing could be read.

    ``notes`` are sentences on what was read and what only a tutor can read.
    """

    states: Mapping[str, State] = field(default_factory=dict)
    problem: str = ""
    notes: tuple[str, ...] = ()

    def parts(self, state: State) -> tuple[str, ...]:
        """The parts in ``state``."""
        return tuple(part for part, found in self.states.items() if found is state)

    @property
    def missing(self) -> str:
        """The parts without an answer, as a sentence part; empty if all are answered."""
        lacking = ((state, self.parts(state)) for state in (State.BLANK, State.NOT_FOUND))
        return "; ".join(f"{state}: {', '.join(parts)}" for state, parts in lacking if parts)


def look_at_answers(work: Work, parts: Sequence[str]) -> Written:
    """The answers to ``parts`` in any document of the work, as the grader finds them."""
    if not parts:
        return Written()
    try:  # the library, which nothing else needs, may be missing
        from grader.answers.finding.paper import paper_with
        from grader.answers.finding.sheet import read_sheet
    except ModuleNotFoundError as missing:
        name = missing.name or "a package"
        return Written(problem=f"not looked at, because {name} is not installed: {install(name)}")
    submission = work.submission
    readable = readable_documents(submission)
    sheet = read_sheet(replace(submission, documents=readable), paper_with(parts))
    for_a_tutor = [f"{name}: a tutor reads it." for name in submission.documents if name not in readable]
    locked = [unread(ANSWERS, work.locked[ANSWERS])] if ANSWERS in work.locked else []
    problems = [*locked, *for_a_tutor, *sheet.problems]
    states = states_of(sheet, parts)
    if State.ANSWERED in states.values() or State.BLANK in states.values():
        places = {answer.source: None for answer in sheet.answers if not answer.is_blank and answer.source != ANSWERS}
        read = [f"Read from {', '.join(places)}."] if places else []
        return Written(states, notes=tuple([*read, *problems][:_MOST_NOTES]))
    absent = [] if ANSWERS in submission.files else [f"{ANSWERS} is not in this folder."]
    return Written(states, problem=" ".join([*problems, *absent][:1]))


def states_of(sheet: AnswerSheet, parts: Sequence[str]) -> dict[str, State]:
    """The state of each part: answered, with a picture too, exactly when the grader has something to mark."""
    found = {answer.part: State.BLANK if answer.is_blank else State.ANSWERED for answer in sheet.answers}
    return {part: found.get(part, State.NOT_FOUND) for part in parts}


def look_at_experiments(work: Work) -> Experiment | None:
    """The table of experiments in the work, as the grader finds it; None if there is none."""
    if EXPERIMENTS in work.locked:
        return Experiment(EXPERIMENTS, problems=(unread(EXPERIMENTS, work.locked[EXPERIMENTS]),), unread=1)
    return gather(work.submission)
