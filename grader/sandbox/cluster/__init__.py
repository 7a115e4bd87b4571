"""Measure on the workers of a Dask cluster: the same requests and replies as with a measuring process of this machine.

Graphs, plans and results travel as bytes. No student code runs on a worker, which hands each request to a measuring
process of its own, as isolated as that machine allows.

May import: ``data``, ``model``, ``model.evidence``, ``safe_text``, ``sandbox``, ``storage``.
"""
