"""Measuring recorded networks: replays, gradients, training. No student code ever enters a process that imports this.

It may import ``model``, ``pictures`` and ``worker.chosen``. It knows no held-out label, no rubric and no mark.

May import: ``model``, ``worker.record.chosen``.
"""
