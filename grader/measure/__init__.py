"""Measuring recorded networks: replays, gradients, training. No student code ever enters a process that imports this.

It may import ``model``, ``data``'s plain records and ``worker.chosen``; it knows no label of a held-out image, no rubric
and no mark.
"""
