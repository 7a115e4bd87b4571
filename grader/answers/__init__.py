"""The written answers of Part 1: reading them, cutting them into parts, and marking each part against the key.

May import: ``answers.finding``, ``answers.marker``, ``checks``, ``model``.
"""
