"""The texts of the self-check: a fault in a few lines, the list of steps, and what to do next."""

from __future__ import annotations

import enum
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from grader.experiment.variety import varied
from grader.lab4.files import EXPERIMENTS
from grader.model import Finding, Status
from grader.model.experiment import Experiment
from grader.model.quantities import quantity
from grader.safe_text import visible, visible_block
from grader.selfcheck.hint_texts import HINTS, Hint
from grader.selfcheck.hints import NONE, PATTERN, WHERE, hint_on, without_own_numbers
from grader.selfcheck.milestones import Milestone, Reached
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.steps import SHAPES, STEPS, Step, is_all_passed
from grader.selfcheck.written_work import State, Written

WIDTH = 78
_WIDTH_OF_TEXTS = 45
"""Room for what a line says of a step."""


class Word(enum.StrEnum):
    """The state of a step in one word."""

    OK = "ok"
    PART = "PART"
    FAIL = "FAIL"
    NEXT = "next"
    NOT_CHECKED = "-"
    UNDECIDED = "?"
    ERROR = "ERROR"


_WORDS = {
    Status.PASSED: Word.OK,
    Status.PARTIAL: Word.PART,
    Status.FAILED: Word.FAIL,
    Status.SKIPPED: Word.NOT_CHECKED,
    Status.NEEDS_REVIEW: Word.UNDECIDED,
    Status.ERROR: Word.ERROR,
}
FAULTS = frozenset({Word.ERROR, Word.FAIL, Word.PART})
STAGES = {
    "start": "starting torch",
    "load": "reading the script",
    "build": "building Net()",
    "record": "running forward",
    "measure": "checking shapes, dropout, gradients, speed",
    "train": "training",
    "overfit": "memorising one batch",
}
"""The names of the stages in the progress line."""
ALL_PASSED = "All public checks passed; more is checked when your work is marked."
_MOST_PRINTED = 12
"""Lines of the script's output that are shown."""


@dataclass(frozen=True)
class Asked:
    """What a student asked for: the ``hints`` up to a rung, ``verbose`` for sizes and reasons, and by which command."""

    hints: int = NONE
    verbose: bool = False
    command: str = "pytest"

    def more(self, hint: Hint) -> str:
        """The line that says how to get the next hint; empty if there is none."""
        if self.hints == NONE:
            return f"For a hint: {self.command} --hint"
        return f"For the pattern in code: {self.command} --hint 2" if self.hints == WHERE and hint.pattern else ""


def word(id: str, check: SelfCheck) -> Word:
    """The state of a step. What an unfinished forward does not do yet is next, and no fault."""
    return Word.NEXT if check.is_next(id) else _WORDS[check.findings[id].status]


def failure(id: str, finding: Finding, check: SelfCheck, asked: Asked) -> str:
    """The text about a step that failed, in lines of at most WIDTH characters: what is wrong, then the hints."""
    lines = [*_wrapped(visible(check.told(finding))), ""]
    for label, text in (("expected", finding.expected), ("seen", finding.seen)):
        if text:
            lines += _wrapped(visible(text), label)
    if finding.status is Status.ERROR:
        return "\n".join([*lines, *_wrapped(visible(finding.hint), "try")])
    hint = hint_on(id, finding)
    if asked.hints >= WHERE:
        lines += _where(hint)
        if (hint.needs_sizes or id.startswith("structure.")) and check.shapes:
            lines += ["", "The layers that ran, with the size of one image:", *_indented(check.shapes)]
    if asked.hints >= PATTERN:
        lines += _wrapped(visible(without_own_numbers(finding)), "try")
        lines += _pattern(hint)
    return "\n".join([*lines, *([""] if lines[-1] else []), asked.more(hint)]).rstrip()


