"""Measure recorded networks: replay the graph, compute gradients, train. No student code runs in a measuring process.

This package does not know the labels of the held-out images, the rubric or the marks.

May import: ``model``, ``worker.record.seeded_values``.
"""
