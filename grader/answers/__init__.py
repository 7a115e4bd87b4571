"""The written answers of Part 1: reads documents, finds the answer to each part, marks it against the key.

May import: ``answers.finding``, ``answers.marker``, ``checks``, ``model``.
"""