def overview(check: SelfCheck, ids: Sequence[str], asked: Asked) -> Iterator[tuple[str, Word]]:
    """One line for each step, with its state for the colour; for an unfinished forward, one for each layer.

    ``verbose`` adds the shapes, and the reasons for skipping, each once.
    """
    shown = [step for step in STEPS if step.id in ids and step.id in check.findings]
    if check.progress is not None:
        yield from _unfinished(check, shown)
        return
    told = ""
    for step in shown:
        finding, state = check.findings[step.id], word(step.id, check)
        yield _of_step(step, check)
        if state in (Word.NOT_CHECKED, Word.UNDECIDED) and asked.verbose and finding.message != told:
            told = finding.message
            for line in textwrap.wrap(visible(finding.message), WIDTH - 6):
                yield f"      {line}", state
        if step.id == SHAPES and asked.verbose and state is Word.OK:
            for line in check.shapes:
                yield f"      {visible(line)}", state


def about_work(check: SelfCheck) -> list[str]:
    """Which file was checked, if it is not the usual one, and what was left out."""
    return [line for note in check.about_work for line in _wrapped(visible(note))]


def parted(check: SelfCheck, shown: Sequence[Step]) -> tuple[list[Step], list[Step], list[Step]]:
    """The steps of an unfinished forward: ``loads``, those with a fault, and those that wait for forward."""
    loads = [step for step in shown if step.id == "loads"]
    faults = [step for step in shown if step not in loads and word(step.id, check) in FAULTS]
    return loads, faults, [step for step in shown if step not in loads and step not in faults]


def _unfinished(check: SelfCheck, shown: Sequence[Step]) -> Iterator[tuple[str, Word]]:
    """The layers of the lab's network up to the next one, and after it; and the steps that do not wait for forward."""
    progress = check.progress
    assert progress is not None
    loads, faults, waiting = parted(check, shown)
    yield from (_of_step(step, check) for step in loads)
    for reached in progress.reached:
        yield _line(Word.OK, reached.milestone.name, ran(reached, most=_WIDTH_OF_TEXTS)), Word.OK
    yield from (_of_step(step, check) for step in faults)
    for milestone in progress.left:
        state = Word.NOT_CHECKED if progress.is_stopped else Word.NEXT
        yield _line(state, milestone.name, milestone.title), state
    if waiting:
        yield _line(Word.NOT_CHECKED, f"{len(waiting)} more checks", "when forward is finished"), Word.NOT_CHECKED


def ran(reached: Reached, *, most: int = 200) -> str:
    """What ran in the student's forward at a milestone, and the size after it, in at most ``most`` characters."""
    gives = f" -> {reached.size}"
    return textwrap.shorten(visible(", ".join(reached.ran)), most - len(gives), placeholder=" ...") + gives


def next_step(check: SelfCheck, ids: Sequence[str], asked: Asked) -> list[str]:
    """The last lines: what to do first, or that the public checks passed. They never say that everything is right."""
    chosen = [id for id in check.findings if id in ids]
    if faults := faults_of(check, ids):
        asked = asked if faults[0] in ids else replace(asked, hints=NONE)  # its hints are not among those shown
        first = check.findings[faults[0]]
        hint = visible(first.hint) if first.status is Status.ERROR else ""
        return [
            f"Next: {faults[0]}",
            *_below(f"{visible(check.told(first))} {hint}".strip()),
            *([] if first.status is Status.ERROR else _below(asked.more(hint_on(faults[0], first)))),
        ]
    if (layer := next_layer(check, ids)) is not None:
        return [f"Next: {layer.name}", *_below(coming(check))]
    waiting = [id for id in chosen if word(id, check) is not Word.OK]
    undecided = [id for id in waiting if word(id, check) is Word.UNDECIDED]
    if waiting:
        text = f"The self-check cannot decide {', '.join(undecided or waiting)}; your tutor will."
        return [*_wrapped(text), *(_below(visible(check.findings[undecided[0]].message)) if undecided else ())]
    is_whole = len(check.findings) == len(STEPS) and is_all_passed(check.findings)
    return [ALL_PASSED if is_whole else "These checks passed; type pytest to run all checks."]


def faults_of(check: SelfCheck, ids: Sequence[str]) -> list[str]:
    """The faults of the steps ``ids``, and those because of which such a step was not checked."""
    causes = {check.findings[id].cause for id in check.findings if id in ids}
    return [id for id in check.findings if (id in ids or id in causes) and word(id, check) in FAULTS]


