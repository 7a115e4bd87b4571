"""``report.html`` beside the student's work: a self-check as a page, from the templates of the pages of a graded run.

It is one file that loads nothing. What it is rendered with is imported when a page is written, so that a self-check
without one starts sooner. It shows no points, and says of answers only which are there. Hints are folded: first where
to look, then the pattern in code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from grader.checks.policy import repair_rules
from grader.lab4.files import EXPERIMENTS
from grader.lab4.self_check_page import MARK, NAME, is_self_check_page
from grader.model import Status
from grader.model.evidence import Evidence, Problem
from grader.model.experiment import Experiment
from grader.model.repair_kinds import ASSUMED
from grader.rubric.loading import load_rubric
from grader.selfcheck.hint_texts import HINTS, Hint
from grader.selfcheck.hints import hint_on, without_own_numbers
from grader.selfcheck.links import LINKS, Link
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.own_operations import own_operations
from grader.selfcheck.steps import SHAPES, STEPS, Step
from grader.selfcheck.wording import FAULTS, Word, coming, faults_of, next_layer, parted, ran, to_vary, word
from grader.selfcheck.written_work import State, Written

_MOST_TRIALS = 30
"""Lines of the table of experiments that the page shows."""


@dataclass(frozen=True)
class Sign:
    """How a state is shown: the class in the style sheet, a symbol, and a word. Colour is never the only sign."""

    style: str
    symbol: str
    word: str


_SIGNS = {
    Word.ERROR: Sign("error", "!", "error"),
    Word.FAIL: Sign("failed", "✗", "failed"),
    Word.PART: Sign("partial", "◐", "partly"),
    Word.NEXT: Sign("needs_review", "→", "next"),
    Word.OK: Sign("passed", "✓", "ok"),
    Word.UNDECIDED: Sign("skipped", "?", "for your tutor"),
    Word.NOT_CHECKED: Sign("skipped", "–", "not checked"),
}


@dataclass(frozen=True)
class ShownStep:
    """A row of the table of steps. Only a fault has hints: where to look, and then what to try and a pattern in code.

    ``told`` is what to do about a fault of the self-check itself.
    """

    id: str
    title: str
    sign: Sign
    message: str = ""
    expected: str = ""
    seen: str = ""
    told: str = ""
    where: tuple[str, ...] = ()
    attempt: str = ""
    pattern: str = ""

    @property
    def link(self) -> Link | None:
        """Where to read more."""
        return LINKS.get(self.id)


def write_page(
    folder: Path,
    check: SelfCheck,
    ids: Sequence[str],
    answers: Written,
    experiment: Experiment | None,
    *,
    change: str,
    when: datetime,
) -> str:
    """Write the page of a self-check with the steps ``ids`` into ``folder``. Returns a line that names it.

    A file of the student's own with that name stays. Where no page can be written, the line says why.
    """
    path = folder / NAME
    try:
        if path.exists() and not is_self_check_page(path):
            return f"No page was written: {NAME} is a file of your own. Rename it to get one."
        values = _of_network(check, ids) | _of_written_work(answers, experiment)
        told = {"script": check.checked, "change": change, "when": when.isoformat(timespec="minutes")}
        page = _rendered({**values, **told})
        path.write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        return f"No page was written: {NAME} cannot be written ({error.strerror or error})."
    except Exception as fault:  # a fault of ours or of an installed library must not cost the student the self-check
        return f"No page was written ({type(fault).__name__}: {fault})."
    return f"Page: {NAME}"


def _rendered(values: Mapping[str, Any]) -> str:
    from grader.report.html.rendering import environment  # imports jinja2

    return environment().get_template("selfcheck.html").render(values)


def _of_network(check: SelfCheck, ids: Sequence[str]) -> dict[str, Any]:
    from grader.report.html.observed_view import observed, printed, unfinished  # not before a page is written

    faults = faults_of(check, ids)
    asked = [step for step in STEPS if step.id in check.findings and (step.id in ids or step.id in faults)]
    rows = [_shown(step, check) for step in asked] if check.progress is None else list(_unfinished(asked, check))
    views = observed(check.evidence if check.progress is None else _as_written(check.evidence), faults, ())
    following = coming(check) if next_layer(check, ids) is not None else ""
    if following and views["network"] is not None:
        views["network"] = unfinished(views["network"], following)
    return {
        "mark": MARK,
        "fault": next((row for row in rows if row.id in faults), None),
        "coming": following,
        "is_passed": all(check.findings[step.id].status is Status.PASSED for step in asked),
        "is_part": len(ids) < len(STEPS),
        "assumed": tuple(dict.fromkeys(_assumed(check.evidence))) if check.progress is None else (),
        "counts": _counts(rows),
        "groups": [list(group) for _, group in groupby(rows, key=_row)],
        **views,
        **printed(check.evidence),
    }


def _as_written(evidence: Evidence | None) -> Evidence | None:
    """The evidence without what only repairs have made: forward is unfinished, so nothing behind them is checked."""
    if evidence is None or evidence.trace is None:
        return evidence
    own = own_operations(evidence.trace)
    operations = (*own.ran, own.misfit) if own.misfit is not None else own.ran
    stops = evidence.trace.problem or Problem("forward", "forward is unfinished")
    return replace(
        evidence, trace=replace(evidence.trace, operations=operations, output=None, repairs=(), problem=stops)
    )


def _of_written_work(answers: Written, experiment: Experiment | None) -> dict[str, Any]:
    return {
        "answers": answers,
        "states": [(state.capitalize(), ", ".join(answers.parts(state))) for state in State],
        "experiment": experiment,
        "varied": to_vary(experiment) if experiment is not None else "",
        "table": EXPERIMENTS,
        "MOST_TRIALS": _MOST_TRIALS,
    }


def _shown(step: Step, check: SelfCheck) -> ShownStep:
    found, state = check.findings[step.id], word(step.id, check)
    seen = found.seen if step.id != SHAPES else ""  # the network's table has the sizes
    if state not in FAULTS:
        message = "Not written yet." if state is Word.NEXT else found.message
        return ShownStep(step.id, step.title, _SIGNS[state], message, seen=seen if state is Word.OK else "")
    told = check.told(found)
    if state is Word.ERROR:
        return ShownStep(step.id, step.title, _SIGNS[state], told, found.expected, seen, told=found.hint)
    hint = hint_on(step.id, found)
    return ShownStep(
        step.id,
        step.title,
        _SIGNS[state],
        told,
        found.expected,
        seen,
        where=hint.where,
        attempt=without_own_numbers(found),
        pattern="\n".join(hint.pattern),
    )


def _unfinished(asked: Sequence[Step], check: SelfCheck) -> Iterator[ShownStep]:
    """The layers of the lab's network in place of the steps that wait for forward, as on the console."""
    progress = check.progress
    assert progress is not None
    loads, faults, waiting = parted(check, asked)
    yield from (_shown(step, check) for step in loads)
    for reached in progress.reached:
        name, title = reached.milestone.name, _titled(reached.milestone.title)
        yield ShownStep(name, title, _SIGNS[Word.OK], seen=ran(reached))
    yield from (_shown(step, check) for step in faults)
    state, message = (Word.NOT_CHECKED, "") if progress.is_stopped else (Word.NEXT, "Not written yet.")
    for milestone in progress.left:
        hint = HINTS[milestone.name] if milestone is next_layer(check, [step.id for step in asked]) else Hint(())
        title, pattern = _titled(milestone.title), "\n".join(hint.pattern)
        yield ShownStep(milestone.name, title, _SIGNS[state], message, where=hint.where, pattern=pattern)
    for step in waiting:
        yield ShownStep(step.id, step.title, _SIGNS[Word.NOT_CHECKED], "Checked when forward is finished.")


def _titled(task: str) -> str:
    return task[:1].upper() + task[1:]


def _row(step: ShownStep) -> tuple[str, ...]:
    """Equal for steps that share a row: neighbours that were not checked for the same reason."""
    return ("", step.message) if step.sign is _SIGNS[Word.NOT_CHECKED] else (step.id, "")


def _counts(rows: Sequence[ShownStep]) -> list[tuple[Sign, int]]:
    """How many rows have each sign that occurs."""
    signs = [row.sign for row in rows]
    return [(sign, signs.count(sign)) for sign in _SIGNS.values() if sign in signs]


def _assumed(evidence: Evidence | None) -> Iterator[str]:
    """What completes the sentence "The rest was assessed as if ..." for each repair of the script and the network."""
    if evidence is None:
        return
    for rule in repair_rules(evidence, load_rubric().repairs).values():
        yield from () if rule.is_stop else rule.assumed
    yield from (ASSUMED[kind] for kind in evidence.behind.repairs)
