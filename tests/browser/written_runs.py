"""Writes complete runs to a folder as the grader does, for the tests that open the pages. It needs no browser."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from grader.model import Flag, Report, Run
from grader.moderation.finished_run import neighbours
from grader.report.html import pages
from grader.sandbox import Wish
from grader.sandbox.level import level_of
from tests.support import cohort_samples as cohorts
from tests.support import report_samples as samples
from tests.support.experiment_samples import with_experiment
from tests.support.report_samples import R

ATTACKS = (
    "<script>window.pwned = 1</script>",
    "</script><script>window.pwned = 1</script>",
    "</title></style></textarea><script>window.pwned = 1</script>",
    "<img src=x onerror='window.pwned = 1'>",
    '"><svg onload="window.pwned = 1">',
    "' onmouseover='window.pwned = 1' onfocus='window.pwned = 1' autofocus='",
    "javascript:window.pwned=1",
    "--><iframe srcdoc='<script>parent.pwned = 1</script>'></iframe>",
    "<link rel=stylesheet href=https://attack.example/style.css>",
    "<meta http-equiv=refresh content='0;url=https://attack.example/'>",
    "<base href=https://attack.example/>",
    "<a href=https://attack.example/ download>click</a>",
    "<style>* { display: none }</style>",
    "{{ 7 * 7 }} {% raw %} ${window.pwned = 1} `<b>code</b>`",
    "..%2f..%2fetc#?&amp;&lt;%00",
)
"""What a student might put into a name or an answer to take over the page."""

FULL_ANSWERS = dataclasses.replace(samples.RUN, shows_full_answers=True, key_revision="0f3c2a15f1d7c1a9")
MADE_RUN = dataclasses.replace(
    FULL_ANSWERS,
    isolation=str(level_of(("landlock", "calls"), {}, wish=Wish.AUTO)),
)
MADE = (
    *cohorts.small_cohort(),
    samples.answered_report(),
    with_experiment(samples.passed_report("s8901234")),
    samples.settled(with_experiment(samples.answered_report("s9012345"))),
)


def attacking_report(attack: str) -> samples.SampleReport:
    """``attack`` wherever text of a submission or of a tutor reaches a page."""
    decided = cohorts.override(attack, "part1.2", "0", "1", attack)
    decided = dataclasses.replace(decided, author=attack)
    long = "\n".join([attack] * 60)
    base = with_experiment(samples.hostile_report(attack), attack)
    return cohorts.summed(
        dataclasses.replace(base, flags=(Flag(attack, attack),)),
        answers=cohorts.answers(
            p1=cohorts.answer("1", R, long, message=attack, note=attack, source=attack),
            p2=cohorts.answer("2", R, attack, spans=((0, 3), (5, 9)), decision=decided, full_answer=attack),
        ),
    )


HOSTILE = (
    *(samples.settled(attacking_report(attack)) for attack in ATTACKS),
    *(samples.hostile_report(name) for name in samples.HOSTILE_NAMES if name[0] not in "<=@-"),
)
HOSTILE_RUN = dataclasses.replace(FULL_ANSWERS, source=ATTACKS[1], data=ATTACKS[2], device=ATTACKS[3])


def write_run(folder: Path, reports: Sequence[Report], run: Run) -> Path:
    """The pages of a run, all of them, in ``folder``, which is made."""
    folder.mkdir(parents=True)
    beside = neighbours([report.student for report in reports])
    for report in reports:
        pages.write_report_page(folder, report, samples.record_of(report), run, beside[report.student])
    pages.write_cohort_page(folder, reports, run)
    return folder


def write_runs(folder: Path) -> dict[str, Path]:
    """One run of each kind below ``folder``: of samples, of attacks, and of nobody."""
    kinds: dict[str, tuple[Sequence[Report], Run]] = {
        "made": (MADE, MADE_RUN),
        "hostile": (HOSTILE, HOSTILE_RUN),
        "empty": ((), samples.RUN),
    }
    return {name: write_run(folder / name, *kind) for name, kind in kinds.items()}
