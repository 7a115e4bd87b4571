"""``report.html`` beside the student's work: a self-check as a page, from the templates of the pages of a graded run.

It is one file that loads nothing. What it is rendered with is imported when a page is written, so that a self-check
without one starts sooner. It shows no points, and says of answers only which are there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

from grader.checks.policy import repair_rules
from grader.lab4.files import EXPERIMENTS, SCRIPT
from grader.lab4.self_check_page import MARK, NAME, is_self_check_page
from grader.model import Finding, Status
from grader.model.evidence import Evidence
from grader.model.experiment import Experiment
from grader.model.repair_kinds import ASSUMED
from grader.rubric.loading import load_rubric
from grader.selfcheck.links import LINKS
from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.steps import SHAPES, STEPS, is_all_passed
from grader.selfcheck.written_work import State, Written

_MOST_TRIALS = 30
"""Lines of the table of experiments that the page shows."""
_FAULTS = (Status.ERROR, Status.FAILED, Status.PARTIAL)


@dataclass(frozen=True)
class ShownStep:
    """A step with its finding, as the templates name them."""

    id: str
    title: str
    status: Status
    message: str
    expected: str
    seen: str
    hint: str


def write_page(
    folder: Path,
    check: SelfCheck,
    *,
    ids: Sequence[str],
    answers: Written,
    experiment: Experiment | None,
    when: datetime,
    script: str = SCRIPT,
) -> str:
    """Write the page of a self-check with the steps ``ids`` into ``folder``. Returns a line that names it.

    A file of the student's own with that name stays. Where no page can be written, the line says why.
    """
    path = folder / NAME
    try:
        if path.exists() and not is_self_check_page(path):
            return f"No page was written: {NAME} is a file of your own. Rename it to get one."
        values = _context(check, ids, answers, experiment)
        page = _rendered({**values, "when": when.isoformat(timespec="minutes"), "script": script})
        path.write_bytes(page.encode("utf-8", "replace"))
    except OSError as error:
        return f"No page was written: {NAME} cannot be written ({error.strerror or error})."
    except Exception as fault:  # a fault of ours or of an installed library must not cost the student the self-check
        return f"No page was written ({type(fault).__name__}: {fault})."
    return f"Page: {NAME}"


def _rendered(values: Mapping[str, Any]) -> str:
    from grader.report.html.rendering import environment  # imports jinja2

    return environment().get_template("selfcheck.html").render(values)


def _context(check: SelfCheck, ids: Sequence[str], answers: Written, experiment: Experiment | None) -> dict[str, Any]:
    from grader.report.html.observed_view import observed, printed  # imports Pillow
    from grader.report.tally import count_statuses

    steps = [_shown(step.id, step.title, check.findings[step.id]) for step in STEPS if step.id in ids]
    faults = [step for step in steps if step.status in _FAULTS]
    lost = {step.id for step in faults}
    return {
        "mark": MARK,
        "fault": faults[0] if faults else None,
        "is_passed": is_all_passed({id: check.findings[id] for id in ids}),
        "is_part": len(steps) < len(STEPS),
        "assumed": tuple(dict.fromkeys(_assumed(check.evidence))),
        "counts": count_statuses(step.status for step in steps),
        "groups": [list(group) for _, group in groupby(steps, key=_row)],
        "links": {step.id: LINKS.get(step.id) for step in STEPS},
        "answers": answers,
        "states": [(state.capitalize(), ", ".join(answers.parts(state))) for state in State],
        "experiment": experiment,
        "table": EXPERIMENTS,
        "MOST_TRIALS": _MOST_TRIALS,
        **observed(check.evidence, lost, ()),
        **printed(check.evidence),
    }


def _shown(id: str, title: str, found: Finding) -> ShownStep:
    seen = found.seen if id != SHAPES else ""  # the network's table has the sizes
    return ShownStep(id, title, found.status, found.message, found.expected, seen, found.hint)


def _row(step: ShownStep) -> tuple[str, ...]:
    """Equal for steps that share a row: neighbours that were skipped for the same reason."""
    return ("skipped", step.message) if step.status is Status.SKIPPED else ("step", step.id)


def _assumed(evidence: Evidence | None) -> Iterator[str]:
    """What completes the sentence "The rest was assessed as if ..." for each repair of the script and the network."""
    if evidence is None:
        return
    for rule in repair_rules(evidence, load_rubric().repairs).values():
        yield from () if rule.is_stop else rule.assumed
    yield from (ASSUMED[kind] for kind in evidence.behind.repairs)
