"""The pipeline: grades a cohort, and writes a run with its reports.

May import: ``answers``, ``answers.finding``, ``answers.marker``, ``checks``, ``data``, ``experiment``,
``lab4``, ``measure.service.wire``, ``model``, ``moderation``, ``reading``, ``safe_text``, ``sandbox``,
``sandbox.cluster``, ``storage``, ``submissions``.
"""
