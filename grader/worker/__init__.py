"""Worker processes: they load a student's script, record its network and send the record to the parent process.

A worker does not measure networks (``measure``), and it does not know the rubric, the answer key or the marks.

May import: ``model``, ``worker.isolate``, ``worker.load``, ``worker.record``, ``worker.wire``.
"""
