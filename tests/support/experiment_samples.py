"""Stored experiments for tests, and reports with an experiment."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from grader.experiment.plausibility import BRIEF_STEPS
from grader.lab4.items import EXPERIMENT_TITLES, PART2_TITLES
from grader.model import AnswerSheet, Criterion, Rubric, Submission, WrittenAnswer
from grader.model.experiment import Experiment, Rerun, Trial
from grader.pipeline.marking import report_of
from tests.support import evidence_samples as samples
from tests.support.report_samples import SampleReport

PARAGRAPH = "More channels helped, and larger kernels did not."
WRITTEN = AnswerSheet(observations=WrittenAnswer("observations", PARAGRAPH, "a.md", 0.98))
ALICE = Submission("alice", Path("alice"), "task1_cnn.py", ("task1_cnn.py",), "0" * 64)


def trial(channels1: int = 10, kernel1: int = 5, accuracy: float = 0.97, row: int = 2, **changes: Any) -> Trial:
    return replace(Trial(channels1, 20, kernel1, 5, 2, accuracy, 40.0, row), **changes)


VARIED = (trial(), trial(20, row=3, accuracy=0.975), trial(10, 3, row=4, accuracy=0.968))
RERUN = Rerun(VARIED[0], 1800, 2000, BRIEF_STEPS)
GOOD = Experiment("experiments.csv", VARIED, rerun=RERUN)


def rubric(points: str | None) -> Rubric:
    """A point for each item of the network, and ``points`` for each of the experiment."""
    network = tuple(Criterion(id, id, Decimal(1)) for id in PART2_TITLES)
    tried = tuple(Criterion(id, title, Decimal(points)) for id, title in EXPERIMENT_TITLES.items()) if points else ()
    return Rubric("Lab 4", (), network, samples.PLAN, "r1", samples.MAX_PARAMETERS, samples.MAX_SECONDS, tried)


def marked(points: str | None, experiment: Experiment | None = GOOD, sheet: AnswerSheet = WRITTEN) -> SampleReport:
    """A report on a correct network, with this experiment."""
    report = report_of(ALICE, samples.HEALTHY, rubric(points), sheet=sheet, experiment=experiment)
    return SampleReport.of(report, submission=ALICE, evidence=samples.HEALTHY, sheet=sheet, experiment=experiment)


def with_experiment(report: SampleReport, text: str = PARAGRAPH) -> SampleReport:
    """``report`` with an experiment that carries no points, whose words are all ``text``."""
    said = replace(WRITTEN, observations=WrittenAnswer("observations", text, text, 0.98))
    tried = replace(GOOD, source=text, problems=(text,) * 2, unread=2)
    made = marked(None, tried, said)
    return replace(report, experiment=made.experiment, unmarked=made.unmarked)
