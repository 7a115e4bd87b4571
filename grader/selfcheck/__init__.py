"""The self-check: what ``pytest`` runs in the folder that students get. It contains no answers.

It records, measures and checks a network with the grader's own code. This package runs that code on a student's
computer and shows the result. Only the process that runs the student's code imports torch.

May import: ``answers``, ``answers.documents``, ``answers.finding``, ``checks``, ``data``, ``experiment``, ``lab4``,
``measure``, ``model``, ``report.html``, ``rubric``, ``safe_text``, ``source``, ``submissions``, ``worker``,
``worker.load``, ``worker.wire``.
"""

from grader.selfcheck.outcome import SelfCheck
from grader.selfcheck.run import run_self_check
from grader.selfcheck.steps import STEPS, Step

__all__ = ["STEPS", "SelfCheck", "Step", "run_self_check"]