def next_layer(check: SelfCheck, ids: Sequence[str]) -> Milestone | None:
    """What to write next in an unfinished forward; None if there is a fault to correct first, or nothing left."""
    left = check.progress.left if check.progress is not None else ()
    return left[0] if left and not faults_of(check, ids) else None


def hints_on_next(check: SelfCheck, ids: Sequence[str], asked: Asked) -> list[str]:
    """The hints on what to write next, or how to get them; none if there is a fault to correct first."""
    layer = next_layer(check, ids)
    if layer is None:
        return []
    hint = HINTS[layer.name]
    lines = _where(hint) if asked.hints >= WHERE else []
    lines += _pattern(hint) if asked.hints >= PATTERN else []
    return [*lines, *_below(asked.more(hint))]


def _where(hint: Hint) -> list[str]:
    return [line for text in hint.where for line in _wrapped(text, "look")]


def _pattern(hint: Hint) -> list[str]:
    return ["", "The pattern:", *(f"  {line}".rstrip() for line in hint.pattern)] if hint.pattern else []


def coming(check: SelfCheck) -> str:
    """What to write next in an unfinished forward."""
    assert check.progress is not None
    start = "Begin __init__ with super().__init__(). " if check.is_blank else ""
    return f"{start}This comes next in forward: {check.progress.left[0].task}."


def printed(check: SelfCheck) -> list[str]:
    """What the script printed until it had run one batch; its last lines, if there are many."""
    lines = visible_block(check.printed).strip().splitlines()
    if not lines:
        return []
    return ["Your script printed, for one batch of images:", *_indented(lines[-_MOST_PRINTED:])]


def answers(written: Written) -> list[str]:
    """How many answers are written, and which are missing."""
    if written.problem:
        return _wrapped(f"Part 1: {written.problem}")
    counts = []
    for state in State:
        parts = written.parts(state)
        if parts:
            are_listed = state is not State.ANSWERED and len(parts) < len(written.states)
            counts.append(f"{len(parts)} {state}" + (f" ({', '.join(parts)})" if are_listed else ""))
    if not counts:
        return []
    told = _wrapped(f"Part 1: {'; '.join(counts)}. Whether answers are right is not checked here.")
    return [*told, *(line for note in written.notes for line in _wrapped(visible(note), "read"))]


def experiments(found: Experiment | None) -> list[str]:
    """How many runs the table of experiments has, and which lines could not be read."""
    if found is None:
        return _wrapped(f"Experiments: {EXPERIMENTS} is not in this folder.")
    if not found.trials and not found.problems:
        return _wrapped(f"Experiments: {EXPERIMENTS} has no runs yet.")
    count = len(found.trials)
    lines = _wrapped(f"Experiments: {quantity(count, 'run')} found. The self-check does not check the figures.")
    for problem in found.problems:
        lines += _wrapped(visible(problem), "check")
    if advice := to_vary(found):
        lines += _wrapped(advice, "next")
    return lines


def to_vary(found: Experiment) -> str:
    """What the runs do not vary yet; empty if they vary all, or if there are none."""
    finding = varied(found.trials)
    return f"{finding.message} {finding.hint}" if found.trials and finding.status is not Status.PASSED else ""


def _wrapped(text: str, label: str = "") -> list[str]:
    """``text`` in lines of at most WIDTH characters, after a label if there is one."""
    start = f"  {label:<9} " if label else ""
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=" " * (12 if label else 0), break_on_hyphens=False
    ) or [start.rstrip()]


def _of_step(step: Step, check: SelfCheck) -> tuple[str, Word]:
    state = word(step.id, check)
    return _line(state, step.id, step.title), state


def _line(state: Word, name: str, text: str) -> str:
    return f"{state:<5} {name:<28} {text}"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {visible(line)[: WIDTH - 2]}" for line in lines]


def _below(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent="  ", subsequent_indent="  ")
