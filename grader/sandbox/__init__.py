"""The parent's side of the worker: processes, deadlines, and evidence read back strictly. No judgement lives here."""

from grader.accuracy import Predictions
from grader.sandbox.level import Level, Wish
from grader.sandbox.limits import Limits
from grader.sandbox.observation import JudgeTraining
from grader.sandbox.pool import Stopped, WorkerPool

__all__ = ["JudgeTraining", "Level", "Limits", "Predictions", "Stopped", "Wish", "WorkerPool"]
