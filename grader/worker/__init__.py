"""The child side: code that runs beside a submission and sends back what it saw. No rubric, no key, no marks.

May import: ``model``, ``worker.isolate``, ``worker.load``, ``worker.record``, ``worker.wire``.
"""
