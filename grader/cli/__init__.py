"""The command line: options, commands, and ``doctor``.

May import: ``answers.evaluation``, ``answers.marker``, ``data``, ``export``, ``model``, ``moderation``, ``pipeline``,
``report``, ``report.console``, ``report.html``, ``review``, ``review.page``, ``rubric``, ``safe_text``, ``sandbox``,
``sandbox.cluster.address``, ``similarity``, ``storage``, ``worker.isolate``.
"""
