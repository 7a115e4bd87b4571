"""What a student's ``pytest`` runs: the public checks, from the folder that was handed out, with no key in it.

The observing and the judging are the grader's own; what lives here is how a student's machine runs them and how the
result is told. Nothing here knows an answer, and torch is imported by the process that runs the student's code only.

May import: ``checks``, ``data``, ``experiment``, ``lab4``, ``measure``, ``model``, ``rubric``, ``safe_text``,
``source``, ``worker``, ``worker.wire``.
"""

from grader.selfcheck.run import SelfCheck, run_self_check
from grader.selfcheck.steps import STEPS, Step

__all__ = ["STEPS", "SelfCheck", "Step", "run_self_check"]
