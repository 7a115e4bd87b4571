"""Keys of everything that stored evidence depends on. Evidence with a different key is not reused."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from grader import __version__
from grader.answers.finding.sheet import reader_digest
from grader.experiment.rerun import recipe_digest
from grader.experiment.table_files import candidates, experiment_key
from grader.model import Submission
from grader.model.evidence import FORMAT
from grader.pipeline.settings import RunSettings
from grader.storage.fingerprints import reuse_key, worker_digest


@dataclass(frozen=True)
class ReuseKeys:
    """The keys of one submission. ``sheet`` is empty if the answers are not needed, ``experiment`` if there is none."""

    evidence: str
    sheet: str = ""
    experiment: str = ""


def reuse_keys(submission: Submission, settings: RunSettings) -> ReuseKeys:
    """The current keys of a submission."""
    return ReuseKeys(
        _evidence_key(submission, settings),
        _sheet_key(submission, settings),
        experiment_key(submission, settings.data.fingerprint, recipe_digest(), worker_digest()),
    )


def _evidence_key(submission: Submission, settings: RunSettings) -> str:
    """Key of the submission, the data, the training plan and the grader."""
    plan = json.dumps(asdict(settings.training), sort_keys=True, default=str)
    return reuse_key(_work(submission), settings.data.fingerprint, plan, __version__, worker_digest(), FORMAT)


def _sheet_key(submission: Submission, settings: RunSettings) -> str:
    """Key of everything that the sheet of answers depends on."""
    if not (settings.rubric.part1 or settings.rubric.experiment or candidates(submission)):
        return ""
    return reuse_key(_work(submission), reader_digest(), settings.paper.digest)


def _work(submission: Submission) -> str:
    return f"{submission.digest}\n{submission.script}"
