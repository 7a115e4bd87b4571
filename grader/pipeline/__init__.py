"""The pipeline: a cohort in, a run with its reports out.

May import: ``answers``, ``answers.finding``, ``answers.marker``, ``checks``, ``data``, ``experiment``,
``lab4``, ``measure.service.wire``, ``model``, ``moderation``, ``sandbox``, ``storage``,
``submissions``.
"""
