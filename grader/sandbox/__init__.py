"""Run worker processes in a sandbox: start and stop them, enforce limits and deadlines, validate their evidence.

This is the parent's side; in the child, :mod:`grader.worker.isolate` sets up the isolation. This package makes no
findings.

May import: ``model``, ``worker``, ``worker.isolate``, ``worker.wire``.
"""

from grader.sandbox.forkserver import ForkServer
from grader.sandbox.level import Level, Wish
from grader.sandbox.limits import Limits
from grader.sandbox.measuring import MeasurementFailed
from grader.sandbox.observation import OnStage
from grader.sandbox.pool import Stopped, WorkerPool, start_server
from grader.sandbox.reading import Ask, ReadingProcesses

__all__ = [
    "Ask",
    "ForkServer",
    "Level",
    "Limits",
    "MeasurementFailed",
    "OnStage",
    "ReadingProcesses",
    "Stopped",
    "Wish",
    "WorkerPool",
    "start_server",
]
